/**
 * What a backup that was made while traces changed leaves to be put right: its tables are of slightly different moments.
 */
import type { Queries } from "./queries.ts";
import { join, param, type Sql, sql } from "./sql.ts";
import { traceTables } from "./trace-tables.ts";

/** Traces looked at in one query; their ids and versions take some 100 MB in the engine. */
const TRACES_IN_PASS = 500_000;

const OTHER_TABLES = traceTables.filter(({ name }) => !["spans", "client_infos", "traces"].includes(name));

/** A share of all traces, small enough for one query. */
interface Pass {
  readonly where: Sql;
}

async function passes(queries: Queries): Promise<Pass[]> {
  const [row] = await queries.rows(sql`SELECT uniq(trace_id) FROM ${queries.table("spans")}`);
  const count = Math.max(1, Math.ceil(Number(row?.[0] ?? 0) / TRACES_IN_PASS));
  return Array.from({ length: count }, (_, index) => ({
    where: sql`cityHash64(trace_id) % ${param(count, "UInt32")} = ${param(index, "UInt32")}`,
  }));
}

/**
 * Traces whose row does not fit what it is made from, or may not: it is missing or left over, or it or one of its spans is newer than
 * `since`.
 */
export async function* findTornTraces(queries: Queries, since: number): AsyncGenerator<readonly string[], void> {
  for (const { where } of await passes(queries)) {
    const of = (
      table: string,
      isRow: 0 | 1,
    ) => sql`SELECT trace_id, toUInt8(${param(isRow, "UInt8")}) AS is_row, version
      FROM ${queries.table(table)} FINAL WHERE ${where}`;
    const rows = await queries.rows(
      sql`SELECT trace_id FROM (${join([of("traces", 1), of("spans", 0), of("client_infos", 0)], " UNION ALL ")})
        GROUP BY trace_id HAVING max(version) > ${param(since, "UInt64")} OR min(is_row) = max(is_row)`,
    );
    yield* slices(rows.map(([traceId]) => String(traceId)));
  }
}

/** Traces of which there is something, but no row: they were deleted while the backup was made. */
export async function* findLeftovers(queries: Queries): AsyncGenerator<readonly string[], void> {
  for (const { where } of await passes(queries)) {
    const each = OTHER_TABLES.map(({ name }) => sql`SELECT trace_id FROM ${queries.table(name)} FINAL WHERE ${where}`);
    const rows = await queries.rows(
      sql`SELECT DISTINCT trace_id FROM (${join(each, " UNION ALL ")})
        WHERE trace_id NOT IN (SELECT trace_id FROM ${queries.table("traces")} FINAL WHERE ${where})`,
    );
    yield* slices(rows.map(([traceId]) => String(traceId)));
  }
}

/** Traces that are changed at once. */
const SLICE = 1000;

function* slices(traceIds: readonly string[]): Generator<readonly string[], void> {
  for (let from = 0; from < traceIds.length; from += SLICE) yield traceIds.slice(from, from + SLICE);
}
