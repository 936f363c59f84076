/**
 * Which index serves text search: bytes a span, CPU at insert and at merges, time of searches, for each way to index payloads.
 *
 *   node --import tsx --conditions=@sightline/source bench/text-search.ts [--spans 200000] [--text mixed|words] [--ways none,grams,…]
 *
 * Each way gets a fresh engine and the product's table `spans` with its index. Spans are inserted in batches of 5,000 with merges
 * stopped (that CPU is the insert's), then merges run until they are quiet (theirs). Searches are for a substring, without a case,
 * newest first; the cache of conditions is dropped before each. CPU is that of the engine's process, from /proc (Linux). The choice is in ADR 0008.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { migrateClickHouse } from "../packages/store/src/clickhouse/migrate-clickhouse.ts";
import { Queries } from "../packages/store/src/clickhouse/queries.ts";
import { spans as spansStep } from "../packages/store/src/clickhouse/schema/0001-spans.ts";
import { singleServer } from "../packages/store/src/clickhouse/schema/dialect.ts";
import { and, raw, sql } from "../packages/store/src/clickhouse/sql.ts";
import { TextIndex } from "../packages/store/src/clickhouse/text-index.ts";
import { spansThatMayHold, textCondition } from "../packages/store/src/clickhouse/text-search.ts";
import { startChdb } from "../packages/store/src/engines/chdb/supervisor.ts";
import { connectClickHouse } from "../packages/store/src/engines/clickhouse.ts";

const { values } = parseArgs({
  options: {
    spans: { type: "string", default: "200000" },
    text: { type: "string", default: "mixed" },
    ways: { type: "string" },
    rounds: { type: "string", default: "7" },
  },
});

const BATCH = 5000;
/** 5 M spans are thirty days. */
const SPAN_NANOS = (30n * 86_400n * 1_000_000_000n) / 5_000_000n;
const DAY = 86_400n * 1_000_000_000n;
const NOW = 1_795_508_709_000_000_000n;

/** mulberry32: small, seeded, good enough for text. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = seeded(1);
const below = (count: number) => Math.floor(random() * count);
const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;

/** Words of syllables, so that they share their parts as words of a language do. */
const syllables = Array.from(
  { length: 120 },
  () => pick([..."bcdfghklmnprstvwz"]) + pick([..."aeiou"]) + pick(["", "", "n", "r", "s", "l"]),
);
const latin = Array.from({ length: 30_000 }, () =>
  Array.from({ length: 1 + below(4) }, () => pick(syllables)).join(""),
);
const range = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => String.fromCodePoint(first + index));
const wordsOf = (letters: readonly string[], count: number, minLength: number, more: number) =>
  Array.from({ length: count }, () => Array.from({ length: minLength + below(more) }, () => pick(letters)).join(""));
const chinese = wordsOf(range(0x4e00, 2500), 20_000, 1, 3);
const japanese = [...wordsOf(range(0x3042, 80), 4_000, 1, 4), ...wordsOf(range(0x4e00, 1500), 8_000, 2, 2)];
const korean = wordsOf(range(0xac00, 2000), 20_000, 2, 3);
const arabic = wordsOf(range(0x627, 28), 20_000, 3, 4);
const bare = Array.from({ length: 2000 }, () =>
  Array.from({ length: 2 + below(9) }, () => String.fromCharCode(97 + below(26))).join(""),
);

/** A text of about `bytes` in UTF-8; frequent words come more often, as in real text. */
function prose(words: readonly string[], bytes: number, separator: string, skew: number): string {
  let result = "";
  let size = 0;
  while (size < bytes) {
    const word = words[Math.floor(random() ** skew * words.length)] as string;
    result += word + separator;
    size += (word.charCodeAt(0) < 0x80 ? 1 : word.charCodeAt(0) < 0x800 ? 2 : 3) * word.length + separator.length;
  }
  return result;
}

/** Shares of scripts in `mixed`: 80 % Latin, 8 % Chinese, 4 % each of Japanese, Korean and Arabic. */
function text(bytes: number): string {
  if (values.text === "words") return prose(bare, bytes, " ", 2);
  const script = random();
  if (script < 0.8) return prose(latin, bytes, " ", 4);
  if (script < 0.88) return prose(chinese, bytes, "", 4);
  if (script < 0.92) return prose(japanese, bytes, "", 4);
  return prose(script < 0.96 ? korean : arabic, bytes, " ", 4);
}

/** Words that only some spans have: every n-th, counted from the newest. */
const planted: readonly { readonly word: string; readonly every: number }[] = [
  { word: `${syllables[5]}${syllables[17]}${syllables[29]}`, every: 50_000 },
  { word: "天気予報", every: 50_000 },
  { word: `${syllables[7]}${syllables[19]}${syllables[31]}`, every: 100 },
];
const searches = {
  rare: planted[0]?.word ?? "",
  "rare, ja": planted[1]?.word ?? "",
  absent: `${syllables[3]}${syllables[13]}${syllables[23]}${syllables[33]}`,
  "absent, zh": "麒麟鳳凰",
  "1 in 100": planted[2]?.word ?? "",
  common: values.text === "words" ? (bare[3] ?? "") : (latin[3] ?? ""),
};

/** Texts come again after so many spans: far beyond what a codec looks back, and making a new one takes longer than storing it. */
const pool = Array.from({ length: 40_000 }, () => ({ input: text(650), output: text(620) }));

function row(index: number, count: number): string {
  const said = pool[index % pool.length];
  const age = BigInt(count - index);
  const start = String(NOW - age * SPAN_NANOS);
  const moment = `${start.slice(0, -9)}.${start.slice(-9)}`;
  const extra = planted
    .filter(({ every }) => index % every === every - 1)
    .map(({ word }) => word)
    .join(" ");
  const hex = () =>
    below(2 ** 32)
      .toString(16)
      .padStart(8, "0");
  if (index % 8 === 0) traceId = `tr-${hex()}${hex()}${hex()}${hex()}`;
  return JSON.stringify({
    experiment_id: "1",
    trace_id: traceId,
    span_id: hex() + hex(),
    parent_span_id: index % 8 === 0 ? "" : "aaaaaaaaaaaaaaaa",
    name: ["agent", "plan", "retrieve", "chat", "tool", "chat", "rerank", "answer"][index % 8],
    span_type: index % 8 === 0 ? "AGENT" : "CHAT_MODEL",
    service: "bench",
    start_time: moment,
    end_time: moment,
    status_code: "OK",
    model: "gpt-4o-mini",
    session_id: "bench",
    input_tokens: 200,
    output_tokens: 40,
    total_tokens: 240,
    inputs: JSON.stringify({ messages: [{ role: "user", content: said?.input ?? "" }] }),
    inputs_source: "text mlflow.spanInputs",
    outputs: JSON.stringify({
      role: "assistant",
      content: (said?.output ?? "") + extra,
      ...(values.text === "mixed" && { id: hex() + hex() }),
    }),
    outputs_source: "text mlflow.spanOutputs",
    attributes: { "mlflow.spanType": '"CHAT_MODEL"', "gen_ai.request.model": '"gpt-4o-mini"', "session.id": '"bench"' },
    version: index,
  });
}
let traceId = "";

interface Way {
  /** Added to the columns of `spans`. */
  readonly index?: string;
  readonly granularity?: string;
  /** Condition on a span; `?` is the needle in lower case, as a literal without its quotes. Absent: the product's. */
  readonly condition?: string;
}

const ALL = "concat(inputs, '\\n', outputs, '\\n', failure)";
const FOLDED = `lowerUTF8(${ALL})`;
const plain = `${FOLDED} LIKE '%?%'`;
const bloom = (size: number, gram: number) =>
  `INDEX ix_text ${FOLDED} TYPE ngrambf_v1(${gram}, ${size}, 2, 0) GRANULARITY 1`;
const granularity = (rows: number) => `index_granularity = ${rows}`;

/** `product` is the one that was chosen: a table of words and the blocks of spans that have them, written behind the spans. */
const ways: Readonly<Record<string, Way>> = {
  product: {},
  none: { condition: plain },
  "none-1024": { granularity: granularity(1024), condition: plain },
  "grams4-8192": { index: bloom(262_144, 4), condition: plain },
  "grams4-1024": { granularity: granularity(1024), index: bloom(65_536, 4), condition: plain },
  words: {
    index: `INDEX ix_text ${FOLDED} TYPE text(tokenizer = splitByNonAlpha)`,
    condition: plain,
  },
  "words-packed": {
    index: `INDEX ix_text ${FOLDED} TYPE text(tokenizer = splitByNonAlpha, posting_list_codec = 'bitpacking')`,
    condition: plain,
  },
  "tokens-1024": {
    granularity: granularity(1024),
    index: `INDEX ix_text tokens(${FOLDED}) TYPE bloom_filter(0.01) GRANULARITY 1`,
    condition: `hasAll(tokens(${FOLDED}), tokens('?')) AND ${plain}`,
  },
  sparse: {
    index: `INDEX ix_text ${FOLDED} TYPE text(tokenizer = sparseGrams(3, 10))`,
    condition: plain,
  },
  "grams-text": { index: `INDEX ix_text ${FOLDED} TYPE text(tokenizer = ngrams(4))`, condition: plain },
};

async function cpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).replace(/^.*\) /s, "").split(" ");
  // proc(5), counted from the state: utime 11, stime 12; USER_HZ is 100 on every Linux that Node runs on.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function measure(name: string, way: Way, count: number): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "sightline-text-"));
  const chdb = await startChdb({ dataDir });
  const client = connectClickHouse(chdb.url);
  try {
    const cpu = () => cpuSeconds(chdb.pid() ?? 0);
    const queries = new Queries(client, "t");
    const rows = (query: string) => queries.rows(raw(query));
    if (way.condition === undefined) {
      await migrateClickHouse(queries);
    } else {
      const [create = ""] = spansStep.statements((table) => `t.${table}`, singleServer);
      await client.command({ query: "CREATE DATABASE t" });
      await client.command({
        query: create
          .replace(/(INDEX ix_trace [^\n]*)/, way.index ? `$1, ${way.index}` : "$1")
          .replace(/index_granularity = \d+/, way.granularity ?? "index_granularity = 8192"),
      });
    }
    await client.command({ query: "SYSTEM STOP MERGES t.spans" });
    let insertCpu = 0;
    let mergeCpu = 0;
    const quiet = async () => {
      await client.command({ query: "SYSTEM START MERGES t.spans" });
      const before = await cpu();
      for (let calm = 0; calm < 8; ) {
        await delay(250);
        calm = Number((await rows("SELECT count() FROM system.merges"))[0]?.[0]) === 0 ? calm + 1 : 0;
      }
      mergeCpu += (await cpu()) - before;
      await client.command({ query: "SYSTEM STOP MERGES t.spans" });
    };
    for (let first = 0; first < count; first += BATCH) {
      const batch = Buffer.from(
        Array.from({ length: Math.min(BATCH, count - first) }, (_, index) => row(first + index, count)).join("\n"),
      );
      const before = await cpu();
      const { stream } = await client.exec({
        query: "INSERT INTO t.spans FORMAT JSONEachRow",
        values: Readable.from([batch], { objectMode: false }),
      });
      await finished(stream.resume());
      insertCpu += (await cpu()) - before;
      if ((first / BATCH) % 40 === 39) await quiet();
    }
    await quiet();
    const beforeIndex = await cpu();
    if (way.condition === undefined) {
      const onFailure = (error: unknown) => process.stderr.write(`${String(error)}\n`);
      await new TextIndex({ queries, settled: () => Number.MAX_SAFE_INTEGER, onFailure }).catchUp();
    }
    const indexCpu = (await cpu()) - beforeIndex;
    const [size] = await rows(
      `SELECT sum(bytes_on_disk), sum(if(table = 'spans', secondary_indices_compressed_bytes, bytes_on_disk)), countIf(table = 'spans')
        FROM system.parts WHERE active AND database = 't' AND table IN ('spans', 'span_words')`,
    );
    const perSpan = (total: unknown) => (Number(total) / count).toFixed(0);
    process.stdout.write(
      `${name}, ${count} spans of ${values.text}: ${perSpan(size?.[0])} B a span, index ${perSpan(size?.[1])} B, ${size?.[2]} parts; ` +
        `CPU insert ${((insertCpu * 1e6) / count).toFixed(1)} µs, merges ${((mergeCpu * 1e6) / count).toFixed(1)} µs, index ${((indexCpu * 1e6) / count).toFixed(1)} µs a span\n`,
    );
    const dayAgo = String((NOW - DAY) / 1_000_000_000n);
    for (const [kind, needle] of Object.entries(searches)) {
      for (const [scope, since] of [
        ["last day", `AND start_time >= toDateTime64(${dayAgo}, 9, 'UTC')`],
        ["all", ""],
      ] as const) {
        const times: number[] = [];
        const cpuBefore = await cpu();
        let found = 0;
        for (let round = 0; round < Number(values.rounds); round += 1) {
          await client.command({ query: "SYSTEM DROP QUERY CONDITION CACHE" });
          const started = performance.now();
          const scope = {
            table: (table: string) => raw(`t.${table}`),
            experimentIds: ["1"],
            ...(since !== "" && { from: NOW - DAY }),
          };
          const condition = way.condition
            ? raw(way.condition.replaceAll("?", needle))
            : // The bench puts all spans into the index first: what is behind it is not measured here.
              and([
                ...(spansThatMayHold({ kind: "text", text: needle }, scope)[0]?.conditions ?? []),
                textCondition(needle, "contains"),
              ]);
          const answer = await queries.rows(
            sql`SELECT trace_id FROM t.spans FINAL WHERE experiment_id = '1' ${raw(since)} AND (${condition})
              ORDER BY start_time DESC LIMIT 50`,
          );
          times.push(performance.now() - started);
          found = answer.length;
        }
        times.sort((a, b) => a - b);
        const cpuMs = (((await cpu()) - cpuBefore) * 1000) / times.length;
        process.stdout.write(
          `  ${kind}, ${scope}: p50 ${times[times.length >> 1]?.toFixed(0)} ms (${times[0]?.toFixed(0)}-${times.at(-1)?.toFixed(0)}), CPU ${cpuMs.toFixed(0)} ms, ${found} found\n`,
        );
      }
    }
  } finally {
    await client.close();
    await chdb.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

const names = values.ways?.split(",") ?? Object.keys(ways);
for (const name of names) {
  const way = ways[name];
  if (way === undefined) throw new Error(`There is no way "${name}"; there are ${Object.keys(ways).join(", ")}`);
  await measure(name, way, Number(values.spans));
}
