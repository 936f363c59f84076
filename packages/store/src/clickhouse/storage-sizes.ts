/**
 * How much there is of what.
 */
import type { ExperimentSize, TableSize } from "../trace-removal.ts";
import type { Queries } from "./queries.ts";
import { param, sql } from "./sql.ts";

/** @see TraceRemoval.tableSizes */
export async function tableSizes(queries: Queries): Promise<TableSize[]> {
  const rows = await queries.rows(
    sql`SELECT table, sum(rows), sum(bytes_on_disk) AS bytes FROM system.parts
      WHERE active AND database = ${param(queries.database, "String")} GROUP BY table ORDER BY bytes DESC, table`,
  );
  return rows.map(([table, count, bytes]) => ({
    table: String(table),
    rows: Number(count),
    bytesOnDisk: Number(bytes),
  }));
}

/** @see TraceRemoval.experimentSizes */
export async function experimentSizes(queries: Queries): Promise<Map<string, ExperimentSize>> {
  const rows = await queries.rows(
    sql`SELECT experiment_id, count(), sum(span_count), toString(toUnixTimestamp64Micro(min(start_time))),
        toString(toUnixTimestamp64Micro(max(start_time)))
      FROM ${queries.table("traces")} FINAL GROUP BY experiment_id`,
  );
  return new Map(
    rows.map(([experimentId, traces, spans, oldestUs, newestUs]) => [
      String(experimentId),
      {
        traces: Number(traces),
        spans: Number(spans),
        oldestTraceUnixNano: BigInt(String(oldestUs)) * 1000n,
        newestTraceUnixNano: BigInt(String(newestUs)) * 1000n,
      },
    ]),
  );
}
