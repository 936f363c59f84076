/**
 * The tree of a trace beside its waterfall: a virtual tree grid with one selected span.
 */
import { useVirtualizer } from "@tanstack/react-virtual";
import { ChevronsDownUp, ChevronsUpDown, ZoomIn, ZoomOut } from "lucide-react";
import { type RefObject, useEffect, useMemo, useRef } from "react";
import { IconButton } from "../components/button.tsx";
import { classNames } from "../components/class-names.ts";
import { GridHead, GridRow } from "../components/grid-parts.tsx";
import { NARROW, useMedia } from "../components/use-media.ts";
import { formatDuration } from "../format/duration.ts";
import { formatCount } from "../format/number.ts";
import { shownKey } from "../keys/key-map.ts";
import { type Axis, type Timeline, ticks } from "./layout.ts";
import { percent, rowId, SpanRow } from "./span-row.tsx";
import type { SpanTree, TreeRow } from "./tree.ts";
import styles from "./tree-table.module.css";

const ROW_HEIGHT = 26;
const HEAD_HEIGHT = 28;
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
          <IconButton
            small
            icon={zoom ? ZoomOut : ZoomIn}
            label={zoom ? "Show the whole trace" : "Fit the time axis to the selected span"}
            shortcut={shownKey("zoom")}
            onClick={props.onZoom}
          />
          <IconButton small icon={ChevronsUpDown} label="Expand all" onClick={() => props.onFoldAll(false)} />
          <IconButton small icon={ChevronsDownUp} label="Collapse all" onClick={() => props.onFoldAll(true)} />
        </GridHead>
        <GridHead className={styles.axis} aria-label="Time">
          {marks.map(({ us, left }) => (
            <span key={us} className={styles.tick} style={{ left: percent(left) }} aria-hidden>
              {left > LAST_LABEL ? "" : us === 0 ? "0" : tickLabel(us)}
            </span>
          ))}
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

/** A label that begins further right would run into the next column. */
const LAST_LABEL = 0.88;

function tickLabel(us: number): string {
  // Ticks stand at round times: their zeros say nothing.
  return formatDuration(us / 1000)
    .replace(/\.0+ /, " ")
    .replace(/(\.\d*?)0+ /, "$1 ")
    .replace(/ 0 \w$/, "");
}
