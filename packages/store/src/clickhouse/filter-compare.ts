/**
 * Comparisons of SQL expressions with the values of a filter.
 */
import type { Comparison } from "@sightline/wire/filter/ast";
import { parseLike } from "@sightline/wire/filter/like";
import { toRe2 } from "@sightline/wire/filter/regex";
import { momentUs } from "./moments.ts";
import { param, raw, type Sql, sql } from "./sql.ts";

/** A text. @throws RangeError if the comparison is not one of texts */
export function compareText(subject: Sql, { operator, value }: Comparison): Sql {
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
    case "RLIKE":
      return sql`match(${subject}, ${param(toRe2(String(value)), "String")})`;
    default:
      throw new RangeError(`The operator ${operator} does not compare texts.`);
  }
}

/** A number, which must not be NULL. @throws RangeError if the comparison is not one of numbers */
export function compareNumber(subject: Sql, { operator, value }: Comparison): Sql {
  switch (operator) {
    case "IN":
    case "NOT IN": {
      const isIn = sql`has(${param(numbers(value), "Array(Float64)")}, toFloat64(${subject}))`;
      return operator === "IN" ? isIn : sql`NOT ${isIn}`;
    }
    case "LIKE":
    case "ILIKE":
    case "RLIKE":
      throw new RangeError(`The operator ${operator} does not compare numbers.`);
    default:
      return sql`${subject} ${raw(operator)} ${param(Number(value), "Float64")}`;
  }
}

/** Whether a comparison is with a number or a list of numbers. */
export function isNumeric({ value }: Comparison): boolean {
  return typeof value === "number" || (Array.isArray(value) && typeof value[0] === "number");
}

/** Whether a comparison is with a pattern. */
export function isPattern({ operator }: Comparison): boolean {
  return operator === "LIKE" || operator === "ILIKE" || operator === "RLIKE";
}

/**
 * The column `start_time` in whole milliseconds. Ranges become conditions on the bare column, so that the sort key is used.
 *
 * floor(t) < v ⟺ t < ceil(v), and floor(t) <= v ⟺ t < floor(v) + 1.
 *
 * @param milliseconds  the same time as a number
 */
export function compareStart(milliseconds: Sql, comparison: Comparison): Sql {
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
      return compareNumber(milliseconds, comparison);
  }
}

/** The years that a trace may start in, 1970 to 2106 and a bit around, in milliseconds; further out makes no difference. */
const MIN_MS = -1;
const MAX_MS = 4_300_000_000_000;

function momentMs(milliseconds: number): Sql {
  return momentUs(BigInt(Math.min(Math.max(milliseconds, MIN_MS), MAX_MS)) * 1000n);
}

/** A pattern as ClickHouse reads it, which refuses a backslash at the end. */
export function likePattern(pattern: string): string {
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
