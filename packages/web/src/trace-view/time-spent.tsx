/**
 * Where the time went: the critical path by kind of span, as one bar with its legend.
 */
import { type CSSProperties, useMemo } from "react";
import { type Timeline, timeByGroup } from "./layout.ts";
import { type KindName, kindColour, kindLabel, kindOf } from "./span-kind.tsx";
import styles from "./time-spent.module.css";
import type { SpanTree } from "./tree.ts";

/** Groups in the legend; the rest is too small to matter. */
const MAX_GROUPS = 5;

export function TimeSpent({ tree, timeline }: { readonly tree: SpanTree; readonly timeline: Timeline }) {
  const groups = useMemo(() => timeByGroup(tree, timeline, kindOf), [tree, timeline]);
  return (
    <div className={styles.spent} title="The critical path: time that would make the trace shorter if it were saved">
      <span className={styles.bar} aria-hidden>
        {groups.map(({ group, fraction }) => (
          <span key={group} style={{ flexGrow: fraction, ...colour(group) }} />
        ))}
      </span>
      <span className={styles.legend}>
        <span className="visually-hidden">Where the time went:</span>
        {groups.slice(0, MAX_GROUPS).map(({ group, fraction }) => (
          <span key={group} className={styles.entry}>
            <span className={styles.swatch} style={colour(group)} aria-hidden />
            {group === "idle" ? "Idle" : kindLabel(group)} <strong>{formatShare(fraction)}</strong>
          </span>
        ))}
      </span>
    </div>
  );
}

function colour(group: KindName | "idle"): CSSProperties {
  return { ["--kind" as keyof CSSProperties]: group === "idle" ? "var(--hairline)" : kindColour(group) };
}

function formatShare(fraction: number): string {
  const percent = fraction * 100;
  return percent < 1 ? "<1%" : `${Math.round(percent)}%`;
}
