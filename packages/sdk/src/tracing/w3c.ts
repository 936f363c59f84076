/**
 * The headers of W3C trace context and baggage, read and written. Pure: knows nothing of spans.
 *
 * @see https://www.w3.org/TR/trace-context/ and https://www.w3.org/TR/baggage/
 */
import { isSpanIdHex, isTraceIdHex } from "./ids.ts";

/** What `traceparent` says. */
export interface TraceParent {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits: the caller's span. */
  readonly spanId: string;
  /** Whether the caller records the trace. */
  readonly isSampled: boolean;
}

const SAMPLED = 0x01;
/** Version, trace id, span id, flags; versions after 00 may go on behind another dash. Lower case only (section 3.2). */
const TRACE_PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** @returns undefined when it is malformed: whoever receives it begins a trace of its own (section 3.2.1) */
export function parseTraceParent(text: string): TraceParent | undefined {
  const [, version, traceId, spanId, flags = "00", rest] = TRACE_PARENT.exec(text.trim()) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (!isTraceIdHex(traceId) || !isSpanIdHex(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 };
}

/** The header of version 00. */
export function formatTraceParent({ traceId, spanId, isSampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-0${isSampled ? SAMPLED : 0}`;
}

/** Section 3.3.1.1; more members than this need not be handed on. */
const MAX_STATE_MEMBERS = 32;
const STATE_MEMBER =
  /^(?:[a-z][-_a-z0-9*/]{0,255}|[a-z0-9][-_a-z0-9*/]{0,240}@[a-z][-_a-z0-9*/]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/;

/**
 * `tracestate` as it may be handed on; empty members are left out.
 *
 * @returns undefined when it is malformed: it is then to be dropped as a whole (section 3.3.1); "" when it says nothing
 */
export function checkTraceState(text: string): string | undefined {
  const members = text
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "");
  const keys = new Set(members.map((member) => member.slice(0, member.indexOf("="))));
  const isFine =
    members.length <= MAX_STATE_MEMBERS && keys.size === members.length && members.every((m) => STATE_MEMBER.test(m));
  return isFine ? members.join(",") : undefined;
}

/** Baggage, section 3.3.2: what must be handed on at least, and no more is. */
const MAX_BAGGAGE_BYTES = 8192;
const MAX_BAGGAGE_MEMBERS = 64;
/** Key, value and properties of a member. The value is percent-encoded where it holds other characters. */
const BAGGAGE_MEMBER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*([!#-+\--:<-[\]-~]*)\s*(;[!-~\s]*)?$/;

/** Members of a baggage header, in order: key → the member as it came. */
export type Baggage = ReadonlyMap<string, string>;

export interface ParsedBaggage {
  readonly members: Baggage;
  /** Members that were left out: malformed, or too many. */
  readonly dropped: number;
}

/** Reads a baggage header. Of a key that comes twice the last one counts. */
export function parseBaggage(text: string): ParsedBaggage {
  const members = new Map<string, string>();
  let dropped = 0;
  let bytes = 0;
  for (const part of text.split(",")) {
    const member = part.trim();
    if (member === "") continue;
    const key = BAGGAGE_MEMBER.exec(member)?.[1];
    const isTooMuch = members.size >= MAX_BAGGAGE_MEMBERS || bytes + member.length + 1 > MAX_BAGGAGE_BYTES;
    if (key === undefined || isTooMuch) {
      dropped += 1;
      continue;
    }
    bytes += member.length + 1;
    members.set(key, member);
  }
  return { members, dropped };
}

/** A value of baggage as text; undefined when it is not there or its percent-encoding is broken. */
export function baggageValue(members: Baggage, key: string): string | undefined {
  const encoded = BAGGAGE_MEMBER.exec(members.get(key) ?? "")?.[2];
  if (encoded === undefined || encoded === "") return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    // A lone "%": the value is not what its sender meant. It is handed on as it came, but not read.
    return undefined;
  }
}

/** The header, with `values` in place of members of the same keys; what no longer fits is left out from the end. */
export function formatBaggage(members: Baggage, values: Readonly<Record<string, string | undefined>>): string {
  const all = new Map<string, string>();
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined) all.set(key, `${key}=${encodeURIComponent(value)}`);
  }
  for (const [key, member] of members) if (!all.has(key)) all.set(key, member);
  const kept: string[] = [];
  let bytes = 0;
  for (const member of all.values()) {
    if (kept.length >= MAX_BAGGAGE_MEMBERS || bytes + member.length + 1 > MAX_BAGGAGE_BYTES) continue;
    bytes += member.length + 1;
    kept.push(member);
  }
  return kept.join(",");
}
