/**
 * The list of traces as data: what is asked, the pages that came, and how fresh traces join them.
 */
import type { TraceInfo } from "@sightline/wire/model/trace";
import type { TimeRange } from "../time-range/time-range.ts";

/** Orders of the list; the key stands in the URL, `-` = largest first. */
export const sortOrders = {
  "-time": "timestamp_ms DESC",
  time: "timestamp_ms ASC",
  "-duration": "execution_time_ms DESC",
  duration: "execution_time_ms ASC",
} as const;
export type SortOrder = keyof typeof sortOrders;

/** One list: the same value gives the same rows. */
export interface TraceQuery {
  readonly experimentId: string;
  /** Text of the filter language; "" = all. */
  readonly filter: string;
  readonly range: TimeRange;
  readonly sort: SortOrder;
}

/** Bounds that all pages of one list share: relative ones were counted from the moment the first page was asked for. */
export interface PageBounds {
  readonly from?: string;
  readonly to?: string;
}

export interface TracePage {
  readonly traces: readonly TraceInfo[];
  readonly nextPageToken?: string;
  readonly bounds: PageBounds;
}

/**
 * The filter that asks for some traces by id, as far as they match `filter`.
 *
 * @param filter  text that the server has accepted before, or ""
 */
export function filterForIds(filter: string, traceIds: readonly string[]): string {
  const ids = `trace_id IN (${traceIds.map((id) => `'${id.replaceAll("'", "''")}'`).join(", ")})`;
  return filter.trim() === "" ? ids : `(${filter}) AND ${ids}`;
}

/** Puts newer versions of traces in the place of those the pages hold; nothing moves. The same pages if nothing changed. */
export function updateTraces(pages: readonly TracePage[], fresh: readonly TraceInfo[]): readonly TracePage[] {
  const byId = new Map(fresh.map((trace) => [trace.traceId, trace]));
  let changed = false;
  const next = pages.map((page) => {
    if (!page.traces.some((trace) => byId.has(trace.traceId))) return page;
    changed = true;
    return { ...page, traces: page.traces.map((trace) => byId.get(trace.traceId) ?? trace) };
  });
  return changed ? next : pages;
}

/** Puts new traces on top of the first page, newest first. Those that a page holds already are updated in place. */
export function prependTraces(pages: readonly TracePage[], fresh: readonly TraceInfo[]): readonly TracePage[] {
  const held = new Set(pages.flatMap((page) => page.traces.map((trace) => trace.traceId)));
  const added = fresh
    .filter((trace) => !held.has(trace.traceId))
    .sort((a, b) => (a.requestTime < b.requestTime ? 1 : a.requestTime > b.requestTime ? -1 : 0));
  const updated = updateTraces(pages, fresh);
  const [first, ...rest] = updated;
  if (added.length === 0 || first === undefined) return updated;
  return [{ ...first, traces: [...added, ...first.traces] }, ...rest];
}

/** Takes a trace out of the pages. */
export function removeTrace(pages: readonly TracePage[], traceId: string): readonly TracePage[] {
  return pages.map((page) => ({ ...page, traces: page.traces.filter((trace) => trace.traceId !== traceId) }));
}
