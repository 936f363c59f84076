/**
 * Tree → filter text, in canonical spelling.
 */
import type { FieldReference, Filter, FilterValue } from "./ast.ts";
import { bareName, type FieldContext, fieldNamed } from "./fields.ts";

/**
 * Writes a filter as text that `parseFilter` reads back to the same tree.
 *
 * Brackets stand around every AND and OR inside another term. Times and durations are written as milliseconds.
 */
export function printFilter(filter: Filter): string {
  return print(filter, "trace");
}

function print(filter: Filter, context: FieldContext): string {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.terms.map((term) => printTerm(term, context)).join(filter.kind === "and" ? " AND " : " OR ");
    case "not":
      return `NOT ${printTerm(filter.term, context)}`;
    case "comparison":
      return `${printField(filter.left, context)} ${filter.operator} ${printValue(filter.value)}`;
    case "presence":
      return `${printField(filter.left, context)} ${filter.operator}`;
    case "text":
      return printValue(filter.text);
    case "span":
      return `span(${print(filter.filter, "span")})`;
  }
}

function printTerm(filter: Filter, context: FieldContext): string {
  const isList = filter.kind === "and" || filter.kind === "or";
  return isList ? `(${print(filter, context)})` : print(filter, context);
}

const PLAIN_KEY = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;

/**
 * `tags.env`, ``tags.`my key` ``: a field as it stands in a filter.
 *
 * @param context  `span` inside of `span(…)`, where the fields of spans stand bare
 */
export function printField(left: FieldReference, context: FieldContext = "trace"): string {
  const field = fieldNamed(left.field);
  const name = context === "span" && field !== undefined ? bareName(field) : left.field;
  if (left.key === undefined) return name;
  return PLAIN_KEY.test(left.key) ? `${name}.${left.key}` : `${name}.\`${left.key.replaceAll("`", "``")}\``;
}

function printValue(value: FilterValue): string {
  if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
  if (typeof value === "number") return String(value);
  return `(${value.map(printValue).join(", ")})`;
}
