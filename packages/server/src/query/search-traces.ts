/**
 * Traces that match a filter, one page at a time, with their spans when asked for.
 */
import type { StoredSpan, TraceOrder, TracePage } from "@sightline/store/telemetry-store";
import type { EndpointInput, EndpointOutput } from "@sightline/wire/api/endpoint";
import type { searchTraces as endpoint } from "@sightline/wire/api/traces";
import { SightlineError } from "@sightline/wire/errors";
import { DEFAULT_ORDER, parseOrder } from "@sightline/wire/filter/order";
import type { TraceInfo } from "@sightline/wire/model/trace";
import { decodePageToken, encodePageToken, fingerprint } from "./page-token.ts";
import { countChars, toSpan } from "./span-view.ts";
import type { Call, Stores } from "./stores.ts";
import { textsSought } from "./texts-sought.ts";
import { readSelection } from "./trace-selection.ts";
import { toTraceInfo } from "./trace-view.ts";

/** A page with spans ends early at these bounds: an answer is built in memory and parsed by the reader at once. */
const MAX_SPANS_IN_PAGE = 50_000;
const MAX_CHARS_IN_PAGE = 32 * 1024 * 1024;
/** Spans asked of the store at a time, so that a page which ends early has not read much more than it gives. */
const SPANS_IN_READ = 5_000;

/** @throws BAD_FILTER, BAD_PAGE_TOKEN, EXPERIMENT_NOT_FOUND, INVALID_PARAMETER */
export async function searchTraces(
  stores: Stores,
  input: EndpointInput<typeof endpoint>["body"],
  call?: Call,
): Promise<EndpointOutput<typeof endpoint>> {
  const order = readOrder(input.orderBy);
  const selection = await readSelection(stores, input);
  const search = fingerprint(selection, order);
  const after = input.pageToken === undefined ? undefined : decodePageToken(input.pageToken, search);
  // No experiment named at all is a question about nothing, not about everything.
  const page: TracePage =
    selection.experimentIds?.length === 0
      ? { traces: [], places: [] }
      : await stores.telemetry.searchTraces(
          { ...selection, order, limit: input.maxResults, ...(after && { after }) },
          call,
        );
  const { traces, next } = input.include?.includes("spans")
    ? await addSpans(stores, page, call)
    : { traces: page.traces.map((info) => ({ info: toTraceInfo(info) })), next: page.next };
  const matches = input.include?.includes("matches")
    ? await stores.telemetry.findTextMatches(
        traces.map(({ info }) => info.traceId),
        textsSought(selection.filter),
        call,
      )
    : undefined;
  return {
    traces: traces.map((trace) => ({ ...trace, ...(matches && { matches: matches.get(trace.info.traceId) ?? [] }) })),
    ...(next && { nextPageToken: encodePageToken(next, search) }),
  };
}

/** Keys of an order; more make a sort slow and help nobody. */
const MAX_ORDER_KEYS = 4;

/** @throws INVALID_PARAMETER */
function readOrder(orderBy: readonly string[] = []): TraceOrder[] {
  if (orderBy.length > MAX_ORDER_KEYS) {
    throw new SightlineError(
      "INVALID_PARAMETER",
      `"orderBy" has ${orderBy.length} keys; give at most ${MAX_ORDER_KEYS}.`,
    );
  }
  const orders = orderBy.map((text) => {
    const result = parseOrder(text);
    if (!result.ok) throw new SightlineError("INVALID_PARAMETER", `"orderBy": ${result.error.message}`);
    return result.order;
  });
  return (orders.length === 0 ? [DEFAULT_ORDER] : orders).map(({ by, direction }) => ({
    key: by.field,
    ...(by.key !== undefined && { name: by.key }),
    direction,
  }));
}

/** Adds spans to the traces of a page, as many traces as the bounds allow, at least one. */
async function addSpans(stores: Stores, page: TracePage, call: Call | undefined) {
  const traces: { info: TraceInfo; spans: ReturnType<typeof toSpan>[] }[] = [];
  let spans = 0;
  let chars = 0;
  for (const infos of readsOf(page.traces)) {
    const found = await stores.telemetry.getSpans(
      infos.map((info) => info.traceId),
      call,
    );
    for (const info of infos) {
      const stored: readonly StoredSpan[] = found.get(info.traceId) ?? [];
      spans += stored.length;
      for (const span of stored) chars += countChars(span);
      if (traces.length > 0 && (spans > MAX_SPANS_IN_PAGE || chars > MAX_CHARS_IN_PAGE)) {
        return { traces, next: page.places[traces.length - 1] };
      }
      traces.push({ info: toTraceInfo(info), spans: stored.map(toSpan) });
    }
  }
  return { traces, next: page.next };
}

/** Cuts a page into runs of traces with about {@link SPANS_IN_READ} spans together. */
function* readsOf(infos: readonly TraceInfo[]): Generator<TraceInfo[]> {
  let run: TraceInfo[] = [];
  let spans = 0;
  for (const info of infos) {
    if (run.length > 0 && spans + info.spanCount > SPANS_IN_READ) {
      yield run;
      run = [];
      spans = 0;
    }
    run.push(info);
    spans += info.spanCount;
  }
  if (run.length > 0) yield run;
}
