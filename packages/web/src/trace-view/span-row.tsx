/**
 * One line of the tree: the span's name in its place, and its bar on the time axis.
 */
import { ChevronRight, CircleX, TriangleAlert, Unlink } from "lucide-react";
import { type CSSProperties, memo } from "react";
import { classNames } from "../components/class-names.ts";
import { GridCell, GridRow } from "../components/grid-parts.tsx";
import { displayText } from "../format/display-text.ts";
import { formatDuration } from "../format/duration.ts";
import { formatCount } from "../format/number.ts";
import { type Axis, clockSkewUs, stretch, type Timeline } from "./layout.ts";
import { KindIcon, kindColour, kindOf, typeLabel } from "./span-kind.tsx";
import { ORPHAN_GROUP, type SpanTree, type TreeRow } from "./tree.ts";
import styles from "./tree-table.module.css";

const INDENT = 14;
/** Indentation stops here: names of deep spans stay readable, and their level is told to screen readers. */
const MAX_INDENT_LEVELS = 14;

/** Id of a span's row in the document. */
export function rowId(span: number): string {
  return `span-row-${span}`;
}

/** A fraction as CSS writes it. */
export function percent(fraction: number): string {
  return `${fraction * 100}%`;
}

interface SpanRowProps {
  readonly row: TreeRow;
  readonly index: number;
  readonly offset: number;
  readonly tree: SpanTree;
  readonly timeline: Timeline;
  readonly axis: Axis;
  readonly isSelected: boolean;
  readonly onSelect: (span: number) => void;
  readonly onToggle: (span: number) => void;
}

/** Drawn again only when something of its own changes. */
export const SpanRow = memo(function SpanRow(props: SpanRowProps) {
  const { row, tree, timeline, isSelected } = props;
  const { span } = row;
  const isGroup = span === ORPHAN_GROUP;
  const isFailed = !isGroup && tree.spans.status[span] === "ERROR";
  const durationUs = tree.spans.durationUs[span] ?? 0;
  const tokens = tree.spans.tokens[span] ?? 0;
  const name = displayText(tree.spans.name[span] ?? "");
  return (
    <GridRow
      id={rowId(span)}
      aria-rowindex={props.index + 1}
      aria-level={row.depth + 1}
      aria-posinset={row.position}
      aria-setsize={row.setSize}
      aria-expanded={row.open}
      aria-selected={isSelected}
      className={classNames(
        styles.row,
        isSelected && styles.selected,
        isFailed && styles.failed,
        isGroup && styles.group,
      )}
      style={{ transform: `translateY(${props.offset}px)` }}
      data-testid="span-row"
      data-span-id={tree.spans.spanId[span]}
      onClick={() => (isGroup ? props.onToggle(span) : props.onSelect(span))}
      onDoubleClick={() => row.open !== undefined && !isGroup && props.onToggle(span)}
    >
      <GridCell className={styles.name} style={{ paddingLeft: 8 + Math.min(row.depth, MAX_INDENT_LEVELS) * INDENT }}>
        <Toggle row={row} onToggle={props.onToggle} />
        {isGroup ? (
          <>
            <Unlink size={14} strokeWidth={1.5} className={styles.warn} aria-hidden />
            <span className={styles.label}>Parent not received: {orphanCount(tree)}</span>
          </>
        ) : (
          <>
            <KindIcon spanType={tree.spans.spanType[span] ?? ""} named />
            <span className={styles.label} title={name}>
              {name}
            </span>
            {isFailed && (
              <>
                <CircleX size={13} strokeWidth={1.75} className={styles.mark} aria-hidden />
                <span className="visually-hidden">failed</span>
              </>
            )}
            <SkewMark tree={tree} span={span} />
          </>
        )}
      </GridCell>
      <GridCell className={styles.track}>
        {!isGroup && <Bar tree={tree} timeline={timeline} axis={props.axis} span={span} />}
      </GridCell>
      <GridCell className={classNames(styles.number, styles.tokens)}>
        {!isGroup && tokens > 0 ? formatCount(tokens) : ""}
      </GridCell>
      <GridCell className={styles.number}>
        {isGroup ? "" : durationUs < 0 ? "running" : formatDuration(durationUs / 1000)}
      </GridCell>
    </GridRow>
  );
});

function orphanCount(tree: SpanTree): string {
  return tree.orphans.length === 1 ? "1 span" : `${formatCount(tree.orphans.length)} spans`;
}

/** The mouse's way to fold; keys use the arrows, so it takes no focus of its own. */
function Toggle({ row, onToggle }: { readonly row: TreeRow; readonly onToggle: (span: number) => void }) {
  if (row.open === undefined) return <span className={styles.toggle} />;
  return (
    <button
      type="button"
      tabIndex={-1}
      className={classNames(styles.toggle, row.open && styles.open)}
      aria-label={row.open ? "Fold" : "Unfold"}
      onClick={(event) => {
        event.stopPropagation();
        onToggle(row.span);
      }}
      onDoubleClick={(event) => event.stopPropagation()}
    >
      <ChevronRight size={12} strokeWidth={2} aria-hidden />
    </button>
  );
}

function SkewMark({ tree, span }: { readonly tree: SpanTree; readonly span: number }) {
  const skewUs = clockSkewUs(tree, span);
  if (skewUs === 0) return null;
  const words = `Starts ${formatDuration(skewUs / 1000)} before its parent: the clocks of two machines differ`;
  return (
    <span className={styles.warn} title={words}>
      <TriangleAlert size={13} strokeWidth={1.75} aria-hidden />
      <span className="visually-hidden">{words}</span>
    </span>
  );
}

/** Time on the critical path solid, the rest tinted. */
function Bar(props: {
  readonly tree: SpanTree;
  readonly timeline: Timeline;
  readonly axis: Axis;
  readonly span: number;
}) {
  const { tree, timeline, axis, span } = props;
  const spanType = tree.spans.spanType[span] ?? "";
  const startUs = tree.spans.startUs[span] ?? 0;
  const endUs = timeline.endUs[span] ?? startUs;
  const bar = stretch(startUs, endUs, axis);
  if (!bar) return null;
  const criticalStart = timeline.criticalStartUs[span] ?? -1;
  const isRunning = (tree.spans.durationUs[span] ?? 0) < 0;
  // Both are cut by the axis, so the one is placed within what is left of the other.
  const seen = { fromUs: Math.max(startUs, axis.fromUs), toUs: Math.max(Math.min(endUs, axis.toUs), startUs + 1) };
  const critical =
    criticalStart < 0 || isRunning ? undefined : stretch(criticalStart, timeline.criticalEndUs[span] ?? 0, seen);
  return (
    <div
      className={classNames(styles.bar, isRunning && styles.running)}
      style={{
        // A bar of no length at the very end still has to be seen.
        left: `min(${percent(bar.left)}, calc(100% - 2px))`,
        width: percent(bar.width),
        ["--kind" as keyof CSSProperties]: kindColour(kindOf(spanType)),
      }}
      title={`${typeLabel(spanType)}: starts at ${formatDuration(startUs / 1000)}`}
    >
      {critical && (
        <div className={styles.critical} style={{ left: percent(critical.left), width: percent(critical.width) }} />
      )}
    </div>
  );
}
