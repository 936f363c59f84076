/**
 * Server data as hooks: each asks one endpoint and keeps the answer in the query cache.
 */
import type { ApiClient } from "@sightline/wire/api/client";
import type { Span } from "@sightline/wire/model/span";
import type { TraceSkeleton } from "@sightline/wire/model/trace";
import {
  type InfiniteData,
  keepPreviousData,
  QueryClient,
  queryOptions,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useCallback } from "react";
import { resolveRange, type TimeRange } from "../time-range/time-range.ts";
import { useApi } from "./api.tsx";
import { isPassing } from "./errors.ts";
import { type PageBounds, removeTrace, sortOrders, type TracePage, type TraceQuery } from "./trace-list.ts";

/** Rows of one page of the list: two screens, and small enough to come in one round trip. */
const PAGE_SIZE = 100;
const MAX_RETRIES = 3;

/** The query cache, with the rules that hold for all hooks. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        // The live stream says when something changed; coming back to the window alone is no reason.
        refetchOnWindowFocus: false,
        // A server on this machine needs no network connection.
        networkMode: "always",
        retry: (failures, error) => isPassing(error) && failures < MAX_RETRIES,
        retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 4000),
      },
      mutations: { networkMode: "always" },
    },
  });
}

/** Keys of the cache, most general part first. */
export const queryKeys = {
  experiments: ["experiments"],
  traceLists: (experimentId: string) => ["traces", experimentId, "list"],
  traceList: (query: TraceQuery) => ["traces", query.experimentId, "list", query.filter, query.range, query.sort],
  traceCounts: (experimentId: string) => ["traces", experimentId, "count"],
  skeleton: (traceId: string) => ["trace", traceId, "skeleton"],
  sdkProcesses: ["sdkProcesses"],
  spans: (traceId: string) => ["trace", traceId, "span"],
  span: (traceId: string, spanId: string) => ["trace", traceId, "span", spanId],
} as const;

/** All experiments with their trace counts. */
export function useExperiments() {
  const api = useApi();
  return useQuery({
    queryKey: queryKeys.experiments,
    queryFn: ({ signal }) => api.listExperiments(undefined, { signal }),
    select: (answer) => answer.experiments,
  });
}

type PageParam = (PageBounds & { readonly pageToken: string }) | undefined;

/** Asks one page of a list; also used for the rows that the live stream announces. */
export async function fetchTracePage(
  api: ApiClient,
  query: TraceQuery,
  options: { readonly page?: PageParam; readonly maxResults?: number; readonly signal?: AbortSignal } = {},
): Promise<TracePage> {
  const { pageToken, ...bounds } = options.page ?? { pageToken: undefined, ...resolveRange(query.range, new Date()) };
  const answer = await api.searchTraces(
    {
      body: {
        experiments: [query.experimentId],
        ...(query.filter.trim() !== "" && { filter: query.filter }),
        maxResults: options.maxResults ?? PAGE_SIZE,
        orderBy: [sortOrders[query.sort]],
        ...bounds,
        ...(pageToken !== undefined && { pageToken }),
      },
    },
    options.signal && { signal: options.signal },
  );
  return {
    traces: answer.traces.map((trace) => trace.info),
    ...(answer.nextPageToken !== undefined && { nextPageToken: answer.nextPageToken }),
    bounds,
  };
}

/** The traces of a list, page by page. While another list loads, the rows of the last one stay (`isPlaceholderData`). */
export function useTraceList(query: TraceQuery, options: { readonly enabled?: boolean } = {}) {
  const api = useApi();
  return useInfiniteQuery({
    queryKey: queryKeys.traceList(query),
    queryFn: ({ pageParam, signal }) => fetchTracePage(api, query, { page: pageParam, signal }),
    initialPageParam: undefined as PageParam,
    getNextPageParam: (last): PageParam =>
      last.nextPageToken === undefined ? undefined : { ...last.bounds, pageToken: last.nextPageToken },
    placeholderData: keepPreviousData,
    // The live stream keeps the rows fresh; fetching every page again would move what is being read.
    staleTime: Number.POSITIVE_INFINITY,
    enabled: options.enabled ?? true,
  });
}

/** How many traces a list has, and how many of them failed; exact up to 10,000. */
export function useTraceCount(query: Omit<TraceQuery, "sort">, options: { readonly enabled?: boolean } = {}) {
  const api = useApi();
  return useQuery({
    queryKey: [...queryKeys.traceCounts(query.experimentId), query.filter, query.range],
    queryFn: ({ signal }) =>
      api.countTraces(
        {
          body: {
            experiments: [query.experimentId],
            ...(query.filter.trim() !== "" && { filter: query.filter }),
            ...resolveRange(query.range, new Date()),
          },
        },
        { signal },
      ),
    placeholderData: keepPreviousData,
    enabled: options.enabled ?? true,
  });
}

/** Which SDK processes are asked for. */
export interface SdkProcessQuery {
  readonly service?: string | undefined;
  /** Id or name. */
  readonly experiment?: string | undefined;
  readonly onlyProblems: boolean;
}

/** A process sends a report at most every ten seconds when nothing happens in it. */
const PROCESSES_REFETCH_MS = 10_000;

/** Processes that the SDK sends from, page by page, those with problems first; read again while the page is open. */
export function useSdkProcesses({ service, experiment, onlyProblems }: SdkProcessQuery) {
  const api = useApi();
  return useInfiniteQuery({
    queryKey: [...queryKeys.sdkProcesses, "list", service, experiment, onlyProblems],
    queryFn: ({ pageParam, signal }) =>
      api.listSdkProcesses(
        {
          query: {
            ...(service !== undefined && { service }),
            ...(experiment !== undefined && { experiment }),
            ...(onlyProblems && { problems: "true" }),
            ...(pageParam !== undefined && { pageToken: pageParam }),
          },
        },
        { signal },
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.nextPageToken,
    placeholderData: keepPreviousData,
    refetchInterval: PROCESSES_REFETCH_MS,
  });
}

/** How often the hint of lost spans is looked at. */
const LOST_SPANS_REFETCH_MS = 60_000;

/** How many spans of processes that send to an experiment never came. @param range  of its traces; without a start: the last day */
export function useLostSpans(experimentId: string, range: TimeRange, options: { readonly enabled: boolean }) {
  const api = useApi();
  const { from = "24h" } = range;
  return useQuery({
    queryKey: [...queryKeys.sdkProcesses, "lost", experimentId, from],
    queryFn: ({ signal }) => {
      const { from: since } = resolveRange({ from }, new Date());
      const query = { experiment: experimentId, problems: "true", maxResults: "1", ...(since && { since }) } as const;
      return api.listSdkProcesses({ query }, { signal });
    },
    select: ({ totals }) => totals,
    refetchInterval: LOST_SPANS_REFETCH_MS,
    enabled: options.enabled,
  });
}

/** How often a running trace is read again in case the live stream is away. */
const RUNNING_REFETCH_MS = 5000;

function skeletonQuery(api: ApiClient, traceId: string) {
  return queryOptions({
    queryKey: queryKeys.skeleton(traceId),
    queryFn: ({ signal }): Promise<TraceSkeleton> => api.getTraceSkeleton({ params: { traceId } }, { signal }),
  });
}

/** A trace without payloads; read again while it runs. */
export function useSkeleton(traceId: string) {
  return useQuery({
    ...skeletonQuery(useApi(), traceId),
    refetchInterval: ({ state }: { readonly state: { readonly data: TraceSkeleton | undefined } }) =>
      state.data?.info.state === "IN_PROGRESS" ? RUNNING_REFETCH_MS : false,
  });
}

function spanQuery(api: ApiClient, traceId: string, spanId: string) {
  return queryOptions({
    queryKey: queryKeys.span(traceId, spanId),
    queryFn: ({ signal }): Promise<{ span: Span }> => api.getSpan({ params: { traceId, spanId } }, { signal }),
    // A finished span does not change; a running trace invalidates its spans when it changes.
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Gives the function that loads a trace's skeleton before it is asked for. */
export function usePrefetchSkeleton() {
  const api = useApi();
  const client = useQueryClient();
  return useCallback((traceId: string) => void client.prefetchQuery(skeletonQuery(api, traceId)), [api, client]);
}

/** One span with its payloads. */
export function useSpan(traceId: string, spanId: string) {
  return useQuery({ ...spanQuery(useApi(), traceId, spanId), select: (answer) => answer.span });
}

/** Gives the function that loads a span before it is asked for; a failure shows when the span is opened. */
export function usePrefetchSpan(traceId: string) {
  const api = useApi();
  const client = useQueryClient();
  return useCallback(
    (spanId: string) => void client.prefetchQuery(spanQuery(api, traceId, spanId)),
    [api, client, traceId],
  );
}

/** Takes a deleted trace out of all lists that are held, and has the counts read again. */
export function forgetTrace(client: QueryClient, traceId: string): void {
  client.setQueriesData<InfiniteData<TracePage>>(
    { queryKey: ["traces"], predicate: isList },
    (list) => list && { ...list, pages: [...removeTrace(list.pages, traceId)] },
  );
  client.removeQueries({ queryKey: ["trace", traceId] });
  void client.invalidateQueries({ queryKey: ["traces"], predicate: (query) => !isList(query) });
  void client.invalidateQueries({ queryKey: queryKeys.experiments });
}

function isList({ queryKey }: { readonly queryKey: readonly unknown[] }): boolean {
  return queryKey[2] === "list";
}
