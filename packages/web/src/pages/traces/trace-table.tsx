/**
 * The list of traces: a virtual grid that pages itself, with one active row for the keyboard.
 */
import type { TraceInfo } from "@sightline/wire/model/trace";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { memo, type RefObject, useEffect, useRef } from "react";
import { classNames } from "../../components/class-names.ts";
import { GridCell, GridHead, GridRow } from "../../components/grid-parts.tsx";
import { Loading, SkeletonBar } from "../../components/loading.tsx";
import { NARROW, useMedia } from "../../components/use-media.ts";
import type { SortOrder } from "../../data/trace-list.ts";
import { displayText } from "../../format/display-text.ts";
import type { RawSearch } from "../../search-params.ts";
import { type Column, columns } from "./columns.tsx";
import styles from "./trace-table.module.css";

const ROW_HEIGHT = 28;
/** Phones: name, input and output below each other. */
const NARROW_ROW_HEIGHT = 76;
const HEAD_HEIGHT = 28;
/** Rows from the end at which the next page is asked for: more than a screen, so that scrolling rarely meets it. */
const PAGE_AHEAD = 40;

export interface TraceTableProps {
  readonly traces: readonly TraceInfo[];
  readonly exp: string;
  /** Parameters that go along to the trace's page. */
  readonly linkSearch: RawSearch;
  readonly sort: SortOrder;
  readonly onSort: (sort: SortOrder) => void;
  /** Trace of the row that the keyboard is on. */
  readonly activeId: string | undefined;
  readonly isStale: boolean;
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
  readonly onLoadMore: () => void;
  readonly onAtTop: (isAtTop: boolean) => void;
  readonly gridRef: RefObject<HTMLDivElement | null>;
}

export function TraceTable(props: TraceTableProps) {
  const { traces, activeId, gridRef, hasMore, isLoadingMore, onLoadMore, onAtTop } = props;
  const isNarrow = useMedia(NARROW);
  const rowHeight = isNarrow ? NARROW_ROW_HEIGHT : ROW_HEIGHT;
  const headHeight = isNarrow ? 0 : HEAD_HEIGHT;
  const virtualizer = useVirtualizer({
    count: traces.length,
    getScrollElement: () => gridRef.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => traces[index]?.traceId ?? index,
    overscan: 12,
    scrollMargin: headHeight,
    scrollPaddingStart: headHeight,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: sizes are cached by row; another height makes them all wrong
  useEffect(() => virtualizer.measure(), [rowHeight, virtualizer]);

  const rows = virtualizer.getVirtualItems();
  const lastIndex = rows.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && !isLoadingMore && lastIndex >= traces.length - PAGE_AHEAD) onLoadMore();
  }, [hasMore, isLoadingMore, lastIndex, onLoadMore, traces.length]);

  // The keyboard moved to a row: it has to be in view. Rows that arrive above it are no reason to scroll.
  const tracesRef = useRef(traces);
  tracesRef.current = traces;
  useEffect(() => {
    const index = activeId === undefined ? -1 : tracesRef.current.findIndex((trace) => trace.traceId === activeId);
    if (index !== -1) virtualizer.scrollToIndex(index, { align: "auto" });
  }, [activeId, virtualizer]);

  return (
    // biome-ignore lint/a11y/useSemanticElements: a table element would hold all rows, this one those in view
    <div
      ref={gridRef}
      role="grid"
      aria-label="Traces"
      aria-rowcount={hasMore ? -1 : traces.length + 1}
      aria-colcount={columns.length}
      aria-activedescendant={activeId === undefined ? undefined : rowId(activeId)}
      tabIndex={0}
      className={styles.scroller}
      data-testid="trace-grid"
      onScroll={(event) => onAtTop(event.currentTarget.scrollTop < rowHeight)}
    >
      <TableHead sort={props.sort} onSort={props.onSort} />
      <div
        role="presentation"
        className={classNames(styles.rows, props.isStale && styles.stale)}
        style={{ height: virtualizer.getTotalSize() }}
      >
        {rows.map((row) => {
          const trace = traces[row.index];
          return (
            trace && (
              <TraceRow
                key={row.key}
                trace={trace}
                index={row.index}
                offset={row.start - headHeight}
                exp={props.exp}
                linkSearch={props.linkSearch}
                isActive={trace.traceId === activeId}
              />
            )
          );
        })}
      </div>
      {isLoadingMore && <p className={styles.more}>Loading more…</p>}
    </div>
  );
}

function rowId(traceId: string): string {
  return `row-${traceId}`;
}

function TableHead(props: { readonly sort: SortOrder; readonly onSort: (sort: SortOrder) => void }) {
  return (
    <GridRow aria-rowindex={1} className={styles.head}>
      {columns.map((column) => (
        <HeadCell key={column.id} column={column} {...props} />
      ))}
    </GridRow>
  );
}

function HeadCell(props: {
  readonly column: Column;
  readonly sort: SortOrder;
  readonly onSort: (sort: SortOrder) => void;
}) {
  const { header, className, sort } = props.column;
  const direction = sort && (props.sort === sort.down ? "descending" : props.sort === sort.up ? "ascending" : "none");
  const Arrow = direction === "ascending" ? ArrowUp : ArrowDown;
  return (
    <GridHead className={className} aria-sort={direction}>
      {sort ? (
        <button
          type="button"
          className={styles.sort}
          onClick={() => props.onSort(props.sort === sort.down ? sort.up : sort.down)}
        >
          {header}
          <Arrow size={12} strokeWidth={1.75} className={classNames(direction === "none" && styles.idle)} aria-hidden />
        </button>
      ) : (
        header
      )}
    </GridHead>
  );
}

const TraceRow = memo(function TraceRow(props: {
  readonly trace: TraceInfo;
  readonly index: number;
  readonly offset: number;
  readonly exp: string;
  readonly linkSearch: RawSearch;
  readonly isActive: boolean;
}) {
  const { trace, isActive } = props;
  return (
    <GridRow
      id={rowId(trace.traceId)}
      aria-rowindex={props.index + 2}
      aria-selected={isActive}
      className={classNames(styles.row, isActive && styles.active)}
      style={{ transform: `translateY(${props.offset}px)` }}
      data-testid="trace-row"
      data-trace-id={trace.traceId}
      data-state={trace.state}
    >
      {columns.map((column) => (
        <GridCell key={column.id} className={column.className}>
          {column.id === "name" ? (
            <Link
              to="/e/$exp/traces/$traceId"
              params={{ exp: props.exp, traceId: trace.traceId }}
              search={props.linkSearch}
              tabIndex={-1}
              title={displayText(trace.name)}
            >
              {displayText(trace.name)}
            </Link>
          ) : (
            column.cell(trace)
          )}
        </GridCell>
      ))}
    </GridRow>
  );
});

/** Widths of the bars of a loading row, by column; texts of a list are never equally long. */
const SKELETON_WIDTHS = ["12px", "56px", "70%", "85%", "60%", "40px", "32px", "48px", "60%"];

/** The list while nothing of it is known: the same rows, grey. */
export function TraceTableSkeleton({ onCancel }: { readonly onCancel: () => void }) {
  return (
    <div className={styles.scroller}>
      <div className={styles.head} aria-hidden>
        {columns.map((column) => (
          <div key={column.id} className={column.className}>
            {column.header}
          </div>
        ))}
      </div>
      <Loading label="Loading traces" onCancel={onCancel}>
        {Array.from({ length: 24 }, (_, row) => row).map((row) => (
          <div key={row} className={classNames(styles.row, styles.skeleton)}>
            {columns.map((column, index) => (
              <div key={column.id} className={column.className}>
                <SkeletonBar width={SKELETON_WIDTHS[index]} />
              </div>
            ))}
          </div>
        ))}
      </Loading>
    </div>
  );
}
