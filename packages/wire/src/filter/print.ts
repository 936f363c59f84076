/**
 * Tree → filter text, in canonical spelling.
 */
import type { FieldReference, Filter, FilterValue } from "./ast.ts";

/**
 * Writes a filter as text that `parseFilter` reads back to the same tree.
 *
 * Brackets stand around every AND and OR inside another term. Times and durations are written as milliseconds.
 */
export function printFilter(filter: Filter): string {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.terms.map(printTerm).join(filter.kind === "and" ? " AND " : " OR ");
    case "not":
      return `NOT ${printTerm(filter.term)}`;
    case "comparison":
      return `${printField(filter.left)} ${filter.operator} ${printValue(filter.value)}`;
  }
}

function printTerm(filter: Filter): string {
  const isList = filter.kind === "and" || filter.kind === "or";
  return isList ? `(${printFilter(filter)})` : printFilter(filter);
}

const PLAIN_KEY = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;

/** `tags.env`, ``tags.`my key` ``: a field as it stands in a filter. */
export function printField(left: FieldReference): string {
  if (left.key === undefined) return left.field;
  return PLAIN_KEY.test(left.key) ? `${left.field}.${left.key}` : `${left.field}.\`${left.key.replaceAll("`", "``")}\``;
}

function printValue(value: FilterValue): string {
  if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
  if (typeof value === "number") return String(value);
  return `(${value.map(printValue).join(", ")})`;
}
