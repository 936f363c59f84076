/**
 * Text search: what is found, by the oracle of wire, on spans that the index has not reached, that it has, and after merges.
 */
import { setImmediate } from "node:timers/promises";
import { payloadFromAttribute } from "@sightline/wire/conventions/payload";
import type { Filter } from "@sightline/wire/filter/ast";
import { payloadText } from "@sightline/wire/filter/payload-text";
import { foldText, textSays } from "@sightline/wire/text-fold";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clickHouseAddress } from "../clickhouse/address.ts";
import { Queries } from "../clickhouse/queries.ts";
import { and, param, sql } from "../clickhouse/sql.ts";
import { TextIndex } from "../clickhouse/text-index.ts";
import { spansThatMayHold, textCondition } from "../clickhouse/text-search.ts";
import { withinSeconds } from "../clickhouse/trace-windows.ts";
import { connectClickHouse } from "../engines/clickhouse.ts";
import type { SpanRecord, TelemetryStore, TraceCursor } from "../telemetry-store.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import { freshExperimentId, freshTraceId, SAMPLE_START, sampleSpan, spanId } from "./samples.ts";

const NEWEST_FIRST = { key: "timestamp_ms", direction: "DESC" } as const;

/** What agents said: as the value of an attribute. Strings that are JSON are kept as JSON. */
const said: readonly string[] = [
  JSON.stringify({ messages: [{ role: "user", content: "Where is my Refund for order #1234?" }] }),
  JSON.stringify({ content: 'line1\nline2\tend "quoted" back\\slash 100% a_b C:\\new' }),
  String.raw`{"city": "\u5929\u6c23\u9810\u5831", "smile": "\ud83d\ude00", "path": "http:\/\/shop.example\/a"}`,
  JSON.stringify({ content: "今日の天気は晴れです。明日は雨でしょう。" }),
  JSON.stringify({ content: "오늘 날씨가 좋네요. 안녕하세요" }),
  JSON.stringify({ content: "مرحبا بالعالم، كيف الطقس اليوم؟" }),
  JSON.stringify({ content: "family 👩‍👩‍👧 flag 🇯🇵 thumb 👍🏽 done" }),
  JSON.stringify({ content: "GRÜSSE aus KÖLN, ПРИВЕТ мир, ΟΔΟΣ και ΟΔΟΣΗΜΑΝΣΗ, İstanbul, ﬁne, ẞ" }),
  JSON.stringify({ arguments: JSON.stringify({ city: "Zürich", note: 'say "hi"\nthen leave' }) }),
  String.raw`{"arguments": "{\"city\": \"\\u6771\\u4eac\", \"when\": \"tomorrow\"}"}`,
  "plain text that is no JSON: {refused}\nsecond line",
  JSON.stringify({ content: "hello\nice day", n: 12345.678 }),
  String.raw`["\u003cb\u003ebold\u003c/b\u003e", "lone \ud83d\ud83d half \\\ud83d \\ud83d"]`,
];

const needles: readonly string[] = [
  ...'refund|REFUND|efun|order #1234|#1234?|user","content|Refund for|absentword|fundx'.split("|"),
  ...[
    "line1\nline2",
    "line1",
    "line2\tend",
    '"quoted"',
    "back\\slash",
    "100%",
    "a_b",
    "aXb",
    "C:\\new",
    "\\new",
    "new",
  ],
  ...[
    "天氣",
    "天气",
    "預報",
    "氣",
    "😀",
    "http://shop",
    "shop.example/a",
    "天気は晴れ",
    "明日",
    "雨",
    "雪",
    "です。明日",
  ],
  ...["날씨가", "날씨", "안녕", "시", "الطقس", "طقس", "مرحبا", "سلام", "👩‍👩‍👧", "👧", "👍🏽", "👍", "🇯🇵", "🇯🇲", "‍"],
  ...["grüsse", "köln", "KOLN", "привет", "ΜΙΡ", "мир", "οδος", "οδοσ", "οδοση", "i̇stanbul", "İSTANBUL", "ﬁne", "ß"],
  ...[
    "zürich",
    "ZÜRICH",
    'say "hi"',
    'say \\"hi\\"',
    "東京",
    "京",
    "東西",
    "tomorrow",
    "{refused}",
    "refused",
    "ice day",
    "nice",
  ],
  ...[
    "<b>bold</b>",
    "bold",
    "half",
    "\\ud83d",
    "12345.678",
    "345",
    "e",
    "%",
    "_",
    "\\",
    '"',
    "'",
    "\n",
    " ",
    "a' OR 1=1 --",
  ],
];

describe.each(clickHouseEngines)("text search on $name", ({ start }) => {
  let engine: RunningEngine;
  let store: TelemetryStore;
  let queries: Queries;
  beforeAll(async () => {
    engine = await start();
    store = await openTelemetryStore(engine.url);
    const { serverUrl, database } = clickHouseAddress(engine.url);
    queries = new Queries(connectClickHouse(serverUrl), database);
  });
  afterAll(async () => {
    await store?.close();
    await engine?.stop();
  });

  const catchUp = () =>
    new TextIndex({ queries, settled: () => Number.MAX_SAFE_INTEGER, onFailure: () => undefined }).catchUp();

  async function find(filter: Filter, experimentId: string, range: { from?: bigint; to?: bigint } = {}, limit = 100) {
    const found: string[] = [];
    let after: TraceCursor | undefined;
    do {
      const page = await store.searchTraces({
        experimentIds: [experimentId],
        filter,
        order: NEWEST_FIRST,
        limit,
        ...range,
        ...(after && { after }),
      });
      found.push(...page.traces.map((trace) => trace.traceId));
      after = page.next;
    } while (after !== undefined);
    return found;
  }
  const findText = (text: string, experimentId: string, range = {}, limit = 100) =>
    find({ kind: "text", text }, experimentId, range, limit);

  /** A trace for each text: as the inputs of its root, or the outputs of a child. */
  function tracesOf(experimentId: string, texts: readonly string[]): SpanRecord[] {
    return texts.flatMap((text, index) => {
      const traceId = freshTraceId();
      const startTimeUnixNano = SAMPLE_START + BigInt(index) * 60_000_000_000n;
      const root = sampleSpan({ traceId, experimentId, startTimeUnixNano });
      const payload = payloadFromAttribute("said", text);
      if (index % 2 === 0) return [{ ...root, inputs: payload }];
      const child = { ...root, spanId: spanId(2), parentSpanId: spanId(1), outputs: payload };
      return [root, child];
    });
  }

  describe("finds what the oracle finds", () => {
    const experimentId = freshExperimentId();
    const records = tracesOf(experimentId, said);
    const expected = (needle: string) =>
      records
        .filter(({ inputs, outputs }) =>
          [inputs, outputs].some((payload) => payload && textSays(payloadText(payload.json), needle)),
        )
        .map((record) => record.traceId)
        .reverse();
    const allFound = async () =>
      Object.fromEntries(
        await Promise.all(needles.map(async (needle) => [needle, await findText(needle, experimentId)])),
      );
    const allExpected = Object.fromEntries(needles.map((needle) => [needle, expected(needle)]));

    test("the needles find something and nothing", () => {
      const counts = needles.map((needle) => expected(needle).length);
      expect(counts.filter((count) => count === 0).length).toBeGreaterThan(8);
      expect(counts.filter((count) => count > 0).length).toBeGreaterThan(60);
      expect(expected("天氣")).toHaveLength(1);
      expect(expected("東京")).toHaveLength(1);
      expect(expected("nice")).toHaveLength(0);
    });

    beforeAll(() => store.writeSpans(records));

    test("as soon as they are written", async () => {
      expect(await allFound()).toEqual(allExpected);
    });

    test("with the index", async () => {
      await catchUp();
      expect(await allFound()).toEqual(allExpected);
    });

    test("after merges, and with spans of another hour and experiment beside them", async () => {
      await store.writeSpans(tracesOf(freshExperimentId(), said));
      await catchUp();
      for (const table of ["spans", "span_words"])
        await queries.command(sql`OPTIMIZE TABLE ${queries.table(table)} FINAL`);
      expect(await allFound()).toEqual(allExpected);
    });
  });

  describe("newest first", () => {
    const experimentId = freshExperimentId();
    const inputs = payloadFromAttribute("said", JSON.stringify({ content: "the common word" }));
    const minute = 60_000_000_000n;
    // Whole microseconds, as starts are kept.
    const startOf = (index: number) => (SAMPLE_START / 1000n) * 1000n + BigInt(index) * minute;
    const records = Array.from({ length: 300 }, (_, index) =>
      sampleSpan({ traceId: freshTraceId(), experimentId, startTimeUnixNano: startOf(index), inputs }),
    );
    const idsFrom = (first: number, end: number) =>
      records
        .slice(first, end)
        .map((record) => record.traceId)
        .reverse();
    beforeAll(() => store.writeSpans(records));

    test("pages have no gaps and no doubles, also while more is written", async () => {
      const filter: Filter = { kind: "text", text: "common" };
      const found: string[] = [];
      let after: TraceCursor | undefined;
      let written = 0;
      do {
        const page = await store.searchTraces({
          experimentIds: [experimentId],
          filter,
          order: NEWEST_FIRST,
          limit: 70,
          ...(after && { after }),
        });
        found.push(...page.traces.map((trace) => trace.traceId));
        after = page.next;
        // Newer ones than any page, and one among those that were given already.
        for (const startTimeUnixNano of [startOf(1000 + written), startOf(299) + BigInt(written + 1) * 1000n]) {
          await store.writeSpans([sampleSpan({ traceId: freshTraceId(), experimentId, startTimeUnixNano, inputs })]);
        }
        written += 1;
      } while (after !== undefined);
      expect(written).toBe(5);
      expect(found).toEqual(idsFrom(0, 300));
    });

    test("in a range of time, from inclusive, to exclusive; counts agree", async () => {
      const ranges: { from?: bigint; to?: bigint }[] = [
        { from: startOf(100), to: startOf(200) },
        { to: startOf(50) },
        { from: startOf(299), to: startOf(299) + 1000n },
        { from: startOf(5000) },
      ];
      const expected = [idsFrom(100, 200), idsFrom(0, 50), idsFrom(299, 300), []];
      for (const withIndex of [false, true]) {
        if (withIndex) await catchUp();
        for (const [index, range] of ranges.entries()) {
          expect(await findText("COMMON WORD", experimentId, range, 60)).toEqual(expected[index]);
          const selection = {
            experimentIds: [experimentId],
            filter: { kind: "text", text: "common" } as const,
            ...range,
          };
          const { total } = await store.countTraces({ ...selection, limit: 1000 });
          expect(total).toBe(expected[index]?.length);
          expect((await store.countTraces({ ...selection, limit: 7 })).total).toBe(Math.min(7, total));
        }
      }
    });

    test("a long span of a trace in the range counts, though it began after it", async () => {
      const traceId = freshTraceId();
      const experiment = freshExperimentId();
      const root = sampleSpan({
        traceId,
        experimentId: experiment,
        endTimeUnixNano: SAMPLE_START + 10n * 60n * minute,
      });
      const late = {
        ...root,
        spanId: spanId(2),
        parentSpanId: spanId(1),
        startTimeUnixNano: SAMPLE_START + 9n * 60n * minute,
      };
      await store.writeSpans([root, { ...late, outputs: payloadFromAttribute("said", "a late answer") }]);
      await catchUp();
      const range = { from: SAMPLE_START - 1000n, to: SAMPLE_START + 1000n };
      expect(await findText("late answer", experiment, range)).toEqual([traceId]);
    });

    test("other orders have the same traces, in theirs", async () => {
      const filter: Filter = { kind: "text", text: "common" };
      const page = await store.searchTraces({
        experimentIds: [experimentId],
        filter,
        order: [
          { key: "status", direction: "ASC" },
          { key: "timestamp_ms", direction: "ASC" },
        ],
        limit: 300,
        to: startOf(299),
      });
      expect(page.traces.map((trace) => trace.traceId)).toEqual(idsFrom(0, 299).reverse());
    });
  });

  test("what was replaced, deleted or said in another experiment is not found", async () => {
    const experimentId = freshExperimentId();
    const saying = (text: string) => ({ inputs: payloadFromAttribute("said", text) });
    const [kept, replaced, deleted] = [freshTraceId(), freshTraceId(), freshTraceId()] as const;
    const spans = [kept, replaced, deleted].map((traceId) =>
      sampleSpan({ traceId, experimentId, ...saying("first words") }),
    );
    await store.writeSpans(spans);
    await catchUp();
    await store.writeSpans([sampleSpan({ traceId: replaced, experimentId, ...saying("second words") })]);
    await store.deleteTraces([deleted]);
    expect(await findText("first", experimentId)).toEqual([kept]);
    expect(await findText("second", experimentId)).toEqual([replaced]);
    expect(await findText("first", freshExperimentId())).toEqual([]);
    expect(await find({ kind: "not", term: { kind: "text", text: "first" } }, experimentId)).toEqual([replaced]);
  });

  test("one span must say all of span(…), the trace may say texts in several", async () => {
    const experimentId = freshExperimentId();
    const traceId = freshTraceId();
    const root = sampleSpan({ traceId, experimentId, inputs: payloadFromAttribute("said", "apples") });
    await store.writeSpans([
      root,
      { ...root, spanId: spanId(2), parentSpanId: spanId(1), inputs: payloadFromAttribute("said", "pears") },
    ]);
    await catchUp();
    const both: Filter = {
      kind: "and",
      terms: [
        { kind: "text", text: "apples" },
        { kind: "text", text: "pears" },
      ],
    };
    expect(await find(both, experimentId)).toEqual([traceId]);
    expect(await find({ kind: "span", filter: both }, experimentId)).toEqual([]);
  });

  test("a payload of 10 MB is searched whole, and its place is shown in a snippet", async () => {
    const experimentId = freshExperimentId();
    const traceId = freshTraceId();
    const content = `${"lorem ipsum dolor ".repeat(600_000)}the NEEDLE stands "here" ${"sit amet ".repeat(1000)}`;
    await store.writeSpans([
      sampleSpan({ traceId, experimentId, outputs: payloadFromAttribute("said", JSON.stringify({ content })) }),
    ]);
    await catchUp();
    expect(await findText('needle stands "here"', experimentId)).toEqual([traceId]);
    const [match] = (await store.findTextMatches([traceId], ["needle stands"])).get(traceId) ?? [];
    expect(match).toMatchObject({ spanId: spanId(1), field: "output", length: 13 });
    expect(match?.snippet.slice(match.at, match.at + match.length)).toBe("NEEDLE stands");
    expect(match?.snippet.length).toBeLessThan(200);
  });

  test("places are shown by field, at most three a trace, in decoded text of any script", async () => {
    const experimentId = freshExperimentId();
    const [traceId, other] = [freshTraceId(), freshTraceId()] as const;
    const says = (text: string) => payloadFromAttribute("said", text);
    const root = sampleSpan({
      traceId,
      experimentId,
      inputs: says(JSON.stringify("İİİ line1\nWETTER: 天気 ☀️")),
      outputs: says("Wetter, wetter"),
    });
    const failing = { statusCode: "ERROR", statusMessage: "no WETTER today" } as const;
    const spans = [2, 3].map((id) => ({ ...root, spanId: spanId(id), parentSpanId: spanId(1), ...failing }));
    await store.writeSpans([root, ...spans, sampleSpan({ traceId: other, experimentId })]);
    const found = await store.findTextMatches([traceId, other], ["wetter", "天気"]);
    expect([...found.keys()]).toEqual([traceId]);
    const matches = found.get(traceId) ?? [];
    expect(matches).toHaveLength(3);
    for (const { snippet, at, length } of matches) {
      expect(["wetter", "天気"]).toContain(snippet.slice(at, at + length).toLowerCase());
    }
    expect(matches.map(({ snippet }) => snippet)).toContain('"İİİ line1\nWETTER: 天気 ☀️"');
    expect(await store.findTextMatches([traceId], [])).toEqual(new Map());
  });

  describe("in many spans", () => {
    const experimentId = freshExperimentId();
    const day = 86_400_000_000_000n;
    const records = Array.from({ length: 6000 }, (_, index) =>
      sampleSpan({
        traceId: freshTraceId(),
        experimentId,
        startTimeUnixNano: SAMPLE_START - day + BigInt(index) * 10_000_000_000n,
        inputs: payloadFromAttribute("said", JSON.stringify(`words of all spans ${index === 3000 ? "quokka" : ""}`)),
      }),
    );
    beforeAll(async () => {
      await store.writeSpans(records);
      await catchUp();
      for (const table of ["spans", "span_words"])
        await queries.command(sql`OPTIMIZE TABLE ${queries.table(table)} FINAL`);
    });

    test("a rare word reads few of them, after merges", async () => {
      const scope = { table: (name: string) => queries.table(name), experimentIds: [experimentId] };
      const granules = async (text: string, source: "indexed" | "behind" = "indexed") => {
        const [indexed, behind] = spansThatMayHold({ kind: "text", text }, scope);
        const { first, conditions, settings } = (source === "indexed" ? indexed : behind)!;
        const plan = await queries.rows(
          sql`SELECT explain FROM (EXPLAIN indexes = 1 SELECT trace_id FROM ${queries.table("spans")} FINAL${first}
          WHERE ${and([sql`experiment_id = ${param(experimentId, "String")}`, ...conditions, textCondition(text, "contains")])}${settings})`,
        );
        const lines = plan
          .map(([line]) => String(line))
          .filter((line) => line.includes("Granules: ") && line.includes("/"));
        return Number(/Granules: (\d+)\//.exec(lines.at(-1) ?? "")?.[1]);
      };
      expect(await granules("words of all")).toBeGreaterThanOrEqual(5);
      expect(await granules("quokka")).toBeLessThanOrEqual(2);
      expect(await granules("wombat")).toBe(0);
      expect(await findText("quokka", experimentId)).toEqual([records[3000]?.traceId]);
      // Spans of the same hours that are not in the index yet: they are read, and none of the others.
      const fresh = records.slice(3000, 3300).map((record) => ({ ...record, traceId: freshTraceId() }));
      await store.writeSpans(fresh);
      expect(await granules("wombat")).toBe(0);
      expect(await granules("wombat", "behind")).toBeLessThanOrEqual(1);
      expect((await findText("quokka", experimentId)).toSorted()).toEqual(
        [fresh[0]?.traceId, records[3000]?.traceId].toSorted(),
      );
      await store.deleteTraces(fresh.map(({ traceId }) => traceId));
    });

    test("a text that the index cannot rule out is found in one window after the other, in either direction", async () => {
      const ids = records.map((record) => record.traceId);
      // Two letters: the index does not tell them apart.
      expect(await findText("of", experimentId, {}, 1000)).toEqual(ids.toReversed());
      const filter: Filter = { kind: "text", text: "of" };
      const range = { experimentIds: [experimentId], filter, from: records[10]?.startTimeUnixNano ?? 0n };
      const oldestFirst: string[] = [];
      let after: TraceCursor | undefined;
      do {
        const order = { key: "timestamp_ms", direction: "ASC" } as const;
        const page = await store.searchTraces({ ...range, order, limit: 1000, ...(after && { after }) });
        oldestFirst.push(...page.traces.map((trace) => trace.traceId));
        after = page.next;
      } while (after !== undefined);
      expect(oldestFirst).toEqual(ids.slice(11));
      expect((await store.countTraces({ ...range, limit: 10_000 })).total).toBe(5989);
      const byName = { order: { key: "trace_id", direction: "ASC" }, limit: 500 } as const;
      const page = await store.searchTraces({ ...range, ...byName });
      expect(page.traces.map((trace) => trace.traceId)).toEqual(ids.slice(11).toSorted().slice(0, 500));
    });
  });

  test("busy hours are cut into parts, and every span is found in its part", async () => {
    const experimentId = freshExperimentId();
    const hour = 3_600_000_000_000n;
    const start = (SAMPLE_START / hour) * hour;
    const spansIn = (first: bigint, count: number, name: string) =>
      Array.from({ length: count }, (_, index) =>
        sampleSpan({
          traceId: freshTraceId(),
          experimentId,
          startTimeUnixNano: first + BigInt(index),
          inputs: payloadFromAttribute("said", `${name}${index % 1000 === 0 ? index : ""} 電話`),
        }),
      );
    const records = [
      ...spansIn(start, 17_000, "busy"),
      ...spansIn(start + 5n * hour, 1500, "medium"),
      ...spansIn(start + 9n * hour, 10, "calm"),
    ];
    // An hour with one span that says it among 50,000 that say something else.
    const busiest = freshTraceId();
    await store.writeSpans([
      sampleSpan({
        traceId: busiest,
        experimentId,
        startTimeUnixNano: start + 12n * hour,
        inputs: payloadFromAttribute("said", "busiest 電話"),
      }),
    ]);
    await queries.command(sql`INSERT INTO ${queries.table("spans")} (experiment_id, trace_id, span_id, start_time, inputs, version)
      SELECT ${param(experimentId, "String")}, concat('tr-', lower(hex(sipHash128(number)))), 'a', fromUnixTimestamp64Nano(${param(start + 12n * hour, "Int64")}), '"filler"', 1
      FROM numbers(50000)`);
    await store.writeSpans(records);
    await catchUp();
    const rows = await queries.rows(
      sql`SELECT DISTINCT multiIf(block % 512 = 0, 'hour', block % 512 < 17, '16th', block % 512 < 273, '256th', '64th') AS part FROM ${queries.table("span_words")}
        ARRAY JOIN blocks AS block WHERE experiment_id = ${param(experimentId, "String")} ORDER BY part`,
    );
    expect(rows.flat()).toEqual(["16th", "256th", "64th", "hour"]);
    for (const text of ["busy0", "busy4000", "usy16000", "medium1000", "dium0", "calm0"]) {
      const expected = records
        .filter(({ inputs }) => inputs?.json.includes(`${text} `))
        .map((record) => record.traceId);
      expect([text, await findText(text, experimentId)]).toEqual([text, expected]);
    }
    expect(await findText("usiest", experimentId)).toEqual([busiest]);
    expect(
      (
        await store.countTraces({
          experimentIds: [experimentId],
          filter: { kind: "text", text: "電話" },
          limit: 30_000,
        })
      ).total,
    ).toBe(18_511);
  });

  test("a search that is given up stops in the engine", async () => {
    const experimentId = freshExperimentId();
    const content = "lorem ipsum dolor ".repeat(200);
    const inputs = payloadFromAttribute("said", JSON.stringify({ content }));
    for (let round = 0; round < 10; round += 1) {
      await store.writeSpans(
        Array.from({ length: 2000 }, () => sampleSpan({ traceId: freshTraceId(), experimentId, inputs })),
      );
    }
    const marker = `absent ${crypto.randomUUID()}`;
    const running = async () => {
      const [row] = await queries.rows(
        sql`SELECT count() FROM system.processes WHERE position(query, ${param(marker, "String")}) > 0 AND query NOT LIKE '%system.processes%'`,
      );
      return Number(row?.[0]);
    };
    const controller = new AbortController();
    const reason = new Error("the browser went away");
    const terms = Array.from({ length: 40 }, (_, index): Filter => ({ kind: "text", text: `${marker} ${index}` }));
    const search = store.searchTraces(
      { experimentIds: [experimentId], filter: { kind: "or", terms }, order: NEWEST_FIRST, limit: 10 },
      { signal: controller.signal },
    );
    const outcome = expect(search).rejects.toBe(reason);
    while ((await running()) === 0) await setImmediate();
    controller.abort(reason);
    await outcome;
    while ((await running()) > 0) await setImmediate();
  });

  test("words of spans that were purged are forgotten, and the others are found", async () => {
    const experimentId = freshExperimentId();
    const month = 31n * 86_400_000_000_000n;
    const records = [0n, 2n * month, 2n * month].map((later, index) =>
      sampleSpan({
        traceId: freshTraceId(),
        experimentId,
        startTimeUnixNano: SAMPLE_START + later,
        inputs: payloadFromAttribute("said", `secret${index} shared`),
      }),
    );
    await store.writeSpans(records);
    await catchUp();
    const words = async () => {
      const rows = await queries.rows(
        sql`SELECT DISTINCT word FROM ${queries.table("span_words")} WHERE experiment_id = ${param(experimentId, "String")} ORDER BY word`,
      );
      return rows.map(([word]) => word);
    };
    expect(await words()).toEqual(["secret0", "secret1", "secret2", "shared"]);
    await store.deleteTraces([records[1]?.traceId ?? ""]);
    await store.purge({ minDeadShare: 0 });
    await catchUp();
    expect(await words()).toEqual(["secret0", "secret2", "shared"]);
    expect(await findText("shared", experimentId)).toEqual([records[2]?.traceId, records[0]?.traceId]);
    await store.deleteTraces([records[2]?.traceId ?? ""]);
    await store.purge();
    expect(await words()).toEqual(["secret0", "shared"]);
  });

  test("the engine folds every character as wire does", async () => {
    const blocks = Array.from({ length: 32 }, (_, block) =>
      Array.from({ length: 4096 }, (_, index) => block * 4096 + index)
        .filter((code) => code > 0 && (code < 0xd800 || code > 0xdfff))
        .map((code) => String.fromCodePoint(code)),
    );
    const different: string[] = [];
    for (const block of blocks) {
      const [row] = await queries.rows(
        sql`SELECT arrayMap(char -> replaceAll(lowerUTF8(char), 'ς', 'σ'), ${param(block, "Array(String)")})`,
      );
      // An array column.
      const folded = row?.[0] as unknown as string[];
      different.push(...block.filter((char, index) => foldText(char) !== folded[index]));
    }
    expect(different.map((char) => char.codePointAt(0)?.toString(16))).toEqual([]);
    const [row] = await queries.rows(sql`SELECT replaceAll(lowerUTF8(${param("ΣΑΣ. ΟΔΟΣ ΣΑΣΑ", "String")}), 'ς', 'σ')`);
    expect(row?.[0]).toBe(foldText("ΣΑΣ. ΟΔΟΣ ΣΑΣΑ"));
  });

  test("a question that takes too long is given up by the engine", async () => {
    const bounded = queries.rows(sql`SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))`, {
      maxSeconds: 0.2,
    });
    await expect(bounded).rejects.toMatchObject({ code: "QUERY_TOO_SLOW" });
    expect(() => withinSeconds(0, {})()).toThrow(expect.objectContaining({ code: "QUERY_TOO_SLOW" }));
  });
});
