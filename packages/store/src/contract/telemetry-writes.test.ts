/**
 * What writing promises, on every ClickHouse engine: kept, visible, replaced, whole, whatever the order.
 */
import { preview } from "@sightline/wire/json";
import type { TraceInfo } from "@sightline/wire/model/trace";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SpanRecord, StoredSpan, TelemetryStore } from "../telemetry-store.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import { freshExperimentId, freshTraceId, SAMPLE_START, sampleSpan, spanId } from "./samples.ts";

const SECOND = 1_000_000_000n;
const HOUR = 3600n * SECOND;

/** Each engine with a store that remembers running traces, and with one that looks all of them up. */
const cases = clickHouseEngines.flatMap((engine) => [
  { ...engine, memory: "remembered", options: {} },
  { ...engine, memory: "looked up", options: { rememberedSpans: 0 } },
]);

describe.each(cases)("writing on $name, known traces $memory", ({ start, options }) => {
  let engine: RunningEngine;
  let store: TelemetryStore;
  beforeAll(async () => {
    engine = await start();
    store = await openTelemetryStore(engine.url, options);
  });
  afterAll(async () => {
    await store?.close();
    await engine?.stop();
  });

  async function infoOf(traceId: string): Promise<TraceInfo | undefined> {
    return (await store.getTraceInfos([traceId]))[0];
  }

  async function spansOf(traceId: string): Promise<StoredSpan[]> {
    return (await store.getSpans([traceId])).get(traceId) ?? [];
  }

  test("a span comes back as it was written", async () => {
    const traceId = freshTraceId();
    const record = sampleSpan({
      traceId,
      experimentId: freshExperimentId(),
      parentSpanId: "00000000000000aa",
      model: "gpt-5",
      provider: "openai",
      usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15, cacheReadInputTokens: 0, reasoningTokens: 3 },
      costUsd: 0.000_012_3,
      sessionId: "s-1",
      userId: "ada",
      statusCode: "ERROR",
      statusMessage: "it broke",
      inputs: { json: '{"q":1}', source: { key: "mlflow.spanInputs", form: "value" } },
      outputs: { json: '"plain text"', source: { key: "output value", form: "string" } },
      attributes: { "gen_ai.usage.input_tokens": "12345678901234567890", a: '"b"', "a.b": "[1.0,null]", "": "1" },
      events: [
        {
          name: "exception",
          timeUnixNano: "1795508709717123456",
          attributes: { "exception.type": "Boom", nested: { deep: [1, true, null, 12345678901234567890n, "x"] } },
        },
      ],
      links: [
        {
          traceId: "0af7651916cd43dd8448eb211c80319c",
          spanId: "b7ad6b7169203331",
          attributes: { n: -5n * 10n ** 17n },
        },
      ],
    });
    await store.writeSpans([record]);
    const { traceTags, traceMetadata, requestPreview, responsePreview, ...stored } = record;
    expect(await store.getSpan(traceId, record.spanId)).toEqual(stored);
    expect(await spansOf(traceId)).toEqual([stored]);
    expect(await store.getSpan(traceId, "00000000000000ff")).toBeUndefined();
    expect(await store.getSpan(freshTraceId(), record.spanId)).toBeUndefined();
  });

  test("any span comes back as it was written", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anySpan(), { minLength: 1, maxLength: 20 }), async (facts) => {
        const records = facts.map((fact) => sampleSpan({ ...fact, traceId: freshTraceId() }));
        await store.writeSpans(records);
        const stored = await store.getSpans(records.map((record) => record.traceId));
        for (const record of records) {
          const { traceTags, traceMetadata, requestPreview, responsePreview, ...expected } = record;
          expect(stored.get(record.traceId)).toEqual([expected]);
        }
      }),
      { numRuns: 20 },
    );
  });

  test("payloads keep every character", async () => {
    const traceId = freshTraceId();
    const texts = [
      "\u0000 \u0007 \\ \\\\ ' \" ` \n\r\t \u2028 \ufeff",
      "naïve Ünïcödé 日本語 עברית 👩‍👩‍👧 \u{10ffff}",
      "{p0:String} $1 \\N %",
      "x".repeat(1_000_000),
    ];
    const jsons = [
      ...texts.map((text) => JSON.stringify(text)),
      '{"big":123456789012345678901234567890,"f":1.10,"e":1E400}',
    ];
    await store.writeSpans(
      jsons.map((json, index) =>
        sampleSpan({ traceId, spanId: spanId(index + 1), inputs: { json }, outputs: { json }, attributes: { json } }),
      ),
    );
    const spans = await spansOf(traceId);
    expect(spans.map((span) => span.inputs?.json)).toEqual(jsons);
    expect(spans.map((span) => span.outputs?.json)).toEqual(jsons);
    expect(spans.map((span) => span.attributes["json"])).toEqual(jsons);
  });

  test("half a surrogate pair becomes U+FFFD and harms nothing else", async () => {
    const traceId = freshTraceId();
    const record = sampleSpan({
      traceId,
      name: "a\ud800b",
      inputs: { json: '"\\ud83d\\ude00 \\ud800"' },
      traceTags: { "k\udc00": "v\ud800" },
    });
    await store.writeSpans([record, sampleSpan({ traceId, spanId: spanId(2) })]);
    const [first] = await spansOf(traceId);
    expect(first?.name).toBe("a\ufffdb");
    expect(first?.inputs?.json).toBe('"\\ud83d\\ude00 \\ud800"');
    expect((await infoOf(traceId))?.tags).toEqual({ "k\ufffd": "v\ufffd" });
  });

  test("numbers that no engine can hold do not stop a batch", async () => {
    const traceId = freshTraceId();
    const usage = { inputTokens: 1.5, outputTokens: Number.POSITIVE_INFINITY, totalTokens: 1e30 };
    await store.writeSpans([
      sampleSpan({
        traceId,
        usage,
        costUsd: Number.NaN,
        startTimeUnixNano: 2n ** 64n - 1n,
        endTimeUnixNano: 2n ** 64n - 1n,
      }),
    ]);
    const [span] = await spansOf(traceId);
    const most = Number.MAX_SAFE_INTEGER;
    expect(span?.usage).toEqual({ inputTokens: 2, outputTokens: most, totalTokens: most });
    expect(span?.costUsd).toBeUndefined();
    expect((await infoOf(traceId))?.requestTime).toBe("2106-02-07T06:28:15.999999Z");
  });

  test("every read sees a write that was answered", async () => {
    const experimentId = freshExperimentId();
    for (let round = 0; round < 10; round++) {
      const traceId = freshTraceId();
      const startTimeUnixNano = SAMPLE_START + BigInt(round) * SECOND;
      await store.writeSpans([sampleSpan({ traceId, experimentId, startTimeUnixNano })]);
      const selection = { experimentIds: [experimentId] };
      const [page, count, infos, spans, outlines, activity] = await Promise.all([
        store.searchTraces({ ...selection, order: { key: "timestamp_ms", direction: "DESC" }, limit: 1 }),
        store.countTraces({ ...selection, limit: 100 }),
        store.getTraceInfos([traceId]),
        store.getSpans([traceId]),
        store.getSpanOutlines(traceId),
        store.experimentActivity(),
      ]);
      expect(page.traces[0]?.traceId).toBe(traceId);
      expect(count).toEqual({ total: round + 1, errors: 0 });
      expect(infos).toHaveLength(1);
      expect(spans.get(traceId)).toHaveLength(1);
      expect(outlines).toHaveLength(1);
      expect(activity.get(experimentId)).toEqual({
        traces: round + 1,
        lastTraceUnixNano: (startTimeUnixNano / 1000n) * 1000n,
      });
    }
  });

  test("writing a span again replaces it", async () => {
    const before = await store.stats();
    const traceId = freshTraceId();
    const record = sampleSpan({ traceId, endTimeUnixNano: 0n, statusCode: "UNSET" });
    await store.writeSpans([record, record]);
    expect(await infoOf(traceId)).toMatchObject({ state: "IN_PROGRESS", durationMs: 0, spanCount: 1 });
    await store.writeSpans([{ ...record, endTimeUnixNano: SAMPLE_START + SECOND, statusCode: "ERROR", name: "done" }]);
    expect(await infoOf(traceId)).toMatchObject({ state: "ERROR", durationMs: 1000, name: "done", spanCount: 1 });
    expect((await spansOf(traceId)).map((span) => span.name)).toEqual(["done"]);
    const after = await store.stats();
    expect(after).toMatchObject({ traces: before.traces + 1, spans: before.spans + 1 });
  });

  test("of a span that is twice in one batch the last counts", async () => {
    const traceId = freshTraceId();
    await store.writeSpans([sampleSpan({ traceId, name: "first" }), sampleSpan({ traceId, name: "second" })]);
    expect((await spansOf(traceId)).map((span) => span.name)).toEqual(["second"]);
  });

  test("a span that is sent again with a start in another month is there once", async () => {
    const traceId = freshTraceId();
    const experimentId = freshExperimentId();
    for (const shift of [0n, 40n * 24n * HOUR, -40n * 24n * HOUR, HOUR, 0n]) {
      const startTimeUnixNano = SAMPLE_START + shift;
      const [first, second] = [1, 2].map((id) =>
        sampleSpan({ traceId, experimentId, spanId: spanId(id), startTimeUnixNano }),
      );
      await store.writeSpans([first!, second!]);
      expect((await spansOf(traceId)).map((span) => span.startTimeUnixNano)).toEqual([
        startTimeUnixNano,
        startTimeUnixNano,
      ]);
      const page = await store.searchTraces({
        experimentIds: [experimentId],
        order: { key: "timestamp_ms", direction: "DESC" },
        limit: 10,
      });
      expect(page.traces).toMatchObject([{ traceId, spanCount: 2 }]);
    }
  });

  test("an earlier span that comes late moves the trace and leaves nothing behind", async () => {
    const experimentId = freshExperimentId();
    const [moved, other] = [freshTraceId(), freshTraceId()];
    const at = (traceId: string, start: bigint, id: number, parent = "") =>
      sampleSpan({ traceId, experimentId, spanId: spanId(id), parentSpanId: parent, startTimeUnixNano: start });
    await store.writeSpans([at(moved, SAMPLE_START, 2, spanId(1)), at(other, SAMPLE_START - SECOND, 1)]);
    const list = async () =>
      (
        await store.searchTraces({
          experimentIds: [experimentId],
          order: { key: "timestamp_ms", direction: "DESC" },
          limit: 10,
        })
      ).traces.map((trace) => trace.traceId);
    expect(await list()).toEqual([moved, other]);
    await store.writeSpans([at(moved, SAMPLE_START - 2n * SECOND, 1)]);
    expect(await list()).toEqual([other, moved]);
    expect(await store.countTraces({ experimentIds: [experimentId], limit: 100 })).toEqual({ total: 2, errors: 0 });
    expect(await infoOf(moved)).toMatchObject({ durationMs: 2200, spanCount: 2, state: "OK" });
  });

  test("the order in which spans arrive does not change the trace", async () => {
    await fc.assert(
      fc.asyncProperty(anyTrace(), async ({ spans, order, cuts }) => {
        const experimentId = freshExperimentId();
        const [whole, split] = [freshTraceId(), freshTraceId()];
        await store.writeSpans(spans.map((facts) => sampleSpan({ ...facts, experimentId, traceId: whole })));
        const shuffled = order.map((index) => sampleSpan({ ...spans[index], experimentId, traceId: split }));
        const bounds = [0, ...cuts.map((cut) => cut % (shuffled.length + 1)).sort((a, b) => a - b), shuffled.length];
        for (let index = 1; index < bounds.length; index++) {
          await store.writeSpans(shuffled.slice(bounds[index - 1], bounds[index]));
        }
        const [expected, actual] = await store.getTraceInfos([whole, split]);
        expect({ ...actual, traceId: whole }).toEqual(expected);
        expect(expected?.spanCount).toBe(spans.length);
        expect(await store.countTraces({ experimentIds: [experimentId], limit: 10 })).toMatchObject({ total: 2 });
        const ids = (list: StoredSpan[] | undefined) => list?.map((span) => span.spanId);
        const stored = await store.getSpans([whole, split]);
        expect(ids(stored.get(split))).toEqual(ids(stored.get(whole)));
      }),
      { numRuns: 40 },
    );
  });

  test("writes to one trace at the same time lose nothing", async () => {
    const traceId = freshTraceId();
    const others = Array.from({ length: 30 }, freshTraceId);
    await Promise.all(
      others.map((other, index) =>
        store.writeSpans([
          sampleSpan({ traceId, spanId: spanId(index + 1), parentSpanId: index === 0 ? "" : spanId(1) }),
          sampleSpan({ traceId: other }),
        ]),
      ),
    );
    expect(await infoOf(traceId)).toMatchObject({ spanCount: 30, state: "OK" });
    expect(await store.getTraceInfos(others)).toHaveLength(30);
  });

  test("a trace stays in the experiment it was first kept in", async () => {
    const traceId = freshTraceId();
    const [first, second] = [freshExperimentId(), freshExperimentId()];
    await store.writeSpans([sampleSpan({ traceId, experimentId: first })]);
    await store.writeSpans([sampleSpan({ traceId, experimentId: second, spanId: spanId(2) })]);
    expect(await infoOf(traceId)).toMatchObject({ experimentId: first, spanCount: 2 });
    expect((await spansOf(traceId)).map((span) => span.experimentId)).toEqual([first, first]);
    expect(await store.countTraces({ experimentIds: [second], limit: 1 })).toEqual({ total: 0, errors: 0 });
  });

  test("thousands of traces of any date fit in one batch, new and known", async () => {
    const experimentId = freshExperimentId();
    const traceIds = Array.from({ length: 3000 }, freshTraceId);
    // 125 months: ClickHouse refuses more than 100 partitions in a block unless told otherwise.
    const records = traceIds.map((traceId, index) =>
      sampleSpan({ traceId, experimentId, startTimeUnixNano: BigInt(index % 125) * 31n * 24n * HOUR + 1n }),
    );
    await store.writeSpans(records);
    expect(await store.countTraces({ experimentIds: [experimentId], limit: 10_000 })).toMatchObject({ total: 3000 });
    await store.writeSpans(traceIds.map((traceId) => sampleSpan({ traceId, experimentId, spanId: spanId(2) })));
    const infos = await store.getTraceInfos(traceIds);
    expect(infos.map((info) => info.traceId)).toEqual(traceIds);
    expect(new Set(infos.map((info) => info.spanCount))).toEqual(new Set([2]));
    expect(await store.countTraces({ experimentIds: [experimentId], limit: 10_000 })).toMatchObject({ total: 3000 });
  });

  test("a batch larger than one statement is kept whole", async () => {
    const traceId = freshTraceId();
    const json = JSON.stringify("payload ".repeat(500_000));
    const records = Array.from({ length: 8 }, (_, index) =>
      sampleSpan({ traceId, spanId: spanId(index + 1), inputs: { json } }),
    );
    await store.writeSpans(records);
    expect((await spansOf(traceId)).map((span) => span.inputs?.json.length)).toEqual(records.map(() => json.length));
  });

  test("an empty batch is written at once", async () => {
    await expect(store.writeSpans([])).resolves.toBeUndefined();
  });

  test("outlines have what a tree needs, in order of start", async () => {
    const traceId = freshTraceId();
    const usage = { inputTokens: 1, outputTokens: 2, totalTokens: 3 };
    const root = sampleSpan({ traceId, inputs: { json: '"x"' } });
    const child = sampleSpan({
      traceId,
      spanId: spanId(3),
      parentSpanId: root.spanId,
      usage,
      costUsd: 1,
      statusMessage: "m",
    });
    const early = sampleSpan({
      traceId,
      spanId: spanId(2),
      parentSpanId: root.spanId,
      startTimeUnixNano: SAMPLE_START - 1n,
    });
    await store.writeSpans([child, root, early]);
    const outline = ({
      spanId,
      parentSpanId,
      name,
      spanType,
      startTimeUnixNano,
      endTimeUnixNano,
      ...rest
    }: SpanRecord) => {
      const { statusCode, statusMessage, usage, costUsd } = rest;
      const facts = {
        spanId,
        parentSpanId,
        name,
        spanType,
        startTimeUnixNano,
        endTimeUnixNano,
        statusCode,
        statusMessage,
      };
      return { ...facts, ...(usage && { usage }), ...(costUsd !== undefined && { costUsd }) };
    };
    expect(await store.getSpanOutlines(traceId)).toEqual([outline(early), outline(root), outline(child)]);
    expect(await store.getSpanOutlines(freshTraceId())).toEqual([]);
  });

  test("a failed trace tells the deepest failure in the list", async () => {
    const traceId = freshTraceId();
    const attributes = { "exception.type": "ToolError", "exception.message": "no such order" };
    const event = { name: "exception", timeUnixNano: "0", attributes };
    const root = sampleSpan({ traceId, statusCode: "ERROR", statusMessage: "agent failed" });
    const tool = sampleSpan({
      traceId,
      spanId: spanId(2),
      parentSpanId: root.spanId,
      statusCode: "ERROR",
      events: [event],
    });
    await store.writeSpans([root]);
    expect((await infoOf(traceId))?.errorPreview).toBe("agent failed");
    await store.writeSpans([tool]);
    expect((await infoOf(traceId))?.errorPreview).toBe("ToolError: no such order");
    await store.writeSpans([{ ...root, statusMessage: "x".repeat(5000), statusCode: "OK" }]);
    expect((await infoOf(traceId))?.errorPreview).toBeUndefined();
    await store.writeSpans([{ ...tool, events: [], statusMessage: "y".repeat(5000) }, root]);
    expect((await infoOf(traceId))?.errorPreview).toBe(preview("y".repeat(5000), 1000));
  });
});

/** Texts with any characters, NUL and outside the BMP too. */
function anyText(maxLength = 12): fc.Arbitrary<string> {
  return fc.string({ unit: "binary", maxLength });
}

function anyMap(): fc.Arbitrary<Record<string, string>> {
  return fc.dictionary(anyText(), anyText(), { maxKeys: 3 });
}

/** 1970 to 2106. */
function anyMoment(): fc.Arbitrary<bigint> {
  return fc.bigInt({ min: 0n, max: 4_294_967_295_999_999_999n });
}

function anyUsage(): fc.Arbitrary<NonNullable<SpanRecord["usage"]>> {
  const tokens = fc.nat({ max: 1_000_000 });
  return fc.record(
    {
      inputTokens: tokens,
      outputTokens: tokens,
      totalTokens: tokens,
      cacheReadInputTokens: tokens,
      cacheCreationInputTokens: tokens,
      reasoningTokens: tokens,
    },
    { requiredKeys: ["inputTokens", "outputTokens", "totalTokens"] },
  );
}

function anyPayload(): fc.Arbitrary<NonNullable<SpanRecord["inputs"]>> {
  const source = fc.record({ key: anyText(), form: fc.constantFrom("text", "string", "value") });
  return fc.record({ json: fc.json(), source }, { requiredKeys: ["json"] });
}

function anySpan(): fc.Arbitrary<Omit<SpanRecord, "traceId">> {
  const event = fc.record({
    name: anyText(),
    timeUnixNano: anyMoment().map(String),
    attributes: fc.dictionary(
      anyText(),
      fc.oneof(anyText(), fc.integer(), fc.boolean(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n })),
    ),
  });
  const link = fc.record({ traceId: anyText(), spanId: anyText(), attributes: anyMap() });
  return fc.record(
    {
      experimentId: fc.nat().map(String),
      spanId: fc.nat().map(spanId),
      parentSpanId: fc.nat().map(spanId),
      name: anyText(),
      spanType: anyText(),
      service: anyText(),
      startTimeUnixNano: anyMoment(),
      endTimeUnixNano: anyMoment(),
      statusCode: fc.constantFrom("UNSET", "OK", "ERROR"),
      statusMessage: anyText(),
      model: anyText(),
      provider: anyText(),
      sessionId: anyText(),
      userId: anyText(),
      usage: anyUsage(),
      costUsd: fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }).map((cost) => cost + 0),
      inputs: anyPayload(),
      outputs: anyPayload(),
      attributes: anyMap(),
      events: fc.array(event, { maxLength: 2 }),
      links: fc.array(link, { maxLength: 2 }),
      traceTags: anyMap(),
      traceMetadata: anyMap(),
      requestPreview: anyText(),
      responsePreview: anyText(),
    },
    {
      requiredKeys: [
        ...(["experimentId", "spanId", "parentSpanId", "name", "spanType", "service", "startTimeUnixNano"] as const),
        ...(["endTimeUnixNano", "statusCode", "statusMessage", "model", "provider", "sessionId", "userId"] as const),
        ...([
          "attributes",
          "events",
          "links",
          "traceTags",
          "traceMetadata",
          "requestPreview",
          "responsePreview",
        ] as const),
      ],
    },
  );
}

/** A trace of a few spans that collide in many ways, an order to send them in and places to cut it into batches. */
function anyTrace() {
  const key = fc.constantFrom("a", "b", "c");
  const word = fc.constantFrom("", "x", "y");
  const map = fc.dictionary(key, word, { maxKeys: 2 });
  const span = fc.record(
    {
      // 0 = root; otherwise a span of the trace, itself, or one that never came
      parent: fc.nat({ max: 12 }),
      name: word,
      start: fc.nat({ max: 4 }),
      length: fc.nat({ max: 3 }),
      statusCode: fc.constantFrom("UNSET" as const, "OK" as const, "ERROR" as const),
      statusMessage: word,
      sessionId: word,
      userId: word,
      traceTags: map,
      traceMetadata: map,
      requestPreview: word,
      responsePreview: word,
      usage: anyUsage(),
      costUsd: fc.double({ min: 0, max: 1, noNaN: true }),
    },
    { noNullPrototype: true },
  );
  return fc.array(span, { minLength: 1, maxLength: 9 }).chain((drafts) => {
    const spans = drafts.map(({ parent, start, length, ...facts }, index): Omit<SpanRecord, "traceId"> => {
      // Half an hour a step: some spans of a trace lie in other hours than its start.
      const startTimeUnixNano = SAMPLE_START + (BigInt(start) * HOUR) / 2n;
      const { traceId, ...record } = sampleSpan({
        ...facts,
        traceId: "",
        spanId: spanId(index + 1),
        parentSpanId: parent === 0 ? "" : spanId(parent),
        startTimeUnixNano,
        endTimeUnixNano: length === 0 ? 0n : startTimeUnixNano + BigInt(length) * HOUR,
      });
      return record;
    });
    return fc.record({
      spans: fc.constant(spans),
      order: fc.shuffledSubarray(
        spans.map((_, index) => index),
        { minLength: spans.length, maxLength: spans.length },
      ),
      cuts: fc.array(fc.nat(), { maxLength: 4 }),
    });
  });
}
