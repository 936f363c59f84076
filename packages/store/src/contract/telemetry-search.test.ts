/**
 * What reading traces promises, on every ClickHouse engine: pages, ranges, filters, counts.
 */
import type { Filter } from "@sightline/wire/filter/ast";
import { matchesFilter } from "@sightline/wire/filter/matches";
import { MAX_FILTER_COMPARISONS, parseFilter } from "@sightline/wire/filter/parser";
import type { TraceInfo } from "@sightline/wire/model/trace";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SpanRecord, TelemetryStore, TraceCursor, TraceQuery } from "../telemetry-store.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import { freshExperimentId, freshTraceId, SAMPLE_START, sampleSpan, spanId } from "./samples.ts";

/** The orders that are read from the sort key; all others are in telemetry-orders.test.ts. */
const TRACE_SORT_KEYS = ["timestamp_ms", "execution_time_ms"] as const;
const NEWEST_FIRST = { key: "timestamp_ms", direction: "DESC" } as const;
const MICROSECOND = 1000n;

describe.each(clickHouseEngines)("searching on $name", ({ start }) => {
  let engine: RunningEngine;
  let store: TelemetryStore;
  beforeAll(async () => {
    engine = await start();
    store = await openTelemetryStore(engine.url);
  });
  afterAll(async () => {
    await store?.close();
    await engine?.stop();
  });

  async function allPages(query: Omit<TraceQuery, "after">): Promise<TraceInfo[][]> {
    const pages: TraceInfo[][] = [];
    let after: TraceCursor | undefined;
    do {
      const page = await store.searchTraces({ ...query, ...(after && { after }) });
      pages.push([...page.traces]);
      after = page.next;
    } while (after !== undefined);
    return pages;
  }

  describe("pages", () => {
    const experimentIds = [freshExperimentId(), freshExperimentId()];
    const traceIds = Array.from({ length: 60 }, freshTraceId);
    beforeAll(async () => {
      // Four starts and three lengths for sixty traces: most are equal to others in both.
      const records = traceIds.map((traceId, index) => {
        const startTimeUnixNano = SAMPLE_START + BigInt(index % 4) * MICROSECOND;
        const endTimeUnixNano = startTimeUnixNano + BigInt(index % 3) * MICROSECOND + BigInt(index);
        return sampleSpan({ traceId, experimentId: experimentIds[index % 2]!, startTimeUnixNano, endTimeUnixNano });
      });
      await store.writeSpans(records);
    });

    const orders = TRACE_SORT_KEYS.flatMap((key) => [
      { key, direction: "ASC" as const },
      { key, direction: "DESC" as const },
    ]);

    test.each(orders)("by $key $direction have every trace once, in order", async (order) => {
      const value = (trace: TraceInfo) => (order.key === "timestamp_ms" ? trace.requestTime : trace.durationMs);
      for (const limit of [1, 7, 20, 59, 60, 61]) {
        const pages = await allPages({ experimentIds, order, limit });
        const found = pages.flat();
        expect(found.map((trace) => trace.traceId).toSorted()).toEqual(traceIds.toSorted());
        const sorted = found.toSorted((a, b) => {
          const [left, right] = order.direction === "ASC" ? [a, b] : [b, a];
          if (value(left) !== value(right)) return value(left) < value(right) ? -1 : 1;
          // Equal ones: newest first, then by id, in either direction.
          if (a.requestTime !== b.requestTime) return a.requestTime > b.requestTime ? -1 : 1;
          return a.traceId < b.traceId ? -1 : 1;
        });
        expect(found.map((trace) => trace.traceId)).toEqual(sorted.map((trace) => trace.traceId));
        expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
        expect(pages.at(-1)?.length).toBeGreaterThan(0);
      }
    });

    test("are of the experiments asked for", async () => {
      const [first = "", second = ""] = experimentIds;
      const of = async (ids?: string[]) =>
        (await allPages({ ...(ids && { experimentIds: ids }), order: NEWEST_FIRST, limit: 1000 }))
          .flat()
          .filter((trace) => traceIds.includes(trace.traceId));
      expect(new Set((await of([first])).map((trace) => trace.experimentId))).toEqual(new Set([first]));
      expect(await of([first, second])).toHaveLength(60);
      expect(await of(undefined)).toHaveLength(60);
      expect(await of([])).toEqual([]);
      expect(await of([freshExperimentId(), "no number"])).toEqual([]);
    });

    test("are of the time range asked for, from inclusive, to exclusive", async () => {
      const range = async (from?: bigint, to?: bigint) => {
        const selection = { experimentIds, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
        const { total } = await store.countTraces({ ...selection, limit: 1000 });
        expect((await allPages({ ...selection, order: NEWEST_FIRST, limit: 100 })).flat()).toHaveLength(total);
        return total;
      };
      // Starts are kept in microseconds: SAMPLE_START is 456 ns after one.
      const base = (SAMPLE_START / MICROSECOND) * MICROSECOND;
      expect(await range(base, base + MICROSECOND)).toBe(15);
      expect(await range(base + 1n)).toBe(45);
      expect(await range(undefined, base)).toBe(0);
      expect(await range(base + 3n * MICROSECOND)).toBe(15);
      expect(await range(base + 3n * MICROSECOND + 1n)).toBe(0);
      expect(await range(-(2n ** 70n), 2n ** 70n)).toBe(60);
    });
  });

  test("rows that were replaced, moved or deleted are on no page", async () => {
    const experimentId = freshExperimentId();
    const experimentIds = [experimentId];
    const traceIds = Array.from({ length: 40 }, freshTraceId);
    // Each trace is written four times: running, then longer and longer, every other one earlier each time.
    for (let round = 0; round < 4; round++) {
      const records = traceIds.map((traceId, index) => {
        const shift = index % 2 === 0 ? BigInt(round) * MICROSECOND : 0n;
        const startTimeUnixNano = SAMPLE_START + BigInt(index) * MICROSECOND - shift;
        const length = BigInt((index * 7) % 11) + BigInt(round);
        const endTimeUnixNano = round === 0 ? 0n : startTimeUnixNano + length * MICROSECOND;
        return sampleSpan({ traceId, experimentId, startTimeUnixNano, endTimeUnixNano });
      });
      await store.writeSpans(records);
    }
    // Thick enough that the first rounds of a small page meet nothing else.
    const [gone, kept] = [traceIds.slice(5, 35), [...traceIds.slice(0, 5), ...traceIds.slice(35)]];
    await store.deleteTraces(gone);
    for (const key of TRACE_SORT_KEYS) {
      for (const direction of ["ASC", "DESC"] as const) {
        const query = { experimentIds, order: { key, direction }, limit: 2 };
        const pages = await allPages(query);
        expect(pages.map((page) => page.length)).toEqual([2, 2, 2, 2, 2]);
        const found = pages.flat();
        expect(found.map((trace) => trace.traceId).toSorted()).toEqual(kept.toSorted());
        const values = found.map((trace) =>
          key === "timestamp_ms" ? Date.parse(trace.requestTime) : trace.durationMs,
        );
        expect(values).toEqual(values.toSorted((a, b) => (direction === "ASC" ? a - b : b - a)));
        expect(
          (await allPages({ ...query, filter: parsed("status = 'IN_PROGRESS' OR duration < 0.003") })).flat(),
        ).toEqual([]);
      }
    }
  });

  test("a place that no page ended at is refused", async () => {
    for (const value of ["", "1.5", "x", "9".repeat(30)]) {
      for (const after of [
        { values: [value], startUs: "1", traceId: freshTraceId() },
        { values: ["1"], startUs: value, traceId: freshTraceId() },
      ]) {
        const query = { order: NEWEST_FIRST, limit: 1, after };
        await expect(store.searchTraces(query)).rejects.toMatchObject({ code: "BAD_PAGE_TOKEN" });
      }
    }
  });

  test("counting stops at the limit", async () => {
    const experimentId = freshExperimentId();
    const failed = ["ERROR", "ERROR", "OK", "OK", "OK", "OK", "OK"] as const;
    await store.writeSpans(
      failed.map((statusCode) => sampleSpan({ traceId: freshTraceId(), experimentId, statusCode })),
    );
    const experimentIds = [experimentId];
    expect(await store.countTraces({ experimentIds, limit: 100 })).toEqual({ total: 7, errors: 2 });
    expect(await store.countTraces({ experimentIds, limit: 7 })).toEqual({ total: 7, errors: 2 });
    const few = await store.countTraces({ experimentIds, limit: 3 });
    expect(few.total).toBe(3);
    expect(few.errors).toBeLessThanOrEqual(2);
    const filter = parsed("status = 'ERROR'");
    expect(await store.countTraces({ experimentIds, filter, limit: 100 })).toEqual({ total: 2, errors: 2 });
  });

  test("infos come in the order of the ids, unknown ones are left out", async () => {
    const known = Array.from({ length: 450 }, freshTraceId);
    await store.writeSpans(known.map((traceId) => sampleSpan({ traceId })));
    const asked = known
      .toReversed()
      .flatMap((traceId, index) => (index % 10 === 0 ? [traceId, freshTraceId()] : [traceId]));
    const infos = await store.getTraceInfos([...asked, "not a trace id'"]);
    expect(infos.map((info) => info.traceId)).toEqual(known.toReversed());
    expect((await store.getTraceInfos([known[0]!, known[0]!])).length).toBe(1);
    expect(await store.getTraceInfos([])).toEqual([]);
    const spans = await store.getSpans(asked);
    expect([...spans.keys()].toSorted()).toEqual(known.toSorted());
  });

  test("a call that is given up rejects with the reason", async () => {
    const reason = new Error("the browser went away");
    const signal = AbortSignal.abort(reason);
    await expect(store.searchTraces({ order: NEWEST_FIRST, limit: 1 }, { signal })).rejects.toBe(reason);
    await expect(store.getSpans([freshTraceId()], { signal })).rejects.toBe(reason);
  });

  describe("filters", () => {
    const experimentId = freshExperimentId();
    const experimentIds = [experimentId];
    let traces: TraceInfo[] = [];

    beforeAll(async () => {
      const spans = fc.sample(fc.array(anyFacts(), { minLength: 1, maxLength: 3 }), { numRuns: 80, seed: 20261124 });
      const records = spans.flatMap((facts) => {
        const traceId = freshTraceId();
        return facts.map((fact, index) =>
          sampleSpan({
            ...fact,
            traceId,
            experimentId,
            spanId: spanId(index + 1),
            parentSpanId: index === 0 ? "" : spanId(1),
          }),
        );
      });
      await store.writeSpans(records);
      // A third of the traces have tags set, changed or removed by people.
      const ids = [...new Set(records.map((record) => record.traceId))];
      for (const [index, traceId] of ids.entries()) {
        if (index % 3 === 0) await store.setTraceTags(traceId, { env: "edited", [`k${index}`]: "v" });
        if (index % 6 === 0) await store.deleteTraceTag(traceId, "a b");
        if (index % 12 === 0) await store.deleteTraceTag(traceId, "env");
      }
      traces = await store.getTraceInfos(ids);
      expect(traces).toHaveLength(80);
    });

    async function found(filter: Filter): Promise<string[]> {
      const page = await store.searchTraces({ experimentIds, filter, order: NEWEST_FIRST, limit: 1000 });
      return page.traces.map((trace) => trace.traceId).toSorted();
    }

    // Every field and operator: filter-agreement.test.ts.
    test.each([
      "status = 'ERROR' AND duration > 290",
      "tags.env = 'edited' OR NOT tags.`a b` LIKE '%a%'",
      "tags.env IS NULL AND (cost > 0 OR session ILIKE '%CHAT%')",
      "name LIKE 'answer\\_%' OR input = '日本' OR user IN ('', '50%')",
    ])("a page and the count have the traces with %s", async (text) => {
      const filter = parsed(text);
      const expected = traces.filter((info) => matchesFilter(filter, { info })).map((info) => info.traceId);
      expect(expected.length).toBeGreaterThan(0);
      expect(await found(filter)).toEqual(expected.toSorted());
      const { total } = await store.countTraces({ experimentIds, filter, limit: 1000 });
      expect(total).toBe(expected.length);
    });

    test("text that looks like SQL or parameters is text", async () => {
      const traceId = freshTraceId();
      const nasty = "' OR 1=1 -- {p0:String} \\' \\N \t\n\r \u0000 `\" /* ; DROP TABLE traces";
      await store.writeSpans([
        sampleSpan({ traceId, experimentId: freshExperimentId(), name: nasty, traceTags: { [nasty]: nasty } }),
      ]);
      const only = async (filter: Filter) => {
        const page = await store.searchTraces({ filter, order: NEWEST_FIRST, limit: 10 });
        expect(page.traces.map((trace) => trace.traceId)).toEqual([traceId]);
      };
      await only({ kind: "comparison", left: { field: "name" }, operator: "=", value: nasty });
      await only({ kind: "comparison", left: { field: "name" }, operator: "IN", value: ["x", nasty] });
      await only({ kind: "comparison", left: { field: "tags", key: nasty }, operator: "=", value: nasty });
    });

    test("the largest filter that the parser lets pass is run", async () => {
      const tags = Array.from(
        { length: MAX_FILTER_COMPARISONS },
        (_, index) => `tags.key${index} = 'value ${index}'`,
      ).join(" OR ");
      expect(await found(parsed(tags))).toEqual([]);
      const ids = Array.from({ length: 2000 }, freshTraceId);
      const some = traces.slice(0, 3).map((trace) => trace.traceId);
      const list = [...ids, ...some].map((id) => `'${id}'`).join(",");
      expect(await found(parsed(`trace_id IN (${list})`))).toEqual(some.toSorted());
    });

    test("a tree that the parser would not make is refused", async () => {
      const bad = [
        { kind: "comparison", left: { field: "trace_id; DROP" }, operator: "=", value: "x" },
        { kind: "comparison", left: { field: "name" }, operator: "<", value: "x" },
        { kind: "comparison", left: { field: "cost" }, operator: "LIKE", value: "x" },
        { kind: "comparison", left: { field: "cost" }, operator: "IN", value: 1 },
      ] as const satisfies Filter[];
      for (const filter of bad) {
        await expect(store.searchTraces({ filter, order: NEWEST_FIRST, limit: 1 })).rejects.toThrow(RangeError);
      }
    });
  });
});

function parsed(text: string): Filter {
  const result = parseFilter(text);
  if (!result.ok || result.filter === undefined) throw new Error(`${text} is no filter`);
  return result.filter;
}

// Few values, so that filters hit; among them some that LIKE and quoting could stumble over.
const WORDS = [
  "",
  "chat",
  "Chat",
  "answer_1",
  "answerX1",
  "50%",
  "a\\b",
  "naïve ÄÖ",
  "naÏve äö",
  "日本",
  "it's",
  '"q"',
  "💡 x",
  "line\nbreak",
];
const KEYS = ["env", "a b", "x.y"];

function anyFacts(): fc.Arbitrary<Partial<SpanRecord>> {
  const word = fc.constantFrom(...WORDS);
  const map = fc.dictionary(fc.constantFrom(...KEYS), word);
  const tokens = fc.constantFrom(0, 1, 10);
  const usage = fc.record({ inputTokens: tokens, outputTokens: tokens, totalTokens: tokens });
  const startTimeUnixNano = fc.nat({ max: 5000 }).map((micros) => SAMPLE_START + BigInt(micros) * MICROSECOND);
  const facts = fc.record(
    {
      name: word,
      startTimeUnixNano,
      length: fc.constantFrom(0n, 100n, 1_000_000n, 2_500_000n, 290_000n),
      statusCode: fc.constantFrom("OK" as const, "ERROR" as const),
      statusMessage: word,
      sessionId: word,
      userId: word,
      traceTags: map,
      traceMetadata: map,
      requestPreview: word,
      responsePreview: word,
      usage,
      costUsd: fc.constantFrom(0, 0.1, 2.5),
    },
    { requiredKeys: ["startTimeUnixNano", "length"] },
  );
  return facts.map(({ length, ...fact }) => ({
    ...fact,
    endTimeUnixNano: length === 0n ? 0n : fact.startTimeUnixNano + length * MICROSECOND,
  }));
}
