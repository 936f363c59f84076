/**
 * Where the values of each field of the filter language are: one row for each field, also for those that have no list.
 */
import { SightlineError } from "@sightline/wire/errors";
import type { ValueField } from "../trace-values.ts";
import { attributeText } from "./metric-views.ts";
import { param, raw, type Sql } from "./sql.ts";
import type { TraceFact, TraceFactName } from "./trace-rows.ts";

type ValueRow =
  | { readonly of: "trace"; readonly fact: TraceFactName; readonly keyed?: true }
  /** Text over a row of `spans`; NULL = none. `keys` gives an array. */
  | { readonly of: "span"; readonly text: string }
  | { readonly of: "span"; readonly ofKey: (key: Sql) => Sql; readonly keys: string }
  | { readonly of: "assessment"; readonly kind: string }
  | { readonly of: "nothing"; readonly reason: string };

const trace = (fact: TraceFactName): ValueRow => ({ of: "trace", fact });
const keyedTrace = (fact: "tags" | "metadata"): ValueRow => ({ of: "trace", fact, keyed: true });
const isNumber: ValueRow = {
  of: "nothing",
  reason: "it is a number; POST /api/v1/metrics gives its percentiles",
};

/** By the canonical names of `filterFields`. */
export const valueTable: Readonly<Record<string, ValueRow>> = {
  status: trace("status"),
  name: trace("name"),
  session: trace("session"),
  user: trace("user"),
  input: trace("input"),
  output: trace("output"),
  error: trace("error"),
  tags: keyedTrace("tags"),
  metadata: keyedTrace("metadata"),
  trace_id: { of: "nothing", reason: "every trace has another one" },
  timestamp_ms: { of: "nothing", reason: "it is a time; POST /api/v1/metrics with intervalSeconds counts by time" },
  execution_time_ms: isNumber,
  "tokens.total": isNumber,
  "tokens.input": isNumber,
  "tokens.output": isNumber,
  cost: isNumber,
};

/** Text over a row of its table, NULL = none; or an array of texts. */
export interface RowValue {
  readonly sql: Sql;
  readonly isArray: boolean;
}

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
      return { of: "assessment", kind: row.kind, ...(key !== undefined && { name: key }) };
    case "trace":
      return {
        of: "trace",
        fact: { name: row.fact, ...(key !== undefined && { key }) },
        isMany: row.keyed === true ? key === undefined : row.fact === "model" || row.fact === "run",
      };
    case "span":
      if ("text" in row) return { of: "span", value: raw(row.text), isMany: false };
      return key === undefined
        ? { of: "span", value: raw(`arrayJoin(${row.keys})`), isMany: true }
        : { of: "span", value: row.ofKey(param(key, "String")), isMany: false };
  }
}

/** Attributes of spans, by key. */
export const spanAttributes: ValueRow = { of: "span", ofKey: attributeText, keys: "mapKeys(attributes)" };

function noValues(field: string, reason: string): SightlineError {
  return new SightlineError("INVALID_PARAMETER", `The field "${field.slice(0, 50)}" has no list of values: ${reason}.`);
}
