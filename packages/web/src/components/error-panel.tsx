/**
 * A panel that failed: what failed, why, the request's id, and what can be done.
 */
import { CircleX, RotateCw } from "lucide-react";
import type { ReactNode } from "react";
import { reportError } from "../data/errors.ts";
import { Button } from "./button.tsx";
import { CopyButton } from "./copy-button.tsx";
import styles from "./error-panel.module.css";

export function ErrorPanel(props: {
  /** What failed, as a sentence without a full stop: "The traces could not be loaded". */
  readonly title: string;
  readonly error: unknown;
  readonly onRetry?: () => void;
  /** Further ways on. */
  readonly children?: ReactNode;
}) {
  const { code, message, requestId } = reportError(props.error);
  const meta = requestId === undefined ? code : `${code} · request ${requestId}`;
  return (
    <div className={styles.panel} role="alert">
      <h2 className={styles.title}>
        <CircleX size={16} strokeWidth={1.5} aria-hidden />
        {props.title}
      </h2>
      <p className={styles.message}>{message}</p>
      <p className={styles.meta}>{meta}</p>
      <div className={styles.actions}>
        {props.onRetry && (
          <Button look="outlined" icon={RotateCw} onClick={props.onRetry}>
            Retry
          </Button>
        )}
        <CopyButton
          withWords
          label="Copy details"
          text={() => `${props.title}: ${message}\n${meta}\n${location.href}`}
        />
        {props.children}
      </div>
    </div>
  );
}
