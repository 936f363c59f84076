/**
 * Asking the server: search and read traces, set and delete their tags.
 *
 * Each call first sends what this program has recorded, so that it finds its own traces. The API's tables and their schemas are
 * loaded with the first call: programs that only trace do not pay for them.
 */
import type { ApiClient } from "@sightline/wire/api/client";
import { SightlineError } from "@sightline/wire/errors";
import type { Span } from "@sightline/wire/model/span";
import type { Trace, TraceInfo } from "@sightline/wire/model/trace";
import { flush } from "./init.ts";
import { lastConfig } from "./runtime.ts";

export interface TraceSearch {
  /** Names or ids; default: all. */
  readonly experiments?: readonly string[] | undefined;
  /** The filter language, e.g. `status = 'ERROR' AND tags.env = 'prod'`. */
  readonly filter?: string | undefined;
  /** Most traces to get; default 100. */
  readonly maxResults?: number | undefined;
  /** Default `["timestamp_ms DESC"]`: newest first. */
  readonly orderBy?: readonly string[] | undefined;
  /** `["spans"]`: with their spans. */
  readonly include?: readonly "spans"[] | undefined;
  /** RFC 3339, inclusive. */
  readonly from?: string | undefined;
  /** RFC 3339, exclusive. */
  readonly to?: string | undefined;
}

export interface FoundTrace {
  readonly info: TraceInfo;
  /** With `include: ["spans"]`. */
  readonly spans?: Span[] | undefined;
}

/** The server gives at most so many at once. */
const PAGE_SIZE = 1000;

/**
 * Traces that match, as many as `maxResults`.
 *
 * @throws BAD_FILTER with the position, EXPERIMENT_NOT_FOUND, SERVER_UNREACHABLE, BAD_SETTING when no server is set
 */
export async function searchTraces(search: TraceSearch = {}): Promise<FoundTrace[]> {
  const { maxResults = 100, ...query } = search;
  const client = await connect();
  const found: FoundTrace[] = [];
  let pageToken: string | undefined;
  do {
    const page = await client.searchTraces({
      body: {
        ...(withoutUndefined(query) as { experiments?: string[] }),
        maxResults: Math.min(PAGE_SIZE, maxResults - found.length),
        ...(pageToken !== undefined && { pageToken }),
      },
    });
    found.push(...page.traces);
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined && found.length < maxResults);
  return found;
}

/**
 * A trace with all its spans.
 *
 * @param traceId  `tr-` + 32 hex digits
 * @throws TRACE_NOT_FOUND, SERVER_UNREACHABLE, BAD_SETTING when no server is set
 */
export async function getTrace(traceId: string): Promise<Trace> {
  const client = await connect();
  const { trace } = await client.getTrace({ params: { traceId } });
  return trace;
}

/**
 * Sets a tag on a running or finished trace.
 *
 * @throws TRACE_NOT_FOUND, INVALID_PARAMETER, SERVER_UNREACHABLE, BAD_SETTING when no server is set
 */
export async function setTraceTag(traceId: string, key: string, value: string): Promise<void> {
  const client = await connect();
  await client.setTraceTag({ params: { traceId, key }, body: { value } });
}

/**
 * Removes a tag; one that is not there is no error.
 *
 * @throws TRACE_NOT_FOUND, SERVER_UNREACHABLE, BAD_SETTING when no server is set
 */
export async function deleteTraceTag(traceId: string, key: string): Promise<void> {
  const client = await connect();
  await client.deleteTraceTag({ params: { traceId, key } });
}

async function connect(): Promise<ApiClient> {
  const config = lastConfig();
  if (config === undefined) {
    throw new SightlineError("BAD_SETTING", "No server is set; call init({ url }) or set SIGHTLINE_URL.");
  }
  await flush();
  const { createClient } = await import("@sightline/wire/api/client");
  return createClient({
    baseUrl: config.url,
    ...(config.apiKey !== undefined && { headers: { authorization: `Bearer ${config.apiKey}` } }),
  });
}

function withoutUndefined(record: object): object {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
