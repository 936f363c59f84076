/**
 * Which traces are meant: experiments, time range and filter as conditions on `traces`.
 */
import type { TraceSelection } from "../telemetry-store.ts";
import { compileFilter, momentUs } from "./filter.ts";
import type { Queries } from "./queries.ts";
import { param, type Sql, sql } from "./sql.ts";

/** Conditions that all must hold; none when everything is selected. */
export function selectionConditions(selection: TraceSelection, queries: Queries): Sql[] {
  const conditions: Sql[] = [];
  const { experimentIds, from, to, filter } = selection;
  if (experimentIds?.length === 1) {
    // Not IN: only a fixed first column lets ClickHouse read the newest rows in the order of the sort key.
    conditions.push(sql`experiment_id = ${param(experimentIds[0] ?? "", "String")}`);
  } else if (experimentIds !== undefined) {
    conditions.push(sql`experiment_id IN ${param([...experimentIds], "Array(String)")}`);
  }
  // Starts are kept in whole microseconds: t >= from ⟺ floor(t) >= from for such bounds, finer ones are rounded up.
  if (from !== undefined) conditions.push(sql`start_time >= ${momentUs(ceilMicros(from))}`);
  if (to !== undefined) conditions.push(sql`start_time < ${momentUs(ceilMicros(to))}`);
  if (filter !== undefined) conditions.push(compileFilter(filter, (name) => queries.table(name)));
  return conditions;
}

/** 2200: later bounds make no difference, and larger numbers do not fit the column's type. */
const MAX_MICROS = 7_258_118_400_000_000n;

function ceilMicros(nanos: bigint): bigint {
  const micros = (nanos + 999n) / 1000n;
  return micros < MAX_MICROS ? (micros > 0n ? micros : 0n) : MAX_MICROS;
}
