/**
 * What is looked up when the store opens, because the process before may have ended in the middle of a write.
 */
import type { Queries } from "./queries.ts";
import { join, param, type Sql, sql } from "./sql.ts";
import { traceTables } from "./trace-tables.ts";

/** The highest version in the store; 0 when it is empty. */
export async function newestVersion(queries: Queries): Promise<number> {
  const each = traceTables.map(({ name }): Sql => sql`SELECT max(version) AS newest FROM ${queries.table(name)}`);
  const [row] = await queries.rows(sql`SELECT toString(max(newest)) FROM (${join(each, " UNION ALL ")})`);
  return Number(row?.[0] ?? 0);
}

/** A write that was going on when the process ended began less than this before the newest row. */
const RECENT_MICROS = 10 * 60 * 1_000_000;

/** What the row of a trace is made from. */
const SOURCES = ["spans", "client_infos"] as const;

export interface BrokenTraces {
  /** Their row is older than what it is made from: a write stopped half-way. */
  readonly torn: readonly string[];
  /** Their newest rows say that they are deleted, but their own row is still there: a deletion stopped half-way. */
  readonly halfDeleted: readonly string[];
}

/**
 * Traces whose spans or client info were written or deleted later than their row: the process ended between the inserts.
 *
 * All inserts of a write carry one version. Tombstones are rows too, so no FINAL here. A write may have tombstones, of spans that
 * moved, but it has rows of the same version beside them; a deletion has none.
 */
export async function findBrokenTraces(queries: Queries): Promise<BrokenTraces> {
  const newest = await newestVersion(queries);
  const since = param(Math.max(0, newest - RECENT_MICROS), "UInt64");
  const newestOf = (
    table: string,
  ) => sql`SELECT trace_id, max(version) AS newest, maxIf(version, is_deleted = 0) AS newest_here
    FROM ${queries.table(table)} WHERE version > ${since} GROUP BY trace_id`;
  const sources = join(SOURCES.map(newestOf), " UNION ALL ");
  const rows = await queries.rows(
    sql`SELECT s.trace_id, max(s.newest_here < s.newest) FROM (${sources}) AS s LEFT JOIN (${newestOf("traces")}) AS t
      ON s.trace_id = t.trace_id WHERE s.newest > t.newest GROUP BY s.trace_id`,
  );
  const idsWhere = (deleted: number) => rows.filter((row) => Number(row[1]) === deleted).map(([id]) => String(id));
  return { torn: idsWhere(0), halfDeleted: idsWhere(1) };
}
