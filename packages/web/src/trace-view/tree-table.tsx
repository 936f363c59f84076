/**
 * The tree of a trace beside its waterfall: a virtual tree grid with one selected span.
 */
import { useVirtualizer } from "@tanstack/react-virtual";
import {
  ChevronRight,
  ChevronsDownUp,
  ChevronsUpDown,
  CircleX,
  TriangleAlert,
  Unlink,
  ZoomIn,
  ZoomOut,
} from "lucide-react";
import { type CSSProperties, memo, type RefObject, useEffect, useMemo, useRef } from "react";
import { IconButton } from "../components/button.tsx";
import { classNames } from "../components/class-names.ts";
import { GridCell, GridHead, GridRow } from "../components/grid-parts.tsx";
import { NARROW, useMedia } from "../components/use-media.ts";
import { displayText } from "../format/display-text.ts";
import { formatDuration } from "../format/duration.ts";
import { formatCount } from "../format/number.ts";
import { shownKey } from "../keys/key-map.ts";
import { type Axis, clockSkewUs, stretch, type Timeline, ticks } from "./layout.ts";
import { KindIcon, kindColour, kindOf, typeLabel } from "./span-kind.tsx";
import { ORPHAN_GROUP, type SpanTree, type TreeRow } from "./tree.ts";
import styles from "./tree-table.module.css";

const ROW_HEIGHT = 26;
const HEAD_HEIGHT = 28;
const INDENT = 14;
/** Indentation stops here: names of deep spans stay readable, and their level is told to screen readers. */
const MAX_INDENT_LEVELS = 14;
const MAX_TICKS = 5;

export interface TreeTableProps {
  readonly tree: SpanTree;
  readonly timeline: Timeline;
  readonly rows: readonly TreeRow[];
  /** Index of the selected span. */
  readonly selected: number;
  readonly onSelect: (span: number) => void;
  readonly onToggle: (span: number) => void;
  readonly onFoldAll: (folded: boolean) => void;
  /** What the time axis shows; absent = the whole trace. */
  readonly zoom: Axis | undefined;
  readonly onZoom: () => void;
  readonly gridRef: RefObject<HTMLDivElement | null>;
}

export function TreeTable(props: TreeTableProps) {
  const { tree, timeline, rows, selected, gridRef } = props;
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => gridRef.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => rows[index]?.span ?? index,
    overscan: 12,
    scrollMargin: HEAD_HEIGHT,
    scrollPaddingStart: HEAD_HEIGHT,
  });
  const selectedRow = useMemo(() => rows.findIndex((row) => row.span === selected), [rows, selected]);
  const isFirst = useRef(true);
  // Only a move of the selection scrolls: a trace that grows while one reads it does not.
  // biome-ignore lint/correctness/useExhaustiveDependencies: selectedRow also changes when rows come or go above it
  useEffect(() => {
    // What a page opens with stands in the middle, with what led to it above.
    if (selectedRow !== -1) virtualizer.scrollToIndex(selectedRow, { align: isFirst.current ? "center" : "auto" });
    isFirst.current = false;
  }, [selected, virtualizer]);

  const isNarrow = useMedia(NARROW);
  const { zoom } = props;
  const axis = useMemo<Axis>(() => zoom ?? { fromUs: 0, toUs: timeline.totalUs }, [zoom, timeline.totalUs]);
  const marks = useMemo(
    () =>
      ticks(axis, isNarrow ? 2 : MAX_TICKS).map((us) => ({ us, left: (us - axis.fromUs) / (axis.toUs - axis.fromUs) })),
    [axis, isNarrow],
  );
  const hasTokens = useMemo(() => tree.spans.tokens.some((tokens) => tokens > 0), [tree]);
  return (
    <div
      ref={gridRef}
      role="treegrid"
      aria-label="Spans"
      aria-rowcount={rows.length}
      aria-activedescendant={selectedRow === -1 ? undefined : rowId(selected)}
      tabIndex={0}
      className={classNames(styles.table, !hasTokens && styles.noTokens)}
      data-testid="span-tree"
    >
      <GridRow className={styles.head}>
        <GridHead className={styles.headName}>
          <span>{tree.size === 1 ? "1 span" : `${formatCount(tree.size)} spans`}</span>
          <IconButton small icon={ChevronsUpDown} label="Expand all" onClick={() => props.onFoldAll(false)} />
          <IconButton small icon={ChevronsDownUp} label="Collapse all" onClick={() => props.onFoldAll(true)} />
        </GridHead>
        <GridHead className={styles.axis} aria-label="Time">
          {marks.map(({ us, left }) => (
            <span key={us} className={styles.tick} style={{ left: percent(left) }} aria-hidden>
              {left > LAST_LABEL ? "" : us === 0 ? "0" : tickLabel(us)}
            </span>
          ))}
          <IconButton
            small
            icon={zoom ? ZoomOut : ZoomIn}
            className={styles.zoom}
            label={zoom ? "Show the whole trace" : "Fit the time axis to the selected span"}
            shortcut={shownKey("zoom")}
            onClick={props.onZoom}
          />
        </GridHead>
        <GridHead className={classNames(styles.number, styles.tokens)}>Tokens</GridHead>
        <GridHead className={styles.number}>Duration</GridHead>
      </GridRow>
      <div role="presentation" className={styles.rows} style={{ height: virtualizer.getTotalSize() }}>
        <div className={styles.grid} aria-hidden>
          <div className={styles.lines}>
            {marks.map(({ us, left }) => (
              <span key={us} className={styles.line} style={{ left: percent(left) }} />
            ))}
          </div>
        </div>
        {virtualizer.getVirtualItems().map((item) => {
          const row = rows[item.index];
          return (
            row && (
              <SpanRow
                key={item.key}
                row={row}
                index={item.index}
                offset={item.start - HEAD_HEIGHT}
                tree={tree}
                timeline={timeline}
                axis={axis}
                isSelected={row.span === selected}
                onSelect={props.onSelect}
                onToggle={props.onToggle}
              />
            )
          );
        })}
      </div>
    </div>
  );
}

function rowId(span: number): string {
  return `span-row-${span}`;
}

function percent(fraction: number): string {
  return `${fraction * 100}%`;
}

/** A label that begins further right would run under the zoom button. */
const LAST_LABEL = 0.82;

function tickLabel(us: number): string {
  // Ticks stand at round times: their zeros say nothing.
  return formatDuration(us / 1000)
    .replace(/\.0+ /, " ")
    .replace(/(\.\d*?)0+ /, "$1 ")
    .replace(/ 0 \w$/, "");
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

const SpanRow = memo(function SpanRow(props: SpanRowProps) {
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
