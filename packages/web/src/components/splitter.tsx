/**
 * The line between two panes: dragged, or moved by the arrow keys.
 */
import { type KeyboardEvent, type PointerEvent, useState } from "react";
import styles from "./splitter.module.css";

const STEP = 2;

/**
 * @param value  share of the pane before it, in percent of the parent's width
 */
export function Splitter(props: {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly onChange: (value: number) => void;
}) {
  const { value, min, max, onChange } = props;
  const [isDragging, setIsDragging] = useState(false);
  const set = (next: number) => onChange(Math.round(Math.min(Math.max(next, min), max) * 10) / 10);
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    if (!isDragging) return;
    const frame = event.currentTarget.parentElement?.getBoundingClientRect();
    if (frame) set(((event.clientX - frame.left) / frame.width) * 100);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = { ArrowLeft: value - STEP, ArrowRight: value + STEP, Home: min, End: max }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    set(next);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: hr cannot be moved
    <div
      role="separator"
      aria-label={props.label}
      aria-orientation="vertical"
      aria-valuenow={Math.round(value)}
      aria-valuemin={min}
      aria-valuemax={max}
      tabIndex={0}
      className={styles.splitter}
      data-dragging={isDragging}
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        setIsDragging(true);
      }}
      onPointerMove={onPointerMove}
      onPointerUp={() => setIsDragging(false)}
      onPointerCancel={() => setIsDragging(false)}
      onKeyDown={onKeyDown}
    />
  );
}
