/**
 * The body of a trace's page: facts, error band, tree with waterfall, inspector.
 */
import type { TraceInfo, TraceSkeleton } from "@sightline/wire/model/trace";
import { ChevronRight, CircleX } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Button } from "../../components/button.tsx";
import { classNames } from "../../components/class-names.ts";
import { Splitter } from "../../components/splitter.tsx";
import { useNow } from "../../components/use-now.ts";
import { usePrefetchSpan, useSpan } from "../../data/queries.ts";
import { displayText } from "../../format/display-text.ts";
import { formatDuration, formatElapsed } from "../../format/duration.ts";
import { formatCost, formatCount } from "../../format/number.ts";
import { formatFullTime, formatListTime, formatRelativeTime } from "../../format/time.ts";
import { shownKey } from "../../keys/key-map.ts";
import { useKeys } from "../../keys/use-keys.ts";
import { remember, useRemembered } from "../../remembered.ts";
import { type Axis, layOut, zoomTo } from "../../trace-view/layout.ts";
import type { DetailTab } from "../../trace-view/span-detail/detail-tabs.ts";
import { SpanDetail } from "../../trace-view/span-detail/span-detail.tsx";
import { readSpanError, splitErrorText } from "../../trace-view/span-error.ts";
import { TimeSpent } from "../../trace-view/time-spent.tsx";
import {
  buildTree,
  childrenOf,
  deepestFailure,
  failures,
  foldable,
  ORPHAN_GROUP,
  reveal,
  type SpanTree,
  visibleRows,
} from "../../trace-view/tree.ts";
import { TreeTable } from "../../trace-view/tree-table.tsx";
import { TagEditor } from "./tag-editor.tsx";
import styles from "./trace-page.module.css";

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
  const [closed, setClosed] = useState<ReadonlySet<number>>(new Set());

  // Errors first: without a choice in the URL the deepest failing span is shown.
  const fromUrl = props.spanId === undefined ? -1 : tree.spans.spanId.indexOf(props.spanId);
  const first = deepestFailure(tree) ?? tree.roots[0] ?? tree.orphans[0] ?? 0;
  const selected = fromUrl === -1 ? first : fromUrl;

  const select = useCallback(
    (span: number) => {
      setClosed((before) => reveal(tree, before, span));
      onChange({ span: tree.spans.spanId[span] });
    },
    [onChange, tree],
  );
  const toggle = useCallback((span: number) => {
    setClosed((before) => {
      const after = new Set(before);
      if (!after.delete(span)) after.add(span);
      return after;
    });
  }, []);

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
      <Facts info={info} />
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
            onFoldAll={(folded) => setClosed(folded ? foldedAll(tree) : new Set())}
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

/** Everything folded, but not the roots: their children are the outline one wants to see. */
function foldedAll(tree: SpanTree): Set<number> {
  const closed = foldable(tree);
  for (const root of tree.roots) closed.delete(root);
  return closed;
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

function Facts({ info }: { readonly info: TraceInfo }) {
  const time = new Date(info.requestTime);
  const usage = info.tokenUsage;
  return (
    <div className={styles.facts} data-testid="trace-facts">
      {info.state === "IN_PROGRESS" ? (
        <Running since={info.requestTime} />
      ) : (
        <strong>{formatDuration(info.durationMs)}</strong>
      )}
      {usage && (
        <span>
          <strong>{formatCount(usage.totalTokens)} tokens</strong>
          {` ${formatCount(usage.inputTokens)} in, ${formatCount(usage.outputTokens)} out`}
        </span>
      )}
      {info.costUsd !== undefined && <strong>{formatCost(info.costUsd)}</strong>}
      <time dateTime={info.requestTime} title={`${formatFullTime(time)}, ${formatRelativeTime(time)}`}>
        {formatListTime(time)}
      </time>
      {info.userId !== undefined && (
        <span>
          user <strong>{info.userId}</strong>
        </span>
      )}
      {info.sessionId !== undefined && (
        <span>
          session <strong>{info.sessionId}</strong>
        </span>
      )}
      <TagEditor info={info} />
    </div>
  );
}

function Running({ since }: { readonly since: string }) {
  const now = useNow();
  return (
    <span>
      <strong>running {formatElapsed(now - Date.parse(since))}</strong>
    </span>
  );
}

function ErrorBand(props: {
  readonly traceId: string;
  readonly info: TraceInfo;
  readonly tree: SpanTree;
  readonly failed: readonly number[];
  readonly selected: number;
  readonly onSelect: (span: number) => void;
  readonly onNext: () => void;
}) {
  const { info, tree, failed, selected } = props;
  const deepest = deepestFailure(tree) ?? failed[0] ?? 0;
  const shown = failed.includes(selected) ? selected : deepest;
  // The type of an error is in the payload; until that is there the skeleton has the message, and the trace its deepest failure.
  const payload = useSpan(props.traceId, tree.spans.spanId[shown] ?? "").data;
  const text = (shown === deepest ? info.errorPreview : undefined) ?? tree.spans.statusMessage[shown];
  const error = (payload && readSpanError(payload)) ?? splitErrorText(text || "Failed without a message");
  return (
    <div className={styles.error} role="status" aria-label="Error" data-testid="error-band">
      <CircleX size={16} strokeWidth={1.75} aria-hidden />
      <p className={styles.errorText}>
        {error.type !== undefined && <strong>{error.type}: </strong>}
        {displayText(error.message)}{" "}
        <span className={styles.errorPlace}>in {displayText(tree.spans.name[shown] ?? "")}</span>
      </p>
      {failed.length > 1 && (
        <span className={styles.errorCount}>
          {failed.indexOf(shown) + 1} of {formatCount(failed.length)}
        </span>
      )}
      {failed.length > 1 ? (
        <Button title={shownKey("next error")} onClick={props.onNext}>
          Next error
          <ChevronRight size={14} strokeWidth={1.5} aria-hidden />
        </Button>
      ) : (
        selected !== deepest && <Button onClick={() => props.onSelect(deepest)}>Show</Button>
      )}
    </div>
  );
}
