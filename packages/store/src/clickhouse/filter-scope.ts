/**
 * Where the traces that a filter is applied to lie: what its sub-queries on other tables may leave out.
 */
import type { Comparison, Filter } from "@sightline/wire/filter/ast";
import { momentUs } from "./moments.ts";
import { and, param, type Sql, sql } from "./sql.ts";

/** Gives the qualified name of a table. */
export type TableName = (name: string) => Sql;

export interface FilterScope {
  readonly table: TableName;
  /** Absent = all. */
  readonly experimentIds?: readonly string[];
  /** Earliest start of the traces, in nanoseconds, inclusive. */
  readonly from?: bigint;
  /** Latest start, exclusive. */
  readonly to?: bigint;
  /** Where spans that satisfy a part of the filter may lie, if that was read before. */
  readonly textPlaces?: ReadonlyMap<Filter, TextPlaces>;
}

/** What the index of words says about the texts of a filter. */
export interface TextPlaces {
  readonly blocks: readonly TextBlock[];
  /** Version up to which spans are in the index. */
  readonly indexed: string;
  /** Spans in scope that are not in it yet. */
  readonly spansBehind: number;
}

/** A part of a day of an experiment, as the index of words knows it. @see text-index.ts */
export interface TextBlock {
  readonly experimentId: string;
  /** `2026-11-24`, UTC. */
  readonly day: string;
  readonly block: number;
}

const HOUR_MICROS = 3_600_000_000n;

/** The experiments of a scope, as a condition on any table; none when all are meant. */
export function experimentConditions({ experimentIds }: FilterScope): Sql[] {
  if (experimentIds === undefined) return [];
  // Not IN: only a fixed first column lets ClickHouse read the newest rows in the order of the sort key.
  if (experimentIds.length === 1) return [sql`experiment_id = ${param(experimentIds[0] ?? "", "String")}`];
  return [sql`experiment_id IN ${param([...experimentIds], "Array(String)")}`];
}

/** The time range of a scope, as conditions on `start_time` of `traces`. */
export function startConditions({ from, to }: Pick<FilterScope, "from" | "to">): Sql[] {
  // Starts are kept in whole microseconds: t >= from ⟺ floor(t) >= from for such bounds, finer ones are rounded up.
  return [
    ...(from === undefined ? [] : [sql`start_time >= ${momentUs(ceilMicros(from))}`]),
    ...(to === undefined ? [] : [sql`start_time < ${momentUs(ceilMicros(to))}`]),
  ];
}

/**
 * Which spans may belong to traces of the scope, so that the sort key of `spans` leaves out the rest.
 *
 * A trace begins with its first span, unless its client said another time: an hour is left for clocks that disagree. It ends with
 * its last one: of the traces in range the latest end is asked for.
 */
export function spanScope(scope: FilterScope): Sql[] {
  const conditions = experimentConditions(scope);
  const { from, to } = scope;
  if (from !== undefined) conditions.push(sql`start_time >= ${firstSpanStart(from)}`);
  if (to !== undefined) conditions.push(sql`start_time <= ${lastSpanStart(scope)}`);
  return conditions;
}

/** Earliest start of a span of traces that begin at `from` or later. */
export function firstSpanStart(from: bigint): Sql {
  return momentUs(atLeastZero(ceilMicros(from) - HOUR_MICROS));
}

/** Latest start of a span of the traces in scope. */
export function lastSpanStart(scope: FilterScope): Sql {
  const inRange = and([...experimentConditions(scope), ...startConditions(scope)]);
  return sql`(SELECT max(addMicroseconds(start_time, duration_us)) + toIntervalHour(1) FROM ${scope.table("traces")} WHERE ${inRange})`;
}

/** The ids of the traces that a table has rows of under some conditions, as the right side of IN. */
export function traceIdsIn(scope: FilterScope, name: string, conditions: readonly Sql[]): Sql {
  const scoped = name === "spans" ? spanScope(scope) : experimentConditions(scope);
  return sql`(SELECT trace_id FROM ${scope.table(name)} FINAL WHERE ${and([...scoped, ...conditions])})`;
}

/** 2200: later bounds make no difference, and larger numbers do not fit the column's type. */
const MAX_MICROS = 7_258_118_400_000_000n;

function ceilMicros(nanos: bigint): bigint {
  const micros = (nanos + 999n) / 1000n;
  return micros < MAX_MICROS ? atLeastZero(micros) : MAX_MICROS;
}

function atLeastZero(value: bigint): bigint {
  return value > 0n ? value : 0n;
}

/** How a field is read in SQL. All conditions are 0 or 1, never NULL, so that NOT means the same as in memory. */
export interface FieldSql {
  /** That the comparison holds; 0 for what is not there. @throws RangeError if the operator or value is none of the field's */
  compare(comparison: Comparison, scope: FilterScope): Sql;
  /** That there is something. @param key  "" of fields without keys */
  isThere(key: string, scope: FilterScope): Sql;
}
