/**
 * What is looked up when the store opens, because the process before may have ended in the middle of a write.
 */
import type { Queries } from "./queries.ts";
import { join, param, type Sql, sql } from "./sql.ts";

const VERSIONED_TABLES = ["spans", "traces", "trace_tags"] as const;

/** The highest version in the store; 0 when it is empty. */
export async function newestVersion(queries: Queries): Promise<number> {
  const each = VERSIONED_TABLES.map((name): Sql => sql`SELECT max(version) AS newest FROM ${queries.table(name)}`);
  const [row] = await queries.rows(sql`SELECT toString(max(newest)) FROM (${join(each, " UNION ALL ")})`);
  return Number(row?.[0] ?? 0);
}

/** A write that was going on when the process ended began less than this before the newest row. */
const RECENT_MICROS = 10 * 60 * 1_000_000;

/**
 * Traces whose spans were written or deleted later than their row: the process ended between the two inserts.
 *
 * Both inserts of a write carry one version. Tombstones are rows too, so no FINAL here.
 */
export async function findBrokenTraces(queries: Queries): Promise<string[]> {
  const newest = await newestVersion(queries);
  const since = param(Math.max(0, newest - RECENT_MICROS), "UInt64");
  const newestOf = (table: string) => sql`SELECT trace_id, max(version) AS newest
    FROM ${queries.table(table)} WHERE version > ${since} GROUP BY trace_id`;
  const rows = await queries.rows(
    sql`SELECT s.trace_id FROM (${newestOf("spans")}) AS s LEFT JOIN (${newestOf("traces")}) AS t
      ON s.trace_id = t.trace_id WHERE s.newest > t.newest`,
  );
  return rows.map(([traceId]) => String(traceId));
}
