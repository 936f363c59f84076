/**
 * Random traces as they may be reported: spans and client infos in any order, in any batches, late, twice, running before ended.
 */
import fc from "fast-check";
import type { SpanRecord } from "../telemetry-store.ts";
import type { ClientInfo } from "../trace-parts.ts";
import { SAMPLE_START, sampleSpan, spanId } from "./samples.ts";

/** What one call reports of the trace. */
export type Report = { readonly spans: readonly SpanRecord[] } | { readonly info: ClientInfo };

export interface ReportedTrace {
  /** The trace in its plainest order: all spans in one call, then what the client said. */
  readonly plain: readonly Report[];
  /** The same in another order, in other batches, with some of it twice. */
  readonly other: readonly Report[];
}

const word = fc.constantFrom("", "a", "b", "c");
const entries = fc.dictionary(fc.constantFrom("k1", "k2", "mlflow.trace.session", "sightline.version"), word, {
  maxKeys: 3,
});
const usage = fc
  .record({ input: fc.nat(500), output: fc.nat(500), cached: fc.option(fc.nat(100), { nil: undefined }) })
  .map(({ input, output, cached }) => ({
    inputTokens: input,
    outputTokens: output,
    totalTokens: input + output,
    ...(cached !== undefined && { cacheReadInputTokens: cached }),
  }));

/** A span; its id is its place in the list, its parent any other place, none, or one that never comes. */
const spanFacts = fc.record(
  {
    parent: fc.integer({ min: -1, max: 9 }),
    startUs: fc.nat(2_000_000),
    durationUs: fc.nat(1_000_000),
    name: word,
    service: word,
    model: word,
    statusCode: fc.constantFrom("UNSET", "OK", "ERROR"),
    statusMessage: word,
    sessionId: word,
    userId: word,
    requestPreview: word,
    responsePreview: word,
    traceTags: entries,
    traceMetadata: entries,
    usage,
    costUsd: fc.nat(1000).map((cents) => cents / 100),
    /** Whether a report that it is running is sent too. */
    isStreamed: fc.boolean(),
    isEnded: fc.boolean(),
  },
  { requiredKeys: ["parent", "startUs", "durationUs", "isStreamed", "isEnded"] },
);

const clientFacts = fc.record(
  {
    name: word,
    state: fc.constantFrom("OK", "ERROR", "IN_PROGRESS"),
    requestTimeUnixNano: fc.nat(1_000_000).map((offset) => SAMPLE_START + BigInt(offset)),
    durationNano: fc.nat(1_000_000_000).map(BigInt),
    requestPreview: word,
    responsePreview: word,
    clientRequestId: word,
    tags: entries,
    metadata: entries,
  },
  { requiredKeys: [] },
);

/** A random trace under an id, reported in two ways that must give the same row. */
export function reportedTrace(): fc.Arbitrary<(traceId: string) => ReportedTrace> {
  return fc
    .record({
      spans: fc.array(spanFacts, { minLength: 1, maxLength: 8 }),
      infos: fc.array(clientFacts, { maxLength: 2 }),
      seed: fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
    })
    .map(({ spans, infos, seed }) => (traceId: string) => {
      const ended = spans.map((facts, index) => toRecord(traceId, index, facts));
      const running = ended
        .filter((_, index) => spans[index]?.isStreamed)
        .map((record) => ({ ...record, endTimeUnixNano: 0n }));
      const said = infos.map((facts): ClientInfo => ({ traceId, experimentId: "0", ...facts }));
      const random = (): number => seed.next().value ?? 0;
      const pick = (count: number): number => Math.floor(random() * count);

      const reports = shuffle([...ended, ...running, ...ended.filter(() => random() < 0.3)], pick);
      const other: Report[] = [];
      for (let from = 0; from < reports.length; ) {
        const count = 1 + pick(4);
        other.push({ spans: reports.slice(from, from + count) });
        from += count;
      }
      // The client's own calls keep their order; each may come anywhere between the spans, the last of them twice.
      let place = 0;
      for (const info of said) {
        place += pick(other.length - place + 1);
        other.splice(place, 0, { info });
        place += 1;
      }
      const last = said.at(-1);
      if (last !== undefined && random() < 0.5) other.push({ info: last });
      return { plain: [{ spans: ended }, ...said.map((info) => ({ info }))], other };
    });
}

type SpanFacts = typeof spanFacts extends fc.Arbitrary<infer Facts> ? Facts : never;

function toRecord(traceId: string, index: number, facts: SpanFacts): SpanRecord {
  const { parent, startUs, durationUs, isStreamed, isEnded, ...rest } = facts;
  const startTimeUnixNano = SAMPLE_START + BigInt(startUs) * 1000n;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return sampleSpan({
    traceId,
    spanId: spanId(index + 1),
    parentSpanId: parent === -1 || parent === index ? "" : spanId(parent + 1),
    startTimeUnixNano,
    endTimeUnixNano: isEnded ? startTimeUnixNano + BigInt(durationUs) * 1000n : 0n,
    ...given,
  });
}

/** Fisher and Yates. @param pick  a whole number below its argument */
function shuffle<Item>(items: readonly Item[], pick: (count: number) => number): Item[] {
  const shuffled = [...items];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = pick(last + 1);
    const [a, b] = [shuffled[last], shuffled[other]];
    if (a !== undefined && b !== undefined) [shuffled[last], shuffled[other]] = [b, a];
  }
  return shuffled;
}
