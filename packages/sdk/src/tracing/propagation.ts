/**
 * Traces across processes: the headers of W3C trace context, given out and taken in.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { toOtelTraceId } from "@sightline/wire/ids";
import { countMalformedHeader, safely, sayOnce } from "../diagnostics.ts";
import { sharedPart } from "../shared-state.ts";
import { activeEntry, activeSpan, runIn, spanOf } from "./context.ts";
import type { RemoteParent } from "./live-span.ts";
import {
  type Baggage,
  baggageValue,
  checkTraceState,
  formatBaggage,
  formatTraceParent,
  parseBaggage,
  parseTraceParent,
} from "./w3c.ts";

/** Members of baggage that we write and read, named as the attributes of spans. */
const SESSION = "session.id";
const USER = "user.id";

/** Headers of a request, as whatever server or client has them. Names count in any case. */
export type HeaderSource =
  | {
      /** Like `Headers.get`. */
      get(name: string): string | null | undefined;
    }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** What goes out, or comes in, beside the position in the trace. */
export interface TraceHeaderOptions {
  /**
   * Outgoing: adds `baggage` with the session and user of the trace, and what came in as baggage. Incoming: traces that begin here
   * take session and user from it. Off unless asked for: baggage goes to, and comes from, whoever is at the other end.
   */
  readonly baggage?: boolean | undefined;
}

/** What came in as `baggage`, for whom this process calls in turn. */
const carried = sharedPart("baggage", () => new AsyncLocalStorage<Baggage>());
const NONE: Baggage = new Map();

/**
 * Headers that make spans of another process children of the current span: `traceparent`, `tracestate` if one came in, and
 * `baggage` if asked for. Outside of every span: those that {@link withTraceHeaders} was given; else none.
 *
 * ```ts
 * await fetch(url, { headers: { ...getTraceHeaders(), accept: "application/json" } });
 * ```
 *
 * @see https://www.w3.org/TR/trace-context/
 */
export function getTraceHeaders(options: TraceHeaderOptions = {}): Record<string, string> {
  return safely("getTraceHeaders", () => writeHeaders(options)) ?? {};
}

/**
 * Runs `work` with the caller's span as the parent of the spans that begin in it. A trace that the caller does not record is not
 * recorded here either.
 *
 * ```ts
 * createServer((request, response) => withTraceHeaders(request.headers, () => handle(request, response)));
 * ```
 *
 * @param headers  `Headers`, Node's `IncomingHttpHeaders`, or any object with header names as keys. Without `traceparent`, or when
 *   it is malformed (counted as `stats().malformedHeaders`), `work` runs as it is.
 * @returns what `work` returns
 */
export function withTraceHeaders<T>(headers: HeaderSource, work: () => T, options: TraceHeaderOptions = {}): T {
  const incoming = safely("withTraceHeaders", () => readHeaders(headers));
  if (incoming === undefined) return work();
  const { remote, baggage } = incoming;
  const inside = (): T => runUnder(remote, options.baggage === true ? traceFields(baggage) : undefined, work);
  return baggage.size === 0 && carried.getStore() === undefined ? inside() : carried.run(baggage, inside);
}

/** The position in a trace that is handed on from here; undefined outside of every trace. */
export function currentPosition(): RemoteParent | undefined {
  const entry = activeEntry();
  const span = spanOf(entry);
  if (span === undefined) return entry?.kind === "frame" ? entry.remote : undefined;
  if (span.isOff) return undefined;
  return {
    traceId: toOtelTraceId(span.traceId),
    spanId: span.spanId,
    isSampled: span.kind === "recording",
    ...(span.traceState !== undefined && { traceState: span.traceState }),
  };
}

function writeHeaders({ baggage: withBaggage = false }: TraceHeaderOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  const position = currentPosition();
  if (position !== undefined) Object.assign(headers, positionHeaders(position));
  if (withBaggage) {
    const attributes = activeSpan()?.root.record.attributes;
    const text = formatBaggage(carried.getStore() ?? NONE, {
      [SESSION]: textOf(attributes?.get(SESSION)),
      [USER]: textOf(attributes?.get(USER)),
    });
    if (text !== "") headers["baggage"] = text;
  }
  return headers;
}

/** `traceparent` and `tracestate` of a position. */
export function positionHeaders({ traceId, spanId, isSampled = true, traceState }: RemoteParent) {
  return {
    traceparent: formatTraceParent({ traceId, spanId, isSampled }),
    ...(traceState !== undefined && { tracestate: traceState }),
  };
}

interface Incoming {
  readonly remote: RemoteParent | undefined;
  readonly baggage: Baggage;
}

function readHeaders(headers: HeaderSource): Incoming {
  const parentText = headerOf(headers, "traceparent");
  const parent = parentText === undefined ? undefined : parseTraceParent(parentText);
  if (parentText !== undefined && parent === undefined) malformed("traceparent", parentText);
  // Without a parent the state belongs to nothing (section 3.3.1).
  const stateText = parent === undefined ? undefined : headerOf(headers, "tracestate");
  const traceState = stateText === undefined ? undefined : checkTraceState(stateText);
  if (stateText !== undefined && traceState === undefined) malformed("tracestate", stateText);
  const baggageText = headerOf(headers, "baggage");
  const { members, dropped } = parseBaggage(baggageText ?? "");
  if (dropped > 0) malformed("baggage", baggageText ?? "");
  const remote = parent && (traceState ? { ...parent, traceState } : parent);
  return { remote, baggage: members };
}

function runUnder<T>(
  remote: RemoteParent | undefined,
  attributes: Readonly<Record<string, string>> | undefined,
  work: () => T,
): T {
  if (remote === undefined && attributes === undefined) return work();
  const entry = activeEntry();
  // What is current here has nothing to do with the request, e.g. the span in which the server was started.
  const span = remote === undefined ? spanOf(entry) : undefined;
  const outer = remote ?? (entry?.kind === "frame" ? entry.remote : undefined);
  return runIn({ kind: "frame", span, remote: outer, scope: entry?.scope, attributes }, work);
}

function traceFields(baggage: Baggage): Record<string, string> | undefined {
  const session = baggageValue(baggage, SESSION);
  const user = baggageValue(baggage, USER);
  if (session === undefined && user === undefined) return undefined;
  return { ...(session !== undefined && { [SESSION]: session }), ...(user !== undefined && { [USER]: user }) };
}

/** A header's text; several of one name are joined, as HTTP does. */
function headerOf(headers: HeaderSource | null | undefined, name: string): string | undefined {
  if (typeof headers !== "object" || headers === null) return undefined;
  if (typeof headers.get === "function") return headers.get(name) ?? undefined;
  const plain = headers as Readonly<Record<string, string | readonly string[] | undefined>>;
  const key = name in plain ? name : Object.keys(plain).find((other) => other.toLowerCase() === name);
  const value = key === undefined ? undefined : plain[key];
  return value === undefined || value === null ? undefined : String(value);
}

function malformed(name: string, value: string): void {
  countMalformedHeader();
  sayOnce(
    `malformed-${name}`,
    "warn",
    `A request came with the header ${name}: ${JSON.stringify(value.slice(0, 200))}, which is not as W3C has it; it is ignored.`,
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
