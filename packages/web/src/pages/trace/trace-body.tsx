/**
 * The body of a trace's page: facts, error band, tree with waterfall, inspector.
 */
import type { TraceInfo, TraceSkeleton } from "@sightline/wire/model/trace";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { classNames } from "../../components/class-names.ts";
import { Splitter } from "../../components/splitter.tsx";
import { useNow } from "../../components/use-now.ts";
import { usePrefetchSpan } from "../../data/queries.ts";
import { useKeys } from "../../keys/use-keys.ts";
import { remember, useRemembered } from "../../remembered.ts";
import { type Axis, layOut, zoomTo } from "../../trace-view/layout.ts";
import type { DetailTab } from "../../trace-view/span-detail/detail-tabs.ts";
import { SpanDetail } from "../../trace-view/span-detail/span-detail.tsx";
import { TimeSpent } from "../../trace-view/time-spent.tsx";
import {
  buildTree,
  childrenOf,
  deepestFailure,
  failures,
  ORPHAN_GROUP,
  type SpanTree,
  visibleRows,
} from "../../trace-view/tree.ts";
import { TreeTable } from "../../trace-view/tree-table.tsx";
import { ErrorBand } from "./error-band.tsx";
import { TraceFacts } from "./trace-facts.tsx";
import styles from "./trace-page.module.css";
import { useFolds } from "./use-folds.ts";

/** Share of the tree, in percent. */
const treeShare = remember("tree-share", (text) => {
  const share = Number(text);
  return text !== null && share >= MIN_SHARE && share <= MAX_SHARE ? share : 58;
});
const MIN_SHARE = 25;
const MAX_SHARE = 80;
/** Payloads of the spans above and below are loaded when the selection rests this long. */
const PREFETCH_AFTER_MS = 150;

export interface TraceBodyProps {
  readonly skeleton: TraceSkeleton;
  /** Id of the selected span; absent = the one a reader wants first. */
  readonly spanId: string | undefined;
  readonly tab: DetailTab;
  /** Keeps another span or tab in the URL. */
  readonly onChange: (change: { readonly span?: string | undefined; readonly tab?: DetailTab | undefined }) => void;
  /** Address of this trace's page. */
  readonly pageLink: () => string;
  /** `page`: panes side by side, all keys. `peek`: panes below each other; the list has the keys that move. */
  readonly form: "page" | "peek";
}

export function TraceBody(props: TraceBodyProps) {
  const { onChange, form } = props;
  const { info, spans } = props.skeleton;
  const { traceId } = info;
  const [share, setShare] = useRemembered(treeShare);
  const grid = useRef<HTMLDivElement>(null);

  const tree = useMemo(() => buildTree(spans), [spans]);
  const failed = useMemo(() => failures(tree), [tree]);
  const timeline = useTimeline(tree, info);
  const [zoom, setZoom] = useState<Axis>();
  const folds = useFolds(tree);
  const { closed, toggle, show } = folds;

  // Errors first: without a choice in the URL the deepest failing span is shown. Decided once: while a trace runs, what one reads
  // must not be replaced by the next failure.
  const first = deepestFailure(tree) ?? tree.roots[0] ?? tree.orphans[0] ?? 0;
  const [firstId] = useState(() => tree.spans.spanId[first] ?? "");
  const found = tree.spans.spanId.indexOf(props.spanId ?? firstId);
  const selected = found === -1 ? first : found;

  const select = useCallback(
    (span: number) => {
      show(span);
      onChange({ span: tree.spans.spanId[span] });
    },
    [onChange, show, tree],
  );

  const rows = useMemo(() => visibleRows(tree, closed), [tree, closed]);
  const spanRows = useMemo(() => rows.filter((row) => row.span !== ORPHAN_GROUP), [rows]);
  const at = spanRows.findIndex((row) => row.span === selected);
  const selectRow = (index: number) => {
    const row = spanRows[Math.min(Math.max(index, 0), spanRows.length - 1)];
    if (row) select(row.span);
    grid.current?.focus({ preventScroll: true });
  };
  const stepError = (step: number) => {
    if (failed.length === 0) return;
    const current = failed.indexOf(selected);
    // From a span that is none of the failures, forward means the first one.
    const next = current === -1 ? (step > 0 ? 0 : failed.length - 1) : (current + step + failed.length) % failed.length;
    select(failed[next] ?? 0);
  };
  const selectParent = () => {
    const parent = tree.parent[selected] ?? -1;
    if (parent >= 0) select(parent);
  };
  const toggleZoom = () => setZoom(zoom ? undefined : zoomTo(tree, timeline, selected));
  const moves = {
    "next span": () => selectRow(at + 1),
    "previous span": () => selectRow(at - 1),
    "first span": () => selectRow(0),
    "last span": () => selectRow(spanRows.length - 1),
    "open span": () => {
      const child = childrenOf(tree, selected)[0];
      if (child === undefined) return;
      if (closed.has(selected)) toggle(selected);
      else select(child);
    },
    "close span": () => {
      if (childrenOf(tree, selected).length > 0 && !closed.has(selected)) toggle(selected);
      else selectParent();
    },
    "parent span": selectParent,
    zoom: toggleZoom,
  };
  useKeys({
    ...(form === "page" && moves),
    "next error": () => stepError(1),
    "previous error": () => stepError(-1),
  });

  usePrefetchAround(traceId, tree, spanRows, at);

  const spanLink = () => {
    const url = new URL(props.pageLink());
    url.searchParams.set("span", tree.spans.spanId[selected] ?? "");
    return url.href;
  };
  const isPeek = form === "peek";
  return (
    <>
      <TraceFacts info={info} />
      {failed.length > 0 && (
        <ErrorBand
          traceId={traceId}
          info={info}
          tree={tree}
          failed={failed}
          selected={selected}
          onSelect={select}
          onNext={() => stepError(1)}
        />
      )}
      <div className={classNames(styles.panes, isPeek && styles.stacked)}>
        <div className={styles.treePane} style={isPeek ? undefined : { width: `${share}%` }}>
          <TreeTable
            tree={tree}
            timeline={timeline}
            rows={rows}
            selected={selected}
            onSelect={select}
            onToggle={toggle}
            onFoldAll={folds.foldAll}
            zoom={zoom}
            onZoom={toggleZoom}
            gridRef={grid}
          />
          <div className={styles.treeFoot}>
            <TimeSpent tree={tree} timeline={timeline} />
          </div>
        </div>
        {!isPeek && (
          <Splitter label="Width of the tree" value={share} min={MIN_SHARE} max={MAX_SHARE} onChange={setShare} />
        )}
        <div className={styles.detailPane}>
          {tree.size > 0 && (
            <SpanDetail
              traceId={traceId}
              tree={tree}
              span={selected}
              tab={props.tab}
              onTab={(tab) => onChange({ tab: tab === "io" ? undefined : tab })}
              link={spanLink}
            />
          )}
        </div>
      </div>
    </>
  );
}

/** The layout; of a running trace it grows with the clock. */
function useTimeline(tree: SpanTree, info: TraceInfo) {
  const isRunning = info.state === "IN_PROGRESS";
  const now = useNow(isRunning);
  const nowUs = isRunning ? Math.max((now - Date.parse(info.requestTime)) * 1000, 0) : 0;
  return useMemo(() => layOut(tree, nowUs), [tree, nowUs]);
}

function usePrefetchAround(traceId: string, tree: SpanTree, rows: readonly { readonly span: number }[], at: number) {
  const prefetch = usePrefetchSpan(traceId);
  const around = [rows[at + 1], rows[at - 1]].flatMap((row) => tree.spans.spanId[row?.span ?? -1] ?? []).join();
  useEffect(() => {
    const timer = setTimeout(() => {
      for (const spanId of around.split(",")) if (spanId !== "") prefetch(spanId);
    }, PREFETCH_AFTER_MS);
    return () => clearTimeout(timer);
  }, [around, prefetch]);
}
