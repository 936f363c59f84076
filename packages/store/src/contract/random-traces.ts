/**
 * Random traces with all that makes counting hard: rows that were replaced, edited and deleted, and gaps in what is known.
 */
import fc from "fast-check";
import type { SpanRecord, TelemetryStore } from "../telemetry-store.ts";
import { freshTraceId, SAMPLE_START, sampleSpan, spanId } from "./samples.ts";

/** 80 traces of one to four spans within a minute. */
export function anyRecords(experimentId: string, seed = 20261124): SpanRecord[] {
  const facts = fc.record({
    name: fc.constantFrom("a", "b", "ü 'x'"),
    spanType: fc.constantFrom("LLM", "TOOL", "AGENT"),
    offsetUs: fc.integer({ min: 0, max: 60_000_000 }),
    // Nanoseconds; negative = it ends before it starts, undefined = it is running.
    length: fc.option(fc.integer({ min: -1000, max: 3_000_000_000 }), { nil: undefined, freq: 5 }),
    statusCode: fc.constantFrom("OK", "ERROR", "UNSET"),
    model: fc.constantFrom("", "m1", "m2"),
    provider: fc.constantFrom("", "p1"),
    service: fc.constantFrom("", "shop"),
    sessionId: fc.constantFrom("", "s1", "s2"),
    userId: fc.constantFrom("", "u1"),
    tokens: fc.option(fc.tuple(fc.nat(5000), fc.nat(5000), fc.nat(100)), { nil: undefined }),
    costUsd: fc.option(fc.integer({ min: 0, max: 3000 }), { nil: undefined }),
    traceTags: fc.dictionary(fc.constantFrom("env", "stage"), fc.constantFrom("x", "y", "Zürich", "")),
    traceMetadata: fc.dictionary(fc.constantFrom("env", "other"), fc.constantFrom("x", "z")),
    attributes: fc.dictionary(fc.constantFrom("env", "n"), fc.constantFrom('"x"', '"ü\\"\\n"', "5", "[1,2]")),
    requestPreview: fc.constantFrom("", "hello", "Hello again"),
    responsePreview: fc.constantFrom("", "bye", "Bye again"),
  });
  const sample = fc.sample(fc.array(facts, { minLength: 1, maxLength: 4 }), { numRuns: 80, seed });
  return sample.flatMap((ofTrace) => {
    const traceId = freshTraceId();
    return ofTrace.map(({ offsetUs, length, tokens, costUsd, ...fact }, index) => {
      const startTimeUnixNano = SAMPLE_START + BigInt(offsetUs) * 1000n + BigInt(index);
      return sampleSpan({
        ...fact,
        traceId,
        experimentId,
        spanId: spanId(index + 1),
        parentSpanId: index === 0 ? "" : spanId(1),
        startTimeUnixNano,
        endTimeUnixNano: length === undefined ? 0n : startTimeUnixNano + BigInt(length),
        ...(tokens && {
          usage: {
            inputTokens: tokens[0],
            outputTokens: tokens[1],
            totalTokens: tokens[0] + tokens[1],
            cacheReadInputTokens: tokens[2],
            cacheCreationInputTokens: tokens[2] * 2,
            reasoningTokens: tokens[2] * 3,
          },
        }),
        ...(costUsd !== undefined && { costUsd: costUsd / 1000 }),
      });
    });
  });
}

/** Writes a third of the spans again, edits tags and metadata of some traces, and deletes the first and the last trace. */
export async function editAndDelete(store: TelemetryStore, records: readonly SpanRecord[]): Promise<void> {
  await store.writeSpans(records.filter((_, index) => index % 3 === 0));
  const traceIds = [...new Set(records.map(({ traceId }) => traceId))];
  for (const [index, traceId] of traceIds.entries()) {
    if (index % 5 === 0) await store.setTraceTags(traceId, { env: "edited", new: "n" });
    if (index % 5 === 1) await store.deleteTraceTag(traceId, "env");
    if (index % 7 === 0) await store.setTraceMetadata(traceId, { env: "edited", later: "l" });
    if (index % 7 === 1) await store.deleteTraceMetadata(traceId, "other");
    // Set and removed again.
    if (index % 10 === 0) await store.deleteTraceTag(traceId, "new");
  }
  await store.deleteTraces([...traceIds.slice(0, 1), ...traceIds.slice(-1)]);
}
