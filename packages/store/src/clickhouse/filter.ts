/**
 * Filter tree → WHERE over `traces`.
 *
 * The oracle is `matchesFilter` of wire: a contract test insists that both agree. A comparison with something the trace does not
 * have is 0, never NULL, so that NOT means the same in both.
 */
import type { Comparison, Filter } from "@sightline/wire/filter/ast";
import type { FieldName } from "@sightline/wire/filter/fields";
import { parseLike } from "@sightline/wire/filter/like";
import { and, join, param, raw, type Sql, sql } from "./sql.ts";

/** Gives the qualified name of a table. */
export type TableName = (name: string) => Sql;

type Compile = (comparison: Comparison, table: TableName) => Sql;

/** One row for each field of the filter language. */
const compileField: Readonly<Record<FieldName, Compile>> = {
  status: (comparison) => compareText(raw("state"), comparison),
  name: (comparison) => compareText(raw("name"), comparison),
  trace_id: (comparison) => compareText(raw("trace_id"), comparison),
  session: optionalText("session_id"),
  user: optionalText("user_id"),
  input: optionalText("request_preview"),
  output: optionalText("response_preview"),
  error: optionalText("failure"),
  execution_time_ms: (comparison) => compareNumber(raw("duration_us / 1000"), comparison),
  timestamp_ms: compareTime,
  "tokens.total": optionalNumber("total_tokens"),
  "tokens.input": optionalNumber("input_tokens"),
  "tokens.output": optionalNumber("output_tokens"),
  cost: optionalNumber("cost_usd"),
  tags: compareTag,
  metadata: (comparison) => compareEntry("metadata", comparison),
};

/**
 * The condition that a row of `traces` satisfies the filter.
 *
 * @throws RangeError if the tree has a field or a value that `parseFilter` would not give
 */
export function compileFilter(filter: Filter, table: TableName): Sql {
  switch (filter.kind) {
    case "and":
      return and(filter.terms.map((term) => compileFilter(term, table)));
    case "or":
      return join(
        filter.terms.map((term) => sql`(${compileFilter(term, table)})`),
        " OR ",
        raw("0"),
      );
    case "not":
      return sql`NOT (${compileFilter(filter.term, table)})`;
    case "comparison": {
      const { field } = filter.left;
      if (!Object.hasOwn(compileField, field)) throw new RangeError(`There is no filter field "${field}".`);
      return compileField[field as FieldName](filter, table);
    }
  }
}

/** A text column in which "" means that there is nothing. */
function optionalText(column: string): Compile {
  return (comparison) => sql`${raw(column)} != '' AND ${compareText(raw(column), comparison)}`;
}

/** A column in which NULL means that nothing is known. */
function optionalNumber(column: string): Compile {
  return (comparison) => sql`${raw(column)} IS NOT NULL AND ${compareNumber(raw(column), comparison)}`;
}

function compareText(subject: Sql, { operator, value }: Comparison): Sql {
  switch (operator) {
    case "=":
    case "!=":
      return sql`${subject} ${raw(operator)} ${param(String(value), "String")}`;
    case "IN":
    case "NOT IN":
      return sql`${subject} ${raw(operator)} ${param(texts(value), "Array(String)")}`;
    case "LIKE":
    case "ILIKE":
      return sql`${subject} ${raw(operator)} ${param(likePattern(String(value)), "String")}`;
    default:
      throw new RangeError(`The operator ${operator} does not compare texts.`);
  }
}

function compareNumber(subject: Sql, { operator, value }: Comparison): Sql {
  switch (operator) {
    case "IN":
    case "NOT IN": {
      const isIn = sql`has(${param(numbers(value), "Array(Float64)")}, toFloat64(${subject}))`;
      return operator === "IN" ? isIn : sql`NOT ${isIn}`;
    }
    case "LIKE":
    case "ILIKE":
      throw new RangeError(`The operator ${operator} does not compare numbers.`);
    default:
      return sql`${subject} ${raw(operator)} ${param(Number(value), "Float64")}`;
  }
}

/**
 * The start in whole milliseconds. Ranges become conditions on the bare column, so that the sort key is used.
 *
 * floor(t) < v ⟺ t < ceil(v), and floor(t) <= v ⟺ t < floor(v) + 1.
 */
function compareTime(comparison: Comparison): Sql {
  const value = Number(comparison.value);
  switch (comparison.operator) {
    case "<":
      return sql`start_time < ${momentMs(Math.ceil(value))}`;
    case ">=":
      return sql`start_time >= ${momentMs(Math.ceil(value))}`;
    case "<=":
      return sql`start_time < ${momentMs(Math.floor(value) + 1)}`;
    case ">":
      return sql`start_time >= ${momentMs(Math.floor(value) + 1)}`;
    default:
      return compareNumber(raw("intDiv(toUnixTimestamp64Micro(start_time), 1000)"), comparison);
  }
}

/** The years that a trace may start in, 1970 to 2106 and a bit around, in milliseconds; further out makes no difference. */
const MIN_MS = -1;
const MAX_MS = 4_300_000_000_000;

function momentMs(milliseconds: number): Sql {
  return momentUs(BigInt(Math.min(Math.max(milliseconds, MIN_MS), MAX_MS)) * 1000n);
}

/** A DateTime64(6) from microseconds since the epoch. */
export function momentUs(microseconds: bigint): Sql {
  return sql`fromUnixTimestamp64Micro(${param(microseconds, "Int64")}, 'UTC')`;
}

/** An entry of a Map column; a key that is not there matches nothing. */
function compareEntry(column: string, comparison: Comparison): Sql {
  const key = param(comparison.left.key ?? "", "String");
  const entry = sql`${raw(column)}[${key}]`;
  return sql`mapContains(${raw(column)}, ${key}) AND ${compareText(entry, comparison)}`;
}

/** A tag: what people set or removed lies over what the spans carry. */
function compareTag(comparison: Comparison, table: TableName): Sql {
  const edits = sql`${table("trace_tags")} FINAL WHERE key = ${param(comparison.left.key ?? "", "String")}`;
  const edited = sql`trace_id IN (SELECT trace_id FROM ${edits} AND removed = 0 AND ${compareText(raw("value"), comparison)})`;
  const carried = sql`${compareEntry("tags", comparison)} AND trace_id NOT IN (SELECT trace_id FROM ${edits})`;
  return sql`(${edited}) OR (${carried})`;
}

/** A pattern as ClickHouse reads it, which refuses a backslash at the end. */
function likePattern(pattern: string): string {
  return parseLike(pattern)
    .map((part) => (typeof part === "string" ? part : part.literal.replace(/[\\%_]/, "\\$&")))
    .join("");
}

function texts(value: Comparison["value"]): string[] {
  if (!Array.isArray(value)) throw new RangeError("IN takes a list.");
  return value.map(String);
}

function numbers(value: Comparison["value"]): number[] {
  if (!Array.isArray(value)) throw new RangeError("IN takes a list.");
  return value.map(Number);
}
