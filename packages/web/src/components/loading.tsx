/**
 * What stands where something loads: nothing for 150 ms, then bars of the final geometry, after 4 s the time and a way out.
 */
import { type CSSProperties, type ReactNode, useEffect, useState } from "react";
import { formatElapsed } from "../format/duration.ts";
import { Button } from "./button.tsx";
import { classNames } from "./class-names.ts";
import styles from "./loading.module.css";

/** A grey bar in place of a text. */
export function SkeletonBar({
  width,
  className,
}: {
  readonly width: CSSProperties["width"];
  readonly className?: string;
}) {
  return <div className={classNames(styles.skeleton, className)} style={{ width }} />;
}

/** Shows its children after 150 ms, and a hint once it takes long. */
export function Loading(props: {
  readonly onCancel?: () => void;
  readonly label: string;
  readonly children: ReactNode;
}) {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <div className={styles.late} aria-busy="true">
      <span className="visually-hidden" role="status">
        {props.label}
      </span>
      <div aria-hidden>{props.children}</div>
      {seconds >= 4 && (
        <div className={styles.slow}>
          Still loading, {formatElapsed(seconds * 1000)}
          {props.onCancel && <Button onClick={props.onCancel}>Cancel</Button>}
        </div>
      )}
    </div>
  );
}
