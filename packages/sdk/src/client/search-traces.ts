/**
 * Searching traces: page after page, as many as were asked for.
 */
import type { Span } from "@sightline/wire/model/span";
import { type Connection, toTimeText, withoutUndefined } from "./connection.ts";
import { Trace } from "./trace.ts";

/** Which traces to get, and in what order. */
export interface TraceSearch {
  /** Names or ids; default: all. */
  readonly experiments?: readonly string[] | undefined;
  /** The filter language, e.g. `status = 'ERROR' AND tags.env = 'prod'`. */
  readonly filter?: string | undefined;
  /** Most traces to get; default 100, `Infinity` = all. */
  readonly maxResults?: number | undefined;
  /** Up to four keys; default `["timestamp_ms DESC"]`: newest first. */
  readonly orderBy?: readonly string[] | undefined;
  /** `["spans"]`: with their spans. */
  readonly include?: readonly "spans"[] | undefined;
  /** Started at or after; RFC 3339. */
  readonly from?: Date | string | undefined;
  /** Started before; RFC 3339. */
  readonly to?: Date | string | undefined;
}

/** A search whose traces have their spans. */
export type SearchWithSpans = TraceSearch & { readonly include: readonly ["spans"] };

/** What a search finds: with spans if it asks for them. */
export type FoundTrace<Search extends TraceSearch> = Search extends SearchWithSpans
  ? Trace
  : Trace<readonly Span[] | undefined>;

/** The server gives at most so many at once. */
const PAGE_SIZE = 1000;
/** Of a stream: a page is in memory while its traces are worked on, and traces with spans are large. */
const STREAM_PAGE_SIZE = 100;

/** @see SightlineClient.searchTraces */
export async function searchTraces<const Search extends TraceSearch>(
  connection: Connection,
  search: Search,
): Promise<FoundTrace<Search>[]> {
  const found: FoundTrace<Search>[] = [];
  for await (const page of readPages(connection, { maxResults: 100, ...withoutUndefined(search) }, PAGE_SIZE)) {
    found.push(...(page as FoundTrace<Search>[]));
  }
  return found;
}

/** @see SightlineClient.iterateTraces */
export async function* iterateTraces<const Search extends TraceSearch>(
  connection: Connection,
  search: Search,
): AsyncGenerator<FoundTrace<Search>, void, undefined> {
  for await (const page of readPages(connection, search, STREAM_PAGE_SIZE)) yield* page as FoundTrace<Search>[];
}

/** @see SightlineClient.getTrace */
export async function getTrace(connection: Connection, traceId: string): Promise<Trace> {
  const { trace } = await connection.aboutTraces((api) => api.getTrace({ params: { traceId } }));
  return new Trace(trace.info, trace.spans);
}

async function* readPages(connection: Connection, search: TraceSearch, pageSize: number) {
  const { maxResults = Number.POSITIVE_INFINITY, experiments, orderBy, include, from, to, filter } = search;
  if (maxResults <= 0) return;
  const client = await connection.apiWithTraces();
  let left = maxResults;
  let pageToken: string | undefined;
  do {
    const page = await client.searchTraces({
      body: {
        ...withoutUndefined({
          experiments: experiments && [...experiments],
          filter,
          orderBy: orderBy && [...orderBy],
          include: include && [...include],
          from: from && toTimeText(from),
          to: to && toTimeText(to),
          pageToken,
        }),
        maxResults: Math.min(pageSize, left),
      },
    });
    yield page.traces.map(({ info, spans }) => new Trace(info, spans));
    left -= page.traces.length;
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined && left > 0);
}
