/**
 * Which traces are recorded: decided once, where a trace begins, from its id.
 */
import type { SpanType } from "@sightline/wire/model/span-type";
import { safely } from "../diagnostics.ts";

/** What a sampler is told of the span that begins a trace. */
export interface SampledRoot {
  readonly name: string;
  readonly spanType: SpanType;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** As given, not a copy; undefined when there are none yet. */
  readonly inputs: unknown;
}

/**
 * Part of the traces that are recorded, from 0 to 1; or a function that says it for each trace: `true`, `false`, or a part.
 */
export type Sampler = number | ((root: SampledRoot) => boolean | number);

/** 13 hex digits are 52 bits: exact in a double. The last ones, which W3C wants to be random (trace context 2, section 3.2.2.3). */
const DIGITS = 13;
const SCALE = 16 ** DIGITS;

/**
 * Whether the part `rate` of all traces holds this one. By the id alone: every process that takes the same rate decides alike, and
 * whoever takes a higher one records these traces too.
 *
 * @param traceId  32 hex digits, or 13 of them
 */
export function isInPart(traceId: string, rate: number): boolean {
  if (rate >= 1) return true;
  return Number.parseInt(traceId.slice(-DIGITS), 16) < rate * SCALE;
}

/** Whether a trace is recorded. A sampler that throws, or says what is no rate, is counted as a failure; the trace is recorded. */
export function isSampled(sampler: Sampler, traceId: string, root: SampledRoot): boolean {
  if (typeof sampler === "number") return isInPart(traceId, sampler);
  const rate = safely("the sampler", () => checkRate(sampler(root)));
  return rate === undefined || isInPart(traceId, rate);
}

function checkRate(rate: boolean | number): number {
  if (typeof rate === "boolean") return rate ? 1 : 0;
  if (typeof rate === "number" && rate >= 0 && rate <= 1) return rate;
  throw new TypeError(`The sampler said ${String(rate)}; true, false or a number from 0 to 1 is wanted.`);
}
