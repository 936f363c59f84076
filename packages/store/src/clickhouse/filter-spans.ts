/**
 * Conditions on spans → conditions over a row of `spans`.
 */
import type { Comparison, Filter } from "@sightline/wire/filter/ast";
import type { SpanFieldName } from "@sightline/wire/filter/span-fields";
import { entryOf, hasEntry, optionalNumber, optionalText, startColumn, textColumn } from "./filter-columns.ts";
import { compareText, isNumeric } from "./filter-compare.ts";
import { compareJsonNumber } from "./filter-parts.ts";
import type { FieldSql, FilterScope } from "./filter-scope.ts";
import { payloadKeys } from "./payload-keys.ts";
import { and, join, param, raw, type Sql, sql } from "./sql.ts";
import { decodedText, TEXT_COLUMNS, type TextColumn, textCondition } from "./text-search.ts";

const NANOS = "greatest(toUnixTimestamp64Nano(end_time) - toUnixTimestamp64Nano(start_time), 0)";

/** One row for each field of spans. */
const spanFields: Readonly<Record<SpanFieldName, FieldSql>> = {
  "span.name": optionalText("name"),
  "span.type": optionalText("span_type"),
  "span.status": textColumn("status_code"),
  "span.id": textColumn("span_id"),
  "span.parent": optionalText("parent_span_id"),
  "span.duration": optionalNumber(`intDiv(${NANOS}, 1000) / 1000`, "toUnixTimestamp64Nano(end_time) != 0"),
  "span.start": startColumn("intDiv(toUnixTimestamp64Nano(start_time), 1000000)"),
  "span.model": optionalText("model"),
  "span.provider": optionalText("provider"),
  "span.service": optionalText("service"),
  "span.session": optionalText("session_id"),
  "span.user": optionalText("user_id"),
  "span.tokens.total": optionalNumber("total_tokens"),
  "span.tokens.input": optionalNumber("input_tokens"),
  "span.tokens.output": optionalNumber("output_tokens"),
  "span.cost": optionalNumber("cost_usd"),
  "span.input": payload("inputs"),
  "span.output": payload("outputs"),
  "span.error": optionalText("failure"),
  "span.content": content(),
  "span.attributes": { compare: compareAttribute, isThere: (key) => attribute(key).isThere },
};

/**
 * The condition that a row of `spans` satisfies what stands inside of `span(…)`.
 *
 * @throws RangeError if the tree has a field or a value that `parseFilter` would not give
 */
export function compileSpanFilter(filter: Filter, scope: FilterScope): Sql {
  switch (filter.kind) {
    case "and":
      return and(filter.terms.map((term) => compileSpanFilter(term, scope)));
    case "or":
      return join(
        filter.terms.map((term) => sql`(${compileSpanFilter(term, scope)})`),
        " OR ",
        raw("0"),
      );
    case "not":
      return sql`NOT (${compileSpanFilter(filter.term, scope)})`;
    case "text":
      return textCondition(filter.text, "contains");
    case "span":
      throw new RangeError("A span(…) stands inside another.");
    case "comparison":
      return fieldOf(filter.left.field).compare(filter, scope);
    case "presence": {
      const isThere = fieldOf(filter.left.field).isThere(filter.left.key ?? "", scope);
      return filter.operator === "IS NULL" ? sql`NOT (${isThere})` : isThere;
    }
  }
}

function fieldOf(name: string): FieldSql {
  if (!Object.hasOwn(spanFields, name)) throw new RangeError(`Spans have no filter field "${name}".`);
  return spanFields[name as SpanFieldName];
}

/** A payload, compared as the text that people read in it. */
function payload(column: TextColumn): FieldSql {
  const isThere = raw(`${column} != ''`);
  return {
    compare: (comparison) => {
      const { operator, value } = comparison;
      if (operator === "LIKE" || operator === "ILIKE") return textCondition(String(value), operator, [column]);
      return sql`${isThere} AND ${compareText(decodedText(column), comparison)}`;
    },
    isThere: () => isThere,
  };
}

/** All texts of a span; one of them must fit. */
export function content(): FieldSql {
  return {
    compare: ({ operator, value }) => {
      if (operator === "LIKE" || operator === "ILIKE") return textCondition(String(value), operator);
      throw new RangeError(`The operator ${operator} does not compare contents of spans.`);
    },
    isThere: () =>
      join(
        TEXT_COLUMNS.map((column) => raw(`${column} != ''`)),
        " OR ",
      ),
  };
}

interface AttributeSql {
  readonly isThere: Sql;
  /** JSON text of the value; of a string that is JSON itself "". */
  readonly json: Sql;
  /** What it is compared as. */
  readonly text: Sql;
}

/** An attribute, also one whose value was kept as the inputs or outputs of the span. */
function attribute(key: string): AttributeSql {
  const entry = entryOf("attributes", key);
  const own: AttributeSql = {
    isThere: sql`(${hasEntry("attributes", key)} AND ${entry} != 'null')`,
    json: entry,
    text: textOfJson(entry),
  };
  const column = payloadKeys.get(key);
  if (column === undefined) return own;
  const source = raw(`${column}_source`);
  const json = raw(column);
  // A text whose escapes are spelled otherwise says how between its form and its key (`json-escapes.ts` of wire).
  const isSpelled = sql`startsWith(${source}, 'text~') AND endsWith(${source}, ${param(` ${key}`, "String")})`;
  const isText = sql`(${source} = ${param(`text ${key}`, "String")} OR (${isSpelled}))`;
  const isKept = sql`(${isText} OR ${source} IN ${param([`string ${key}`, `value ${key}`], "Array(String)")})`;
  const isOwn = hasEntry("attributes", key);
  return {
    isThere: sql`(${own.isThere} OR (${isKept} AND ${json} != 'null'))`,
    json: sql`multiIf(${isOwn}, ${own.json}, ${isText}, '', ${json})`,
    text: sql`multiIf(${isOwn}, ${own.text}, ${isText}, ${json}, ${textOfJson(json)})`,
  };
}

function compareAttribute(comparison: Comparison): Sql {
  const { isThere, json, text } = attribute(comparison.left.key ?? "");
  const compared = isNumeric(comparison) ? compareJsonNumber(json, comparison) : compareText(text, comparison);
  return sql`${isThere} AND ${compared}`;
}

/** `valueText` of wire: a string itself, of anything else the JSON text. */
function textOfJson(json: Sql): Sql {
  return sql`if(startsWith(${json}, '"'), JSONExtractString(${json}), ${json})`;
}
