/**
 * The list of an experiment's traces: filter, quick views, rows that arrive while one looks.
 */
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { ArrowUp, Link2, TriangleAlert } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Button } from "../../components/button.tsx";
import { CopyButton, useCopy } from "../../components/copy-button.tsx";
import { CopyNotice } from "../../components/copy-notice.tsx";
import { ErrorPanel } from "../../components/error-panel.tsx";
import { useTitle } from "../../components/use-title.ts";
import { queryKeys, useTraceCount, useTraceList } from "../../data/queries.ts";
import type { SortOrder, TraceQuery } from "../../data/trace-list.ts";
import { FilterBar } from "../../filter-bar/filter-bar.tsx";
import { checkFilter, filterProblem } from "../../filter-bar/filter-error.ts";
import { readQuickViews } from "../../filter-bar/quick-views.ts";
import { shownKey } from "../../keys/key-map.ts";
import { useKeys } from "../../keys/use-keys.ts";
import type { RawSearch } from "../../search-params.ts";
import type { ListedExperiment } from "../../shell/experiments.ts";
import { PageHeader } from "../../shell/page-header.tsx";
import type { TimeRange } from "../../time-range/time-range.ts";
import { TimeRangeMenu } from "../../time-range/time-range-menu.tsx";
import { EmptyList } from "./empty-list.tsx";
import { FirstRun } from "./first-run.tsx";
import { LostSpansNotice } from "./lost-spans-notice.tsx";
import { QuickViewChips } from "./quick-view-chips.tsx";
import { listSearch, readTracesSearch } from "./search.ts";
import { TraceCount } from "./trace-count.tsx";
import tableStyles from "./trace-table.module.css";
import { TraceTable, TraceTableSkeleton } from "./trace-table.tsx";
import styles from "./traces-page.module.css";
import { useLastGood } from "./use-last-good.ts";
import { useLiveRows } from "./use-live-rows.ts";
import { useSlowTerm } from "./use-slow-term.ts";

/** Comes with the code of the trace page. */
const PeekPane = lazy(async () => ({ default: (await import("../trace/peek-pane.tsx")).PeekPane }));

/** While an experiment is empty and the live stream may be away, the list is asked for again. */
const FIRST_RUN_POLL_MS = 3000;

export function TracesPage({ experiment }: { readonly experiment: ListedExperiment }) {
  const raw: RawSearch = useSearch({ from: "/e/$exp/traces" });
  const { exp } = useParams({ from: "/e/$exp/traces" });
  const navigate = useNavigate();
  const client = useQueryClient();
  const { values: search, invalid } = useMemo(() => readTracesSearch(raw), [raw]);
  useTitle(`${experiment.name} traces`);
  const isLive = search.live === "1";

  const query = useMemo<TraceQuery>(
    () => ({
      experimentId: experiment.experimentId,
      filter: search.q,
      range: { from: search.from, to: search.to },
      sort: search.sort,
    }),
    [experiment.experimentId, search.q, search.from, search.to, search.sort],
  );
  const wrong = useMemo(() => checkFilter(query.filter), [query.filter]);
  const list = useTraceList(query, { enabled: wrong === undefined });
  const problem = wrong ?? filterProblem(list.error);
  // While a wrong filter stands in the bar, the last result stays below it.
  const shown = useLastGood(list.data, problem !== undefined || list.isError, query.experimentId);
  const traces = useMemo(() => shown?.pages.flatMap((page) => page.traces) ?? [], [shown]);

  const [isAtTop, setIsAtTop] = useState(true);
  const isReady = list.isSuccess && !list.isPlaceholderData;
  const live = useLiveRows(query, {
    ready: isReady,
    insert: isLive && isAtTop && query.sort === "-time" && query.range.to === undefined,
  });

  const views = useMemo(() => readQuickViews(query.filter), [query.filter]);
  const count = useTraceCount(query, { enabled: problem === undefined });
  const allCount = useTraceCount({ ...query, filter: "" });
  const restCount = useTraceCount({ ...query, filter: views.rest }, { enabled: problem === undefined });
  const slow = useSlowTerm(
    traces,
    `${query.experimentId} ${views.rest}`,
    Object.keys(views.active).length === 0 && isReady,
  );

  const setSearch = useCallback(
    (change: RawSearch, options: { replace?: boolean } = {}) =>
      void navigate({
        to: "/e/$exp/traces",
        params: { exp },
        search: (before: RawSearch) => ({ ...before, ...change }),
        replace: options.replace ?? false,
      }),
    [exp, navigate],
  );
  const changePeek = useCallback((change: RawSearch) => setSearch(change, { replace: true }), [setSearch]);
  const run = (filter: string) => setSearch({ q: filter === "" ? undefined : filter });
  const setRange = (range: TimeRange) => setSearch({ from: range.from, to: range.to });
  const setSort = (sort: SortOrder) => setSearch({ sort: sort === "-time" ? undefined : sort });
  const toggleLive = () => setSearch({ live: isLive ? "0" : undefined }, { replace: true });
  const refresh = () => {
    void client.resetQueries({ queryKey: queryKeys.traceList(query) });
    void client.invalidateQueries({ queryKey: queryKeys.traceCounts(query.experimentId) });
  };

  // The row of the keyboard.
  const [activeId, setActiveId] = useState(search.open);
  const peek = (traceId: string | undefined) =>
    setSearch({ open: traceId, span: undefined, tab: undefined }, { replace: true });
  const grid = useRef<HTMLDivElement>(null);
  const move = (step: number) => {
    const index = traces.findIndex((trace) => trace.traceId === activeId);
    const next = index === -1 ? 0 : Math.min(Math.max(index + step, 0), traces.length - 1);
    const moved = traces[next]?.traceId;
    setActiveId(moved);
    grid.current?.focus({ preventScroll: true });
    // An open peek follows.
    if (search.open !== undefined && moved !== undefined) peek(moved);
  };
  const linkSearch = useMemo(() => listSearch(raw), [raw]);
  const link = useCopy();
  useKeys({
    "next row": () => move(1),
    "previous row": () => move(-1),
    "open row": () => {
      if (activeId === undefined) return;
      void navigate({ to: "/e/$exp/traces/$traceId", params: { exp, traceId: activeId }, search: linkSearch });
    },
    peek: () => {
      if (activeId !== undefined) peek(search.open === activeId ? undefined : activeId);
    },
    "close peek": () => {
      if (search.open !== undefined) peek(undefined);
    },
    "toggle live": toggleLive,
    refresh,
    "copy link": () => link.copy(window.location.href),
  });

  const isEmpty = isReady && traces.length === 0;
  const isUnfiltered = query.filter === "" && query.range.from === undefined && query.range.to === undefined;
  const isFirstRun = isEmpty && isUnfiltered;
  useEffect(() => {
    if (!isFirstRun) return;
    const timer = setInterval(
      () => void client.invalidateQueries({ queryKey: queryKeys.traceLists(query.experimentId) }),
      FIRST_RUN_POLL_MS,
    );
    return () => clearInterval(timer);
  }, [client, isFirstRun, query.experimentId]);

  return (
    <>
      <PageHeader crumb={experiment.name} title="Traces">
        {!isFirstRun && <TimeRangeMenu range={query.range} onChange={setRange} />}
        <Button className={styles.live} aria-pressed={isLive} onClick={toggleLive} data-testid="live-toggle">
          <span className={styles.liveDot} aria-hidden />
          <span className={styles.liveWord}>{isLive ? "Live" : "Paused"}</span>
        </Button>
        <CopyButton icon={Link2} label="Copy link" shortcut={shownKey("copy link")} text={() => window.location.href} />
      </PageHeader>
      <CopyNotice state={link.state} what="Link" />
      {isFirstRun ? (
        <FirstRun experiment={experiment} />
      ) : (
        <>
          {invalid.length > 0 && (
            <p className={styles.notice} role="status">
              <TriangleAlert size={14} strokeWidth={1.5} aria-hidden />
              The address holds a value that cannot be used for {invalid.map((name) => `“${name}”`).join(", ")}; it is
              ignored.
            </p>
          )}
          <LostSpansNotice experiment={experiment} range={query.range} enabled={!isEmpty} />
          <div className={styles.toolbar}>
            <FilterBar
              filter={query.filter}
              onRun={run}
              problem={problem}
              count={
                <TraceCount
                  matching={problem ? undefined : count.data?.total}
                  all={allCount.data?.total}
                  isFiltered={query.filter !== ""}
                />
              }
            />
            <div className={styles.bar}>
              <QuickViewChips filter={query.filter} onRun={run} counts={restCount.data} slow={slow} />
            </div>
          </div>
          <div className={styles.panes}>
            <div className={tableStyles.frame}>
              {(live.waiting > 0 || live.hasMore) && (
                <button
                  type="button"
                  className={tableStyles.waiting}
                  data-testid="new-traces"
                  onClick={() => {
                    live.showWaiting();
                    grid.current?.scrollTo({ top: 0 });
                  }}
                >
                  <ArrowUp size={14} strokeWidth={2} aria-hidden />
                  {live.hasMore ? `${live.waiting}+ new` : `${live.waiting} new`}
                </button>
              )}
              {list.isError && !problem ? (
                <ErrorPanel
                  title="The traces could not be loaded"
                  error={list.error}
                  onRetry={() => void list.refetch()}
                />
              ) : list.isPending && list.fetchStatus === "idle" && !problem ? (
                <div className={styles.empty}>
                  <h2>Loading was cancelled</h2>
                  <Button look="outlined" onClick={() => void list.refetch()}>
                    Load
                  </Button>
                </div>
              ) : list.isPending && !problem ? (
                <TraceTableSkeleton
                  onCancel={() => void client.cancelQueries({ queryKey: queryKeys.traceList(query) })}
                />
              ) : isEmpty ? (
                <EmptyList query={query} onRun={run} onWiden={() => setRange({})} />
              ) : (
                <TraceTable
                  traces={traces}
                  exp={exp}
                  linkSearch={linkSearch}
                  sort={query.sort}
                  onSort={setSort}
                  activeId={activeId}
                  isStale={list.isPlaceholderData && !problem}
                  hasMore={list.hasNextPage && !problem}
                  isLoadingMore={list.isFetchingNextPage}
                  onLoadMore={list.fetchNextPage}
                  onAtTop={setIsAtTop}
                  gridRef={grid}
                />
              )}
            </div>
            {search.open !== undefined && (
              <Suspense>
                <PeekPane
                  exp={exp}
                  traceId={search.open}
                  spanId={search.span}
                  tab={search.tab}
                  linkSearch={linkSearch}
                  onChange={changePeek}
                  onClose={() => peek(undefined)}
                />
              </Suspense>
            )}
          </div>
        </>
      )}
    </>
  );
}
