/**
 * A filter applied to a trace in memory: for monitors and live views, and the oracle that SQL compilers are tested against.
 */
import type { Assessment } from "../model/assessment.ts";
import type { TraceInfo } from "../model/trace.ts";
import { textSays } from "../text-fold.ts";
import { parseRfc3339 } from "../time.ts";
import type { Comparison, FieldReference, Filter, Presence } from "./ast.ts";
import { matchesLike } from "./like.ts";
import { SOURCE_RUN_KEY } from "./mlflow-grammar.ts";
import { comparedText, valueJson, valueNumber, valueText } from "./payload-text.ts";
import { compileRegex } from "./regex.ts";
import type { SpanFieldName } from "./span-fields.ts";
import type { FilterSubject, SpanFacts } from "./subject.ts";
import type { TraceFieldName } from "./trace-fields.ts";

/** JSON text of a value that is compared as text or as number, whichever the filter asks. */
interface JsonText {
  /** "" of something that is there without a value, such as the feedback of a scorer that failed. */
  readonly json: string;
  /** Patterns look at the JSON of assessments too, with its quotes, as on MLflow's server. */
  readonly isAssessment?: true;
}

type FieldValue = string | number | JsonText;
/** All values under a field; none when the trace has nothing there. */
type Read<Subject> = (subject: Subject, key: string) => readonly (FieldValue | undefined)[];

const ofInfo =
  (read: (info: TraceInfo, key: string) => FieldValue | undefined): Read<FilterSubject> =>
  ({ info }, key) => [read(info, key)];
const ofSpan =
  (read: (span: SpanFacts, key: string) => FieldValue | undefined): Read<SpanFacts> =>
  (span, key) => [read(span, key)];
/** "" is nothing. */
const some = (text: string): string | undefined => (text === "" ? undefined : text);

const readTrace: Readonly<Record<TraceFieldName, Read<FilterSubject>>> = {
  status: ofInfo((info) => info.state),
  name: ofInfo((info) => some(info.name)),
  execution_time_ms: ofInfo((info) => info.durationMs),
  timestamp_ms: ofInfo((info) => millisecondsOf(info.requestTime)),
  end_time_ms: ofInfo(endMs),
  trace_id: ofInfo((info) => info.traceId),
  client_request_id: ofInfo((info) => info.clientRequestId),
  experiment: ofInfo((info) => info.experimentId),
  session: ofInfo((info) => info.sessionId),
  user: ofInfo((info) => info.userId),
  version: ofInfo((info) => info.version),
  source: ofInfo((info) => info.source),
  model: ({ info }) => info.models ?? [],
  "tokens.total": ofInfo((info) => info.tokenUsage?.totalTokens),
  "tokens.input": ofInfo((info) => info.tokenUsage?.inputTokens),
  "tokens.output": ofInfo((info) => info.tokenUsage?.outputTokens),
  "tokens.cache_read": ofInfo((info) => info.tokenUsage?.cacheReadInputTokens),
  "tokens.cache_creation": ofInfo((info) => info.tokenUsage?.cacheCreationInputTokens),
  "tokens.reasoning": ofInfo((info) => info.tokenUsage?.reasoningTokens),
  cost: ofInfo((info) => info.costUsd),
  span_count: ofInfo((info) => info.spanCount),
  input: ofInfo((info) => info.requestPreview),
  output: ofInfo((info) => info.responsePreview),
  error: ofInfo((info) => info.errorPreview),
  text: ({ spans = [] }) => spans.flatMap(contentOf),
  tags: ofInfo((info, key) => ownValue(info.tags, key)),
  metadata: ofInfo((info, key) => ownValue(info.metadata, key)),
  feedback: (subject, key) => assessmentValues(subject, "feedback", key),
  expectation: (subject, key) => assessmentValues(subject, "expectation", key),
  "issue.id": (subject) => validAssessments(subject, "issue").map((assessment) => assessment.name),
  run: ({ info, links = [] }) => [ownValue(info.metadata, SOURCE_RUN_KEY), ...targetsOf(links, "run")],
  prompt: ({ links = [] }) => targetsOf(links, "prompt"),
};

const readSpan: Readonly<Record<SpanFieldName, Read<SpanFacts>>> = {
  "span.name": ofSpan((span) => some(span.name)),
  "span.type": ofSpan((span) => some(span.spanType)),
  "span.status": ofSpan((span) => span.statusCode),
  "span.id": ofSpan((span) => span.spanId),
  "span.parent": ofSpan((span) => some(span.parentSpanId)),
  "span.duration": ofSpan(spanMs),
  "span.start": ofSpan((span) => Number(span.startTimeUnixNano / 1_000_000n)),
  "span.model": ofSpan((span) => some(span.model)),
  "span.provider": ofSpan((span) => some(span.provider)),
  "span.service": ofSpan((span) => some(span.service)),
  "span.session": ofSpan((span) => some(span.sessionId)),
  "span.user": ofSpan((span) => some(span.userId)),
  "span.tokens.total": ofSpan((span) => span.usage?.totalTokens),
  "span.tokens.input": ofSpan((span) => span.usage?.inputTokens),
  "span.tokens.output": ofSpan((span) => span.usage?.outputTokens),
  "span.cost": ofSpan((span) => span.costUsd),
  "span.input": ofSpan((span) => some(span.inputText)),
  "span.output": ofSpan((span) => some(span.outputText)),
  "span.error": ofSpan((span) => some(span.errorText)),
  "span.content": contentOf,
  "span.attributes": ofSpan((span, key) => {
    const json = ownValue(span.attributes, key);
    return json === undefined || json === "null" ? undefined : { json };
  }),
};

/**
 * Whether a trace satisfies a filter.
 *
 * Times are whole milliseconds, as MLflow keeps them; durations have microseconds.
 *
 * @param subject  with spans if `readsSpans(filter)`, and with links if `readsLinks(filter)`
 * @throws RangeError if the tree names a field that is not in `fields.ts` (trees of `parseFilter` never do)
 */
export function matchesFilter(filter: Filter, subject: FilterSubject): boolean {
  switch (filter.kind) {
    case "and":
      return filter.terms.every((term) => matchesFilter(term, subject));
    case "or":
      return filter.terms.some((term) => matchesFilter(term, subject));
    case "not":
      return !matchesFilter(filter.term, subject);
    case "span":
      return (subject.spans ?? []).some((span) => matchesSpan(filter.filter, span));
    case "text":
      return (subject.spans ?? []).some((span) => holdsText(span, filter.text));
    case "comparison":
    case "presence":
      return holds(filter, valuesOf(readTrace, filter.left, subject));
  }
}

/**
 * Whether a span satisfies what stands inside of `span(…)`.
 *
 * @throws RangeError if the tree names a field that spans do not have
 */
export function matchesSpan(filter: Filter, span: SpanFacts): boolean {
  switch (filter.kind) {
    case "and":
      return filter.terms.every((term) => matchesSpan(term, span));
    case "or":
      return filter.terms.some((term) => matchesSpan(term, span));
    case "not":
      return !matchesSpan(filter.term, span);
    case "span":
      throw new RangeError("A span(…) stands inside another.");
    case "text":
      return holdsText(span, filter.text);
    case "comparison":
    case "presence":
      return holds(filter, valuesOf(readSpan, filter.left, span));
  }
}

function valuesOf<Subject>(
  table: Readonly<Record<string, Read<Subject>>>,
  { field, key }: FieldReference,
  subject: Subject,
): readonly FieldValue[] {
  const read = Object.hasOwn(table, field) ? table[field] : undefined;
  if (read === undefined) throw new RangeError(`There is no filter field "${field}" here.`);
  return read(subject, key ?? "").filter((value) => value !== undefined);
}

function holds(condition: Comparison | Presence, values: readonly FieldValue[]): boolean {
  if (condition.kind === "presence") return (condition.operator === "IS NULL") === (values.length === 0);
  const compare = comparer(condition);
  return values.some(compare);
}

/** Made once for all values: an RLIKE pattern is read here. */
function comparer({ operator, value }: Comparison): (actual: FieldValue) => boolean {
  switch (operator) {
    case "LIKE":
    case "ILIKE":
      return anyText((text) => matchesLike(text, String(value), operator === "ILIKE"));
    case "RLIKE":
      return anyText(compileRegex(String(value)));
    case "IN":
    case "NOT IN": {
      const list: readonly (string | number)[] = Array.isArray(value) ? value : [];
      return (actual) => {
        const plain = plainValue(actual, typeof list[0] === "number");
        return plain !== undefined && list.includes(plain) === (operator === "IN");
      };
    }
    default:
      return (actual) => {
        const plain = plainValue(actual, typeof value === "number");
        return plain !== undefined && typeof plain === typeof value && ordered(plain, operator, value);
      };
  }
}

function anyText(test: (text: string) => boolean): (actual: FieldValue) => boolean {
  return (actual) => {
    if (typeof actual !== "object") return test(String(actual));
    if (actual.json === "") return false;
    return test(textOf(actual)) || (actual.isAssessment === true && test(actual.json));
  };
}

/** What a value is compared as: a JSON value as text, or as number if it is one. */
function plainValue(actual: FieldValue, asNumber: boolean): string | number | undefined {
  if (typeof actual !== "object") return actual;
  if (actual.json === "") return undefined;
  return asNumber ? valueNumber(actual.json) : textOf(actual);
}

function textOf({ json, isAssessment }: JsonText): string {
  return isAssessment ? comparedText(json) : valueText(json);
}

function ordered(actual: string | number, operator: Comparison["operator"], value: Comparison["value"]): boolean {
  switch (operator) {
    case "=":
      return actual === value;
    case "!=":
      return actual !== value;
    case "<":
      return Number(actual) < Number(value);
    case "<=":
      return Number(actual) <= Number(value);
    case ">":
      return Number(actual) > Number(value);
    default:
      return Number(actual) >= Number(value);
  }
}

/** The texts of a span that text search looks at. */
function contentOf(span: SpanFacts): string[] {
  return [span.inputText, span.outputText, span.errorText].filter((text) => text !== "");
}

function holdsText(span: SpanFacts, text: string): boolean {
  return contentOf(span).some((content) => textSays(content, text));
}

function validAssessments({ info, ofSession = [] }: FilterSubject, kind: string): Assessment[] {
  return [...info.assessments, ...ofSession].filter((assessment) => assessment.kind === kind && assessment.valid);
}

function assessmentValues(subject: FilterSubject, kind: string, name: string): FieldValue[] {
  return validAssessments(subject, kind)
    .filter((assessment) => assessment.name === name)
    .map((assessment) => ({ json: valueJson(assessment.value) ?? "", isAssessment: true }));
}

function targetsOf(links: NonNullable<FilterSubject["links"]>, kind: string): string[] {
  return links.filter((link) => link.kind === kind).map((link) => link.target);
}

function ownValue(record: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function millisecondsOf(requestTime: string): number | undefined {
  const nanos = parseRfc3339(requestTime);
  return nanos === undefined ? undefined : Number(nanos / 1_000_000n);
}

function endMs({ requestTime, durationMs }: TraceInfo): number | undefined {
  const start = parseRfc3339(requestTime);
  if (start === undefined) return undefined;
  const endUs = start / 1000n + BigInt(Math.round(durationMs * 1000));
  return Number(endUs / 1000n);
}

/** Milliseconds with microsecond digits; undefined while the span is running. */
function spanMs({ startTimeUnixNano, endTimeUnixNano }: SpanFacts): number | undefined {
  if (endTimeUnixNano === 0n) return undefined;
  const nanos = endTimeUnixNano - startTimeUnixNano;
  return nanos > 0n ? Number(nanos / 1000n) / 1000 : 0;
}
