/**
 * A filter applied to a trace in memory: for monitors and live views, and the oracle that SQL compilers are tested against.
 */
import type { TraceInfo } from "../model/trace.ts";
import { parseRfc3339 } from "../time.ts";
import type { Comparison, Filter } from "./ast.ts";
import type { FieldName } from "./fields.ts";
import { matchesLike } from "./like.ts";

type FieldValue = string | number | undefined;

/** What a trace holds under each field; undefined when it has nothing there. */
const readField: Readonly<Record<FieldName, (trace: TraceInfo, key: string) => FieldValue>> = {
  status: (trace) => trace.state,
  name: (trace) => trace.name,
  execution_time_ms: (trace) => trace.durationMs,
  timestamp_ms: (trace) => millisecondsOf(trace.requestTime),
  tags: (trace, key) => ownValue(trace.tags, key),
  metadata: (trace, key) => ownValue(trace.metadata, key),
  session: (trace) => trace.sessionId,
  user: (trace) => trace.userId,
  "tokens.total": (trace) => trace.tokenUsage?.totalTokens,
  "tokens.input": (trace) => trace.tokenUsage?.inputTokens,
  "tokens.output": (trace) => trace.tokenUsage?.outputTokens,
  cost: (trace) => trace.costUsd,
  trace_id: (trace) => trace.traceId,
  input: (trace) => trace.requestPreview,
  output: (trace) => trace.responsePreview,
  error: (trace) => trace.errorPreview,
};

/**
 * Whether a trace satisfies a filter.
 *
 * `timestamp_ms` is the start in whole milliseconds, as MLflow keeps it; `execution_time_ms` has microseconds.
 *
 * @throws RangeError if the tree names a field that is not in `fields.ts` (trees of `parseFilter` never do)
 */
export function matchesFilter(filter: Filter, trace: TraceInfo): boolean {
  switch (filter.kind) {
    case "and":
      return filter.terms.every((term) => matchesFilter(term, trace));
    case "or":
      return filter.terms.some((term) => matchesFilter(term, trace));
    case "not":
      return !matchesFilter(filter.term, trace);
    case "comparison":
      return compare(filter, trace);
  }
}

function compare({ left, operator, value }: Comparison, trace: TraceInfo): boolean {
  if (!Object.hasOwn(readField, left.field)) throw new RangeError(`There is no filter field "${left.field}".`);
  const actual = readField[left.field as FieldName](trace, left.key ?? "");
  if (actual === undefined) return false;
  switch (operator) {
    case "=":
      return actual === value;
    case "!=":
      return actual !== value;
    case "IN":
      return isIn(actual, value);
    case "NOT IN":
      return !isIn(actual, value);
    case "LIKE":
    case "ILIKE":
      return matchesLike(String(actual), String(value), operator === "ILIKE");
    case "<":
      return Number(actual) < Number(value);
    case "<=":
      return Number(actual) <= Number(value);
    case ">":
      return Number(actual) > Number(value);
    case ">=":
      return Number(actual) >= Number(value);
  }
}

function isIn(actual: string | number, list: Comparison["value"]): boolean {
  return Array.isArray(list) && list.includes(actual);
}

function ownValue(record: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function millisecondsOf(requestTime: string): number | undefined {
  const nanos = parseRfc3339(requestTime);
  return nanos === undefined ? undefined : Number(nanos / 1_000_000n);
}
