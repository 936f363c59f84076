/**
 * Does everything in the store belong to something? Every span and everything said of a trace must have the row of its trace, in the
 * same experiment; every trace its spans or what a client said of it.
 */
import type { CallOptions } from "../telemetry-store.ts";
import type { Inconsistency } from "../trace-removal.ts";
import type { Queries } from "./queries.ts";
import { raw, type Sql, sql } from "./sql.ts";
import { traceTables } from "./trace-tables.ts";

const EXAMPLES = 10;

/** @see TraceRemoval.findInconsistencies */
export async function findInconsistencies(queries: Queries, options: CallOptions): Promise<Inconsistency[]> {
  const found: Inconsistency[] = [];
  for (const { name, traceIds } of checks(queries)) {
    // A trace is written in several inserts: what is wrong for a moment only is not wrong.
    const first = await readExamples(queries, traceIds, options);
    const second = first.count === 0 ? first : await readExamples(queries, traceIds, options);
    if (second.count > 0) found.push({ name, ...second });
  }
  return found;
}

interface Check {
  readonly name: string;
  /** A query for the ids of the traces that are wrong. */
  readonly traceIds: Sql;
}

function checks(queries: Queries): Check[] {
  const of = (table: string, where: Sql = raw("1")) =>
    sql`SELECT experiment_id, trace_id FROM ${queries.table(table)} FINAL WHERE ${where}`;
  const orphans = traceTables
    .filter(({ name }) => name !== "traces")
    .map(({ name }) => ({
      name: `${name.replaceAll("_", "-")}-without-trace`,
      traceIds: sql`SELECT DISTINCT trace_id FROM ${queries.table(name)} FINAL
        WHERE (experiment_id, trace_id) NOT IN (${of("traces")})`,
    }));
  return [
    ...orphans,
    {
      name: "traces-without-spans",
      traceIds: sql`SELECT trace_id FROM ${queries.table("traces")} FINAL
        WHERE (experiment_id, trace_id) NOT IN (${of("spans")}) AND (experiment_id, trace_id) NOT IN (${of("client_infos")})`,
    },
    {
      name: "doubled-traces",
      traceIds: sql`SELECT trace_id FROM ${queries.table("traces")} FINAL GROUP BY trace_id HAVING count() > 1`,
    },
    {
      name: "wrong-span-counts",
      traceIds: sql`SELECT trace_id FROM (
          SELECT trace_id, toInt64(span_count) AS difference FROM ${queries.table("traces")} FINAL
          UNION ALL SELECT trace_id, -toInt64(count()) FROM ${queries.table("spans")} FINAL GROUP BY trace_id
        ) GROUP BY trace_id HAVING sum(difference) != 0`,
    },
  ];
}

async function readExamples(
  queries: Queries,
  traceIds: Sql,
  options: CallOptions,
): Promise<{ count: number; examples: string[] }> {
  const [row] = await queries.rows(
    sql`SELECT count(), toJSONString(groupArray(${raw(String(EXAMPLES))})(trace_id)) FROM (${traceIds})`,
    options,
  );
  // The engine wrote the JSON itself.
  return { count: Number(row?.[0]), examples: JSON.parse(String(row?.[1])) as string[] };
}
