/**
 * Takes the words of deleted spans out of the index of text search: what was deleted must not be readable there.
 *
 * The index knows words by day, not by span. So the words of a day that has lost spans are compared with those of the spans that are
 * left. For a day with very many different words that costs too much: it keeps its words until its last span goes.
 */
import type { CallOptions } from "../telemetry-store.ts";
import type { Maintenance } from "./maintenance.ts";
import type { Queries } from "./queries.ts";
import { raw, type Sql, sql } from "./sql.ts";
import { WORDS } from "./text-index.ts";

/** Different words of all affected days together that are held in memory, 60 bytes each. */
const MAX_WORDS = 3_000_000;

/**
 * Of one month, before the tombstones of its spans are cleaned away.
 *
 * Safe while spans arrive: words are written behind their spans, so whatever the statement finds in the index it finds in the spans,
 * and what is written into the index later it does not touch.
 *
 * @param month  id of the partition, which is the same in `spans` and in the index
 */
export async function purgeWords(
  queries: Queries,
  maintenance: Maintenance,
  month: string,
  options: CallOptions,
): Promise<void> {
  if (!/^\d{6}$/.test(month)) throw new RangeError(`"${month}" is no month of spans.`);
  const inMonth = raw(`_partition_id = '${month}'`);
  const spans = queries.table("spans");
  const day = raw("toDate(start_time, 'UTC')");
  const affected = sql`SELECT DISTINCT experiment_id, ${day} FROM ${spans} WHERE ${inMonth} AND is_deleted = 1`;
  const words = sql`SELECT DISTINCT experiment_id, ${day}, arrayJoin(${raw(WORDS)}) FROM ${spans} FINAL
    WHERE ${inMonth} AND (experiment_id, ${day}) IN (${affected})`;
  const [row] = await queries.rows(
    sql`SELECT uniqCombined(experiment_id, ${day}, arrayJoin(${raw(WORDS)})) FROM ${spans} FINAL
      WHERE ${inMonth} AND (experiment_id, ${day}) IN (${affected})`,
    options,
  );
  const isGone: Sql =
    Number(row?.[0]) <= MAX_WORDS
      ? sql`(experiment_id, day) IN (${affected}) AND (experiment_id, day, word) NOT IN (${words})`
      : sql`(experiment_id, day) NOT IN (SELECT DISTINCT experiment_id, ${day} FROM ${spans} FINAL WHERE ${inMonth})`;
  // The row with the empty word is not about spans.
  await maintenance.command(
    sql`ALTER TABLE ${queries.table("span_words")} DELETE IN PARTITION ID ${raw(`'${month}'`)} WHERE word != '' AND ${isGone}
      SETTINGS mutations_sync = 1, allow_nondeterministic_mutations = 1`,
    options,
  );
}
