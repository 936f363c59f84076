/**
 * Keeps `span_words`: which words occur in which blocks of spans, so that text search reads only spans that can have them.
 *
 * Written behind the spans, never with them: cutting a payload into words costs 7 µs, ingest may not wait for it. Spans above the
 * version that the index has reached are read by every search. ADR 0008 has the measurements.
 *
 * A block is an hour of an experiment, or the part of an hour in which trace ids begin with the same one or two digits: what the
 * sort key of `spans` can leave out.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Queries } from "./queries.ts";
import { param, raw, type Sql, sql } from "./sql.ts";

/** Spans that are put in at a time: 30 MB of words in memory, a third of a second. */
const SPANS_PER_STEP = 50_000;
/**
 * The index waits until nothing is written any more, but not longer than this. Under steady load a search so reads at most these
 * spans without it (1 µs each), and a burst of ingest does not share its processor.
 */
const MAX_SPANS_BEHIND = 50_000;
const QUIET_MS = 1000;
const MAX_WAIT_MS = 5_000;
const RETRY_MS = 5000;

/**
 * Spans of an hour from which it is cut into so many blocks: about as many spans in each as are read at once anyway, a granule. Finer
 * ones would only make the lists of blocks longer.
 */
const CUTS = [
  { parts: 16, spans: 1_000 },
  { parts: 64, spans: 12_000 },
  { parts: 256, spans: 48_000 },
] as const;

/** All texts of a span in the form in which words are compared. `lowerUTF8` and the final sigma: `foldText` of wire. */
const FOLDED = "replaceAll(lowerUTF8(concat(inputs, '\\n', outputs, '\\n', failure)), 'ς', 'σ')";

/**
 * The words of a span: runs of ASCII letters and digits, and every other character by itself, since many scripts do not separate
 * words. Words of JSON's escapes (`\nword`) have a letter too many in front, which does not matter to a search for parts of words.
 */
export const WORDS = `if(isValidASCII(${FOLDED}), tokens(${FOLDED}), arrayDistinct(extractAll(${FOLDED}, '[a-z0-9]+|[^\\\\x00-\\\\x7f]')))`;

const FIRST_DIGITS = "reinterpretAsUInt8(unhex(substring(trace_id, 4, 2)))";

/**
 * A block as a number: hour of the day × 512, plus 0 for the whole hour, 1 + n for its n-th sixteenth, 17 + n for its n-th 256th,
 * 273 + n for its n-th 64th. `spans_in_hour` is how many spans of the hour there are.
 */
const FIRST_OF = { 16: 1, 64: 273, 256: 17 } as const;

const partOfHour = (parts: 16 | 64 | 256) => `${FIRST_OF[parts]} + intDiv(${FIRST_DIGITS}, ${256 / parts})`;

const BLOCK = `toUInt16(toHour(start_time, 'UTC') * 512 + multiIf(
  ${CUTS.toReversed()
    .map(({ parts, spans }) => `spans_in_hour >= ${spans}, ${partOfHour(parts)}`)
    .join(", ")}, 0))`;

/** Up to which version spans are in the index, as a piece of SQL. */
export function indexedVersion(spanWords: Sql): Sql {
  return sql`(SELECT max(version) FROM ${spanWords} WHERE experiment_id = '' AND day = '1970-01-01' AND word = '')`;
}

/** The column of a block number → experiment, hour and first characters of trace ids, as in the sort key of `spans`. */
export const BLOCK_PLACES = raw(`experiment_id,
  toDateTime(day, 'UTC') + toIntervalHour(intDiv(block, 512)) AS hour,
  block % 512 AS part,
  concat('tr-', lower(hex(toUInt8(arrayJoin(multiIf(
    part = 0, range(256),
    part >= ${FIRST_OF[64]}, range((part - ${FIRST_OF[64]}) * 4, (part - ${FIRST_OF[64]} + 1) * 4),
    part >= ${FIRST_OF[256]}, [toUInt16(part - ${FIRST_OF[256]})],
    range((part - ${FIRST_OF[16]}) * 16, (part - ${FIRST_OF[16]} + 1) * 16))))))) AS prefix`);

export class TextIndex {
  readonly #queries: Queries;
  readonly #settled: () => number;
  readonly #onFailure: (error: unknown) => void;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #lastWrite = 0;
  #spansBehind = 0;
  #wake: (() => void) | undefined;

  /** @param options  `settled`: the highest version below which nothing is being written; `onFailure`: it is tried again */
  constructor(options: { queries: Queries; settled: () => number; onFailure: (error: unknown) => void }) {
    this.#queries = options.queries;
    this.#settled = options.settled;
    this.#onFailure = options.onFailure;
  }

  /** Begins to follow the spans. Not on a cluster, where words would have to be written on the shard of their spans. */
  async start(): Promise<void> {
    const { database } = this.#queries;
    const [row] = await this.#queries.rows(
      sql`SELECT engine FROM system.tables WHERE database = ${param(database, "String")} AND name = 'span_words'`,
    );
    if (String(row?.[0]).endsWith("MergeTree")) this.#running = this.#follow();
  }

  /** Spans were written. */
  written(spans: number): void {
    this.#lastWrite = performance.now();
    this.#spansBehind += spans;
    this.#wake?.();
  }

  /** Puts in all spans that are in the store now. */
  async catchUp(): Promise<void> {
    while ((await this.#step()) !== undefined);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake?.();
    await this.#running;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        this.#spansBehind = 0;
        while (!signal.aborted && (await this.#step()) !== undefined);
        await this.#nextWork(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#onFailure(error);
        await pause(RETRY_MS, signal);
      }
    }
  }

  /** Puts the next spans in; undefined if there were none. */
  async #step(): Promise<number | undefined> {
    return await indexNext(this.#queries, this.#settled());
  }

  /** Resolves when there are spans to put in and a good moment for it. */
  async #nextWork(signal: AbortSignal): Promise<void> {
    while (this.#spansBehind === 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const since = performance.now();
    while (!signal.aborted && this.#spansBehind < MAX_SPANS_BEHIND) {
      const now = performance.now();
      const quietAt = Math.min(this.#lastWrite + QUIET_MS, since + MAX_WAIT_MS);
      if (now >= quietAt) return;
      await pause(Math.min(quietAt - now, QUIET_MS), signal);
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // An abort is one way in which a pause ends.
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/**
 * Puts the next spans in.
 *
 * @param settled  the version up to which all spans are in the store
 * @returns the version reached; undefined if there was nothing to do
 */
async function indexNext(queries: Queries, settled: number): Promise<number | undefined> {
  const words = queries.table("span_words");
  const spans = queries.table("spans");
  const [reached] = await queries.rows(sql`SELECT toString(${indexedVersion(words)})`);
  const from = Number(reached?.[0] ?? 0);
  const behind = sql`version > ${param(from, "UInt64")} AND version <= ${param(settled, "UInt64")}`;
  const [next] = await queries.rows(
    sql`SELECT toString(max(version)) FROM (
      SELECT version FROM ${spans} WHERE ${behind} ORDER BY version LIMIT ${param(SPANS_PER_STEP, "UInt32")})`,
  );
  const upTo = Number(next?.[0] ?? 0);
  if (upTo <= from) return undefined;
  const batch = sql`version > ${param(from, "UInt64")} AND version <= ${param(upTo, "UInt64")} AND is_deleted = 0`;
  // Words are made distinct by block before their blocks are collected: half the time. A repetition adds nothing.
  await queries.command(sql`INSERT INTO ${words} (experiment_id, day, word, blocks)
    SELECT experiment_id, day, word, groupArray(block) FROM (
      SELECT experiment_id, toDate(start_time, 'UTC') AS day, ${raw(BLOCK)} AS block,
        arrayJoin(groupUniqArrayArray(${raw(WORDS)})) AS word
      FROM ${spans}
      INNER JOIN (
        SELECT experiment_id, toStartOfHour(start_time) AS hour, count() AS spans_in_hour FROM ${spans}
        WHERE (experiment_id, toStartOfHour(start_time)) IN (
          SELECT DISTINCT experiment_id, toStartOfHour(start_time) FROM ${spans} WHERE ${batch})
        GROUP BY experiment_id, hour
      ) AS hours ON spans.experiment_id = hours.experiment_id AND toStartOfHour(start_time) = hours.hour
      WHERE ${batch}
      GROUP BY experiment_id, day, block
    ) GROUP BY experiment_id, day, word
    SETTINGS max_threads = 1, max_partitions_per_insert_block = 0`);
  await queries.insert("span_words", [
    Buffer.from(`{"experiment_id":"","day":"1970-01-01","word":"","blocks":[],"version":${upTo}}\n`),
  ]);
  return upTo;
}
