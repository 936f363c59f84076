/**
 * Filter tree → WHERE over `traces`.
 *
 * The oracle is `matchesFilter` of wire: a property test insists that both agree. A comparison with something the trace does not
 * have is 0, never NULL, so that NOT means the same in both.
 */
import { SightlineError } from "@sightline/wire/errors";
import type { Filter } from "@sightline/wire/filter/ast";
import type { TraceFieldName } from "@sightline/wire/filter/trace-fields";
import { stringifyJson } from "@sightline/wire/json";
import { numberColumn, optionalNumber, optionalText, startColumn, textColumn, textsColumn } from "./filter-columns.ts";
import { narrowScope } from "./filter-narrow.ts";
import { assessmentValue, issueId, overlaidEntries, prompt, run } from "./filter-parts.ts";
import { type FieldSql, type FilterScope, spanScope, traceIdsIn } from "./filter-scope.ts";
import { compileSpanFilter, content } from "./filter-spans.ts";
import { and, join, raw, type Sql, sql } from "./sql.ts";
import { spansThatMayHold } from "./text-search.ts";

/** One row for each field of traces. */
const traceFields: Readonly<Record<TraceFieldName, FieldSql>> = {
  status: textColumn("state"),
  name: optionalText("name"),
  execution_time_ms: numberColumn("duration_us / 1000"),
  timestamp_ms: startColumn("intDiv(toUnixTimestamp64Micro(start_time), 1000)"),
  end_time_ms: numberColumn("intDiv(toUnixTimestamp64Micro(start_time) + duration_us, 1000)"),
  trace_id: textColumn("trace_id"),
  client_request_id: optionalText("client_request_id"),
  experiment: textColumn("experiment_id"),
  session: optionalText("session_id"),
  user: optionalText("user_id"),
  version: optionalText("app_version"),
  source: optionalText("source"),
  model: textsColumn("models"),
  "tokens.total": optionalNumber("total_tokens"),
  "tokens.input": optionalNumber("input_tokens"),
  "tokens.output": optionalNumber("output_tokens"),
  "tokens.cache_read": optionalNumber("cache_read_input_tokens"),
  "tokens.cache_creation": optionalNumber("cache_creation_input_tokens"),
  "tokens.reasoning": optionalNumber("reasoning_tokens"),
  cost: optionalNumber("cost_usd"),
  span_count: numberColumn("span_count"),
  input: optionalText("request_preview"),
  output: optionalText("response_preview"),
  error: optionalText("failure"),
  text: {
    compare: (comparison, scope) => spansIn(comparison, content().compare(comparison, scope), scope),
    isThere: (key, scope) => sql`trace_id IN ${traceIdsIn(scope, "spans", [content().isThere(key, scope)])}`,
  },
  tags: overlaidEntries("tags", "trace_tags"),
  metadata: overlaidEntries("metadata", "trace_metadata"),
  feedback: assessmentValue("feedback"),
  expectation: assessmentValue("expectation"),
  "issue.id": issueId,
  run,
  prompt,
};

/** Bytes of one condition with its values: ClickHouse reads 256 KiB as the text of a query (max_query_size). */
const MAX_CONDITION_BYTES = 180 * 1024;
/** Bytes of one value: ClickHouse takes 128 KiB in one form field (http_max_field_value_size). */
const MAX_VALUE_BYTES = 120 * 1024;

/**
 * The condition that a row of `traces` satisfies the filter.
 *
 * @param scope  where the traces lie that are asked for; the condition means the same without it, but reads more
 * @throws BAD_FILTER if the values are too large for a query; RangeError if the tree has a field or a value that `parseFilter`
 *   would not give
 */
export function compileFilter(filter: Filter, scope: FilterScope): Sql {
  const condition = compile(filter, narrowScope(filter, scope));
  const sizes = condition.pieces.map((piece) =>
    typeof piece === "string" ? piece.length : Buffer.byteLength(stringifyJson(piece.value).replaceAll("'", "\\'")),
  );
  const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
  if (total <= MAX_CONDITION_BYTES && sizes.every((bytes) => bytes <= MAX_VALUE_BYTES)) return condition;
  throw new SightlineError(
    "BAD_FILTER",
    `The filter takes ${total} bytes as a query, at most ${MAX_CONDITION_BYTES} can be sent and ${MAX_VALUE_BYTES} as one value. Shorten its lists and texts.`,
  );
}

function compile(filter: Filter, scope: FilterScope): Sql {
  switch (filter.kind) {
    case "and":
      return and(filter.terms.map((term) => compile(term, scope)));
    case "or":
      return join(
        filter.terms.map((term) => sql`(${compile(term, scope)})`),
        " OR ",
        raw("0"),
      );
    case "not":
      return sql`NOT (${compile(filter.term, scope)})`;
    case "span":
      return spansIn(filter.filter, compileSpanFilter(filter.filter, scope), scope);
    case "text":
      return spansIn(filter, compileSpanFilter(filter, scope), scope);
    case "comparison":
      return fieldOf(filter.left.field).compare(filter, scope);
    case "presence": {
      const isThere = fieldOf(filter.left.field).isThere(filter.left.key ?? "", scope);
      return filter.operator === "IS NULL" ? sql`NOT (${isThere})` : isThere;
    }
  }
}

/** A trace of which a span satisfies the filter. @param condition  the filter over a row of `spans` */
function spansIn(filter: Filter, condition: Sql, scope: FilterScope): Sql {
  const parts = spansThatMayHold(filter, scope).map(
    ({ first, conditions, settings }) =>
      sql`(SELECT trace_id FROM ${scope.table("spans")} FINAL${first} WHERE ${and([
        ...spanScope(scope),
        ...conditions,
        condition,
      ])}${settings})`,
  );
  return parts.length === 0 ? raw("0") : sql`trace_id IN (${join(parts, " UNION ALL ")})`;
}

function fieldOf(name: string): FieldSql {
  if (!Object.hasOwn(traceFields, name)) throw new RangeError(`There is no filter field "${name}".`);
  return traceFields[name as TraceFieldName];
}
