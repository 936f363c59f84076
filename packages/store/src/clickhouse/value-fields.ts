/**
 * Where the values of each field of the filter language are: one row for each field, also for those that have no list.
 */
import { SightlineError } from "@sightline/wire/errors";
import type { ValueField } from "../trace-values.ts";
import { attributeText } from "./metric-views.ts";
import { param, raw, type Sql } from "./sql.ts";
import { hasMany, type TraceFact, type TraceFactName } from "./trace-rows.ts";

type ValueRow =
  | { readonly of: "trace"; readonly fact: TraceFactName; readonly keyed?: true }
  /** Text over a row of `spans`; NULL = none. `keys` gives an array. */
  | { readonly of: "span"; readonly text: string }
  | { readonly of: "span"; readonly ofKey: (key: Sql) => Sql; readonly keys: string }
  /** Names of this kind; values by the name when it is keyed. */
  | { readonly of: "assessment"; readonly kind: string; readonly keyed: boolean }
  | { readonly of: "nothing"; readonly reason: string };

const trace = (fact: TraceFactName): ValueRow => ({ of: "trace", fact });
const span = (column: string): ValueRow => ({ of: "span", text: `nullIf(toString(${column}), '')` });
const none = (reason: string): ValueRow => ({ of: "nothing", reason });

const isId = none("every one has another");
const isNumber = none("it is a number; POST /api/v1/metrics gives its percentiles");
const isTime = none("it is a time; POST /api/v1/metrics with intervalSeconds counts by time");
const isPayload = none("payloads are searched in, not listed");

/** By the canonical names of `filterFields`. */
export const valueTable: Readonly<Record<string, ValueRow>> = {
  status: trace("status"),
  name: trace("name"),
  experiment: trace("experiment"),
  session: trace("session"),
  user: trace("user"),
  version: trace("version"),
  source: trace("source"),
  model: trace("model"),
  run: trace("run"),
  prompt: trace("prompt"),
  client_request_id: trace("client_request_id"),
  input: trace("input"),
  output: trace("output"),
  error: trace("error"),
  tags: { of: "trace", fact: "tags", keyed: true },
  metadata: { of: "trace", fact: "metadata", keyed: true },
  trace_id: isId,
  timestamp_ms: isTime,
  end_time_ms: isTime,
  execution_time_ms: isNumber,
  "tokens.total": isNumber,
  "tokens.input": isNumber,
  "tokens.output": isNumber,
  "tokens.cache_read": isNumber,
  "tokens.cache_creation": isNumber,
  "tokens.reasoning": isNumber,
  cost: isNumber,
  span_count: isNumber,
  text: isPayload,
  feedback: { of: "assessment", kind: "feedback", keyed: true },
  expectation: { of: "assessment", kind: "expectation", keyed: true },
  "issue.id": { of: "assessment", kind: "issue", keyed: false },
  "span.name": span("name"),
  "span.type": span("span_type"),
  "span.status": span("status_code"),
  "span.model": span("model"),
  "span.provider": span("provider"),
  "span.service": span("service"),
  "span.session": span("session_id"),
  "span.user": span("user_id"),
  "span.error": span("failure"),
  "span.attributes": { of: "span", ofKey: attributeText, keys: "mapKeys(attributes)" },
  "span.id": isId,
  "span.parent": isId,
  "span.start": isTime,
  "span.duration": isNumber,
  "span.tokens.total": isNumber,
  "span.tokens.input": isNumber,
  "span.tokens.output": isNumber,
  "span.cost": isNumber,
  "span.input": isPayload,
  "span.output": isPayload,
  "span.content": isPayload,
};

/** A field as a query reads it. */
export type ValueSource =
  | { readonly of: "trace"; readonly fact: TraceFact; readonly isMany: boolean }
  | { readonly of: "span"; readonly value: Sql; readonly isMany: boolean }
  | { readonly of: "assessment"; readonly kind: string; readonly name?: string };

/** @throws INVALID_PARAMETER if the field is unknown or has no list of values */
export function valueSource({ field, key }: ValueField): ValueSource {
  const row = Object.hasOwn(valueTable, field) ? valueTable[field] : undefined;
  if (row === undefined) throw noValues(field, "there is no such field");
  switch (row.of) {
    case "nothing":
      throw noValues(field, row.reason);
    case "assessment":
      return { of: "assessment", kind: row.kind, ...(row.keyed && key !== undefined && { name: key }) };
    case "trace":
      return {
        of: "trace",
        fact: { name: row.fact, ...(key !== undefined && { key }) },
        isMany: row.keyed === true ? key === undefined : hasMany(row.fact),
      };
    case "span":
      if ("text" in row) return { of: "span", value: raw(row.text), isMany: false };
      return key === undefined
        ? { of: "span", value: raw(`arrayJoin(${row.keys})`), isMany: true }
        : { of: "span", value: row.ofKey(param(key, "String")), isMany: false };
  }
}

function noValues(field: string, reason: string): SightlineError {
  return new SightlineError("INVALID_PARAMETER", `The field "${field.slice(0, 50)}" has no list of values: ${reason}.`);
}
