/**
 * The fields a filter may name: parser, completion, reference page, memory and SQL read the same tables.
 *
 * A new field is a row in `trace-fields.ts` or `span-fields.ts`, one in `matches.ts` and one in the store's compiler; types insist
 * on all three.
 */
import type { FilterField } from "./field-type.ts";
import { nearestWord } from "./nearest.ts";
import { type SpanFieldName, spanFields } from "./span-fields.ts";
import { type TraceFieldName, traceFields } from "./trace-fields.ts";

export type { FieldType, FilterField } from "./field-type.ts";

/** Canonical name of a field. */
export type FieldName = TraceFieldName | SpanFieldName;

export const filterFields: readonly FilterField[] = [...traceFields, ...spanFields];

/** In front of fields of spans, outside of `span(…)`. */
const SPAN_PREFIX = "span.";

const byName = new Map(filterFields.map((field) => [field.name, field]));
const traceSpellings = spellingsOf(traceFields);
const spanSpellings = spellingsOf(spanFields);

function spellingsOf(fields: readonly FilterField[]): ReadonlyMap<string, FilterField> {
  return new Map(
    fields.flatMap((field) => [bareName(field), ...field.aliases].map((spelling) => [spelling, field] as const)),
  );
}

/** The row of a canonical name; undefined if there is none. */
export function fieldNamed(name: string): FilterField | undefined {
  return byName.get(name);
}

/** The name of a field as it stands inside `span(…)`, or of a trace's field anywhere. */
export function bareName(field: FilterField): string {
  return field.entity === "span" ? field.name.slice(SPAN_PREFIX.length) : field.name;
}

/** A field path as it was written: `tags.env` is two parts. */
export interface PathPart {
  readonly text: string;
  /** Written in backticks or double quotes: never split, never a keyword. */
  readonly quoted: boolean;
}

/** Whose fields are meant: of the trace, or of the span that a `span(…)` is about. */
export type FieldContext = "trace" | "span";

export type ResolvedField =
  | {
      readonly kind: "field";
      readonly field: FilterField;
      readonly key?: string;
      /** Written as `attributes.x`: an attribute of any span, whatever other conditions on spans stand beside it. */
      readonly ofAnySpan?: true;
    }
  /** A keyed field without its key. */
  | { readonly kind: "key missing"; readonly field: FilterField }
  | { readonly kind: "unknown"; readonly nearest?: string };

/**
 * Keys that MLflow's grammar has for traces themselves: there `attributes.status` is the status of the trace. With any other
 * key `attributes.` means an attribute of a span.
 */
const TRACE_ATTRIBUTES = new Set([
  ...["status", "name", "request_id", "client_request_id", "run_id", "prompt"],
  ...["timestamp", "timestamp_ms", "execution_time", "execution_time_ms", "end_time", "end_time_ms"],
]);

/** Finds the field that a path names: `tags.env`, `Trace.Status`, `span.name`, ``attributes.`status` ``. */
export function resolveField(path: readonly PathPart[], context: FieldContext): ResolvedField {
  const first = path.length > 1 ? (path[0]?.text.toLowerCase() ?? "") : "";
  const rest = path.slice(1);
  if (first === "span") return resolveIn(spanSpellings, rest, SPAN_PREFIX);
  if (context === "span") return resolveIn(spanSpellings, path, "");
  if (first === "trace") return resolveIn(traceSpellings, rest, "");
  if (first === "attribute" || first === "attributes") {
    if (TRACE_ATTRIBUTES.has(joined(rest).toLowerCase())) return resolveIn(traceSpellings, rest, "");
    const attribute = resolveIn(spanSpellings, path, "");
    return attribute.kind === "field" ? { ...attribute, ofAnySpan: true } : attribute;
  }
  return resolveIn(traceSpellings, path, "");
}

function resolveIn(
  spellings: ReadonlyMap<string, FilterField>,
  parts: readonly PathPart[],
  prefix: string,
): ResolvedField {
  const keyed = spellings.get(parts[0]?.text.toLowerCase() ?? "");
  if (keyed?.keyed) {
    const key = joined(parts.slice(1));
    return key === "" ? { kind: "key missing", field: keyed } : { kind: "field", field: keyed, key };
  }
  const spelling = joined(parts).toLowerCase();
  const field = spellings.get(spelling);
  if (field !== undefined && !field.keyed) return { kind: "field", field };
  const nearest = nearestField(spellings, spelling);
  return nearest === undefined ? { kind: "unknown" } : { kind: "unknown", nearest: prefix + nearest };
}

function joined(parts: readonly PathPart[]): string {
  return parts.map((part) => part.text).join(".");
}

/** The spelling nearest to a misspelt one; of a keyed field with the key that was written. */
function nearestField(spellings: ReadonlyMap<string, FilterField>, spelling: string): string | undefined {
  const whole = nearestWord(spelling, spellings.keys());
  if (whole !== undefined) return whole;
  const dot = spelling.indexOf(".");
  if (dot === -1) return undefined;
  const head = nearestWord(spelling.slice(0, dot), spellings.keys());
  return head !== undefined && spellings.get(head)?.keyed ? head + spelling.slice(dot) : undefined;
}
