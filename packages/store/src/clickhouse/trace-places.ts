/**
 * Where the rows of some traces lie, so that changing all of them does not read the whole store: looking for a thousand ids alone reads
 * the id of every span, because Bloom filters are of no use for so many.
 */
import { experimentConditions } from "./filter-scope.ts";
import { earliest, latest, momentUs } from "./moments.ts";
import type { Queries } from "./queries.ts";
import { and, param, raw, type Sql, sql } from "./sql.ts";

/** Starts that some traces are expected to have, in microseconds, both inclusive. */
export interface StartRange {
  readonly fromUs: bigint;
  readonly toUs: bigint;
}

/**
 * A condition for each table that leads its sort key to the rows of these traces.
 *
 * @param range  where their rows are looked for
 * @returns undefined if not all of them are there, or if one has spans outside of its own time (a client may say other times than its
 *   spans have): then only a search for the ids finds everything
 */
export async function findPlaces(
  queries: Queries,
  traceIds: readonly string[],
  range: StartRange,
): Promise<((table: string) => Sql) | undefined> {
  const ids = sql`trace_id IN ${param(traceIds, "Array(String)")}`;
  const started = sql`start_time >= ${momentUs(range.fromUs)} AND start_time <= ${momentUs(range.toUs)}`;
  const [row] = await queries.rows(
    sql`SELECT count(), sum(span_count), arrayStringConcat(groupUniqArray(experiment_id), ','),
        toString(max(toUnixTimestamp64Micro(start_time) + duration_us))
      FROM ${queries.table("traces")} FINAL WHERE ${started} AND ${ids}`,
  );
  const [found, spans, experiments, endUs] = row ?? [];
  if (Number(found) !== new Set(traceIds).size) return undefined;
  // Ids of experiments are digits.
  const ofExperiments = and(
    experimentConditions({ table: (name) => queries.table(name), experimentIds: String(experiments).split(",") }),
  );
  // A span may end before it starts: a microsecond more, because spans are kept in nanoseconds.
  const inTime = sql`start_time >= ${momentUs(range.fromUs)} AND start_time < ${momentUs(BigInt(String(endUs)) + 1n)}`;
  const [counted] = await queries.rows(
    sql`SELECT count() FROM ${queries.table("spans")} FINAL WHERE ${ofExperiments} AND ${inTime} AND ${ids}`,
  );
  if (Number(counted?.[0]) !== Number(spans)) return undefined;
  return (table) => {
    if (table === "spans") return sql`${ofExperiments} AND ${inTime}`;
    return table === "traces" ? sql`${ofExperiments} AND ${started}` : ofExperiments;
  };
}

/**
 * The condition that rows lie where these places are: the sort key then leaves out all but them, where ids alone would need the Bloom
 * filters of all parts.
 */
export function nearPlaces(places: readonly { readonly startUs: string; readonly experimentId?: string }[]): Sql {
  const [first, ...others] = places.map(({ startUs }) => BigInt(startUs));
  if (first === undefined) return raw("1");
  const experimentIds = [...new Set(places.flatMap(({ experimentId }) => experimentId ?? []))];
  return and([
    ...(experimentIds.length === 0 ? [] : [sql`experiment_id IN ${param(experimentIds, "Array(String)")}`]),
    sql`start_time >= ${momentUs(earliest(first, others))}`,
    sql`start_time <= ${momentUs(latest(first, others))}`,
  ]);
}
