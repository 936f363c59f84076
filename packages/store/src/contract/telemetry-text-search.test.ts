/**
 * Text search: what is found, by the oracle of wire, on spans that the index has not reached, that it has, and after merges.
 */
import { payloadFromAttribute } from "@sightline/wire/conventions/payload";
import type { Filter } from "@sightline/wire/filter/ast";
import { payloadText } from "@sightline/wire/filter/payload-text";
import { textSays } from "@sightline/wire/text-fold";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clickHouseAddress } from "../clickhouse/address.ts";
import { Queries } from "../clickhouse/queries.ts";
import { sql } from "../clickhouse/sql.ts";
import { TextIndex } from "../clickhouse/text-index.ts";
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

    test("before the index has reached the spans", async () => {
      await store.writeSpans(records);
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
});
