/**
 * Batches of spans → what goes on the wire, in slices, or at once when the process ends.
 */
import type { SpanRecord } from "../tracing/span-record.ts";
import { type PrepareOptions, prepareSpan, prepareSpanSync } from "./prepare.ts";
import type { PreparedSpan } from "./prepared-span.ts";
import { createSlicer } from "./slicer.ts";

export interface BatchOptions extends PrepareOptions {
  /** A span could not be encoded. */
  readonly onBroken: (record: SpanRecord, error: unknown) => void;
}

/** Prepares spans, with turns for the event loop. Those that cannot be encoded are left out and told. */
export async function prepareAll(
  records: readonly SpanRecord[],
  { onBroken, ...options }: BatchOptions,
): Promise<PreparedSpan[]> {
  const prepared: PreparedSpan[] = [];
  const slicer = createSlicer();
  for (const record of records) {
    try {
      prepared.push(await prepareSpan(record, options, slicer));
    } catch (error) {
      onBroken(record, error);
    }
    // Small spans are prepared without a pause of their own.
    const turn = slicer.pause();
    if (turn !== undefined) await turn;
  }
  return prepared;
}

/** The same at once. */
export function prepareAllNow(records: readonly SpanRecord[], { onBroken, ...options }: BatchOptions): PreparedSpan[] {
  const prepared: PreparedSpan[] = [];
  for (const record of records) {
    try {
      prepared.push(prepareSpanSync(record, options));
    } catch (error) {
      onBroken(record, error);
    }
  }
  return prepared;
}
