/**
 * The traces before and after this one in the list it was opened from; the list's parameters travel in the URL.
 */
import { useEffect, useMemo } from "react";
import { usePrefetchSkeleton, useTraceCount, useTraceList } from "../../data/queries.ts";
import type { TraceQuery } from "../../data/trace-list.ts";

/** Pages that are read to find a trace opened by a link: a thousand rows. Further down there is no next and previous. */
const MAX_PAGES = 10;
/** A moment after the trace itself, so that it does not share its connection. */
const PREFETCH_AFTER_MS = 150;

export interface Neighbours {
  readonly previous: string | undefined;
  readonly next: string | undefined;
  /** Place in the list from 1, and how many it has; undefined = not found in it. */
  readonly position: { readonly index: number; readonly total: number | undefined } | undefined;
}

/** @param ready  the trace itself is there: it comes first */
export function useNeighbours(query: TraceQuery, traceId: string, ready: boolean): Neighbours {
  const list = useTraceList(query, { enabled: ready });
  const count = useTraceCount(query, { enabled: ready });
  const prefetch = usePrefetchSkeleton();
  const traces = useMemo(() => list.data?.pages.flatMap((page) => page.traces) ?? [], [list.data]);
  const index = traces.findIndex((trace) => trace.traceId === traceId);

  const { hasNextPage, isFetching, fetchNextPage } = list;
  const pages = list.data?.pages.length ?? 0;
  const isWanted = index === -1 ? pages < MAX_PAGES : index >= traces.length - 2;
  useEffect(() => {
    if (ready && hasNextPage && !isFetching && isWanted) void fetchNextPage();
  }, [ready, hasNextPage, isFetching, isWanted, fetchNextPage]);

  const previous = index > 0 ? traces[index - 1]?.traceId : undefined;
  const next = index === -1 ? undefined : traces[index + 1]?.traceId;
  useEffect(() => {
    const timer = setTimeout(() => {
      for (const id of [next, previous]) if (id !== undefined) prefetch(id);
    }, PREFETCH_AFTER_MS);
    return () => clearTimeout(timer);
  }, [next, previous, prefetch]);

  return { previous, next, position: index === -1 ? undefined : { index: index + 1, total: count.data?.total } };
}
