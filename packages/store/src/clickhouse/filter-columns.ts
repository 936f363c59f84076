/**
 * Fields that are columns of the row at hand.
 */
import { compareNumber, compareStart, compareText } from "./filter-compare.ts";
import type { FieldSql } from "./filter-scope.ts";
import { param, raw, type Sql, sql } from "./sql.ts";

const ALWAYS = raw("1");

/** A text that is always there. */
export function textColumn(column: string): FieldSql {
  return { compare: (comparison) => compareText(raw(column), comparison), isThere: () => ALWAYS };
}

/** A text in which "" means that there is nothing. */
export function optionalText(column: string): FieldSql {
  const isThere = raw(`${column} != ''`);
  return {
    compare: (comparison) => sql`${isThere} AND ${compareText(raw(column), comparison)}`,
    isThere: () => isThere,
  };
}

/** A number that is always there. @param expression  in the unit of the filter language */
export function numberColumn(expression: string): FieldSql {
  return { compare: (comparison) => compareNumber(raw(expression), comparison), isThere: () => ALWAYS };
}

/** A number that is only there under a condition; without one unless it is NULL. */
export function optionalNumber(expression: string, condition = `${expression} IS NOT NULL`): FieldSql {
  const isThere = raw(condition);
  return {
    compare: (comparison) => sql`${isThere} AND ${compareNumber(raw(expression), comparison)}`,
    isThere: () => isThere,
  };
}

/** The column `start_time`. @param milliseconds  an expression for it in whole milliseconds */
export function startColumn(milliseconds: string): FieldSql {
  return { compare: (comparison) => compareStart(raw(milliseconds), comparison), isThere: () => ALWAYS };
}

/** A column with a list of texts; one of them must satisfy the comparison. */
export function textsColumn(column: string): FieldSql {
  return {
    compare: (comparison) => sql`arrayExists(item -> ${compareText(raw("item"), comparison)}, ${raw(column)})`,
    isThere: () => raw(`notEmpty(${column})`),
  };
}

/** That a Map column has a key. */
export function hasEntry(column: string, key: string): Sql {
  return sql`mapContains(${raw(column)}, ${param(key, "String")})`;
}

/** The value of a key in a Map column, "" if it is not there. */
export function entryOf(column: string, key: string): Sql {
  return sql`${raw(column)}[${param(key, "String")}]`;
}
