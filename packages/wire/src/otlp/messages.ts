/**
 * The OTLP trace messages as field tables: field number → name and type. Both codecs walk them; no code is generated.
 *
 * Only fields that Sightline keeps are listed. Others (`flags`, `trace_state`, `dropped_*_count`, `schema_url`) are skipped as
 * unknown fields. Names are those of OTLP/JSON; on input the snake_case of the .proto files is accepted too.
 *
 * @see https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/collector/trace/v1/trace_service.proto
 * @see https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/trace/v1/trace.proto
 * @see https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/common/v1/common.proto
 */
import type { Attributes } from "./span.ts";

/**
 * Scalar types. `id` is `bytes` in protobuf and hex in JSON; `attributes` is `repeated KeyValue`, read into a record;
 * the enums are numbers in the model.
 */
export interface ScalarValues {
  string: string;
  id: string;
  fixed64: bigint;
  int64: number | bigint;
  SpanKind: number;
  StatusCode: number;
  attributes: Attributes;
}

interface Field {
  readonly name: string;
  readonly type: keyof ScalarValues | (string & {});
  readonly repeated?: true;
}

/** A message: fields by number, in the order they are written. */
export type MessageTable = { readonly [number: number]: Field };

export const messages = {
  // trace_service.proto
  ExportTraceServiceRequest: {
    1: { name: "resourceSpans", type: "ResourceSpans", repeated: true },
  },
  ExportTraceServiceResponse: {
    1: { name: "partialSuccess", type: "ExportTracePartialSuccess" },
  },
  ExportTracePartialSuccess: {
    1: { name: "rejectedSpans", type: "int64" },
    2: { name: "errorMessage", type: "string" },
  },
  // trace.proto
  ResourceSpans: {
    1: { name: "resource", type: "Resource" },
    2: { name: "scopeSpans", type: "ScopeSpans", repeated: true },
  },
  ScopeSpans: {
    1: { name: "scope", type: "InstrumentationScope" },
    2: { name: "spans", type: "Span", repeated: true },
  },
  Span: {
    1: { name: "traceId", type: "id" },
    2: { name: "spanId", type: "id" },
    4: { name: "parentSpanId", type: "id" },
    5: { name: "name", type: "string" },
    6: { name: "kind", type: "SpanKind" },
    7: { name: "startTimeUnixNano", type: "fixed64" },
    8: { name: "endTimeUnixNano", type: "fixed64" },
    9: { name: "attributes", type: "attributes" },
    11: { name: "events", type: "Event", repeated: true },
    13: { name: "links", type: "Link", repeated: true },
    15: { name: "status", type: "Status" },
  },
  Event: {
    1: { name: "timeUnixNano", type: "fixed64" },
    2: { name: "name", type: "string" },
    3: { name: "attributes", type: "attributes" },
  },
  Link: {
    1: { name: "traceId", type: "id" },
    2: { name: "spanId", type: "id" },
    4: { name: "attributes", type: "attributes" },
  },
  Status: {
    2: { name: "message", type: "string" },
    3: { name: "code", type: "StatusCode" },
  },
  // resource.proto, common.proto
  Resource: {
    1: { name: "attributes", type: "attributes" },
  },
  InstrumentationScope: {
    1: { name: "name", type: "string" },
    2: { name: "version", type: "string" },
  },
} as const satisfies Record<string, MessageTable>;

export type MessageName = keyof typeof messages;

type FieldOf<M extends MessageName> = (typeof messages)[M][keyof (typeof messages)[M]];
type One<F> = F extends { type: infer T }
  ? T extends keyof ScalarValues
    ? ScalarValues[T]
    : T extends MessageName
      ? Message<T>
      : never
  : never;
type Value<F> = F extends { repeated: true }
  ? readonly One<F>[]
  : F extends { type: MessageName }
    ? One<F> | undefined
    : One<F>;

/** The value of a message, typed by its table: absent scalars have proto3 defaults, absent messages are undefined. */
export type Message<M extends MessageName> = {
  [F in FieldOf<M> as F extends { name: infer N extends string } ? N : never]: Value<F>;
};

/** `AnyValue`, `ArrayValue`, `KeyValueList` and `KeyValue` are read straight into JavaScript values. */
export const anyValue = {
  stringValue: 1,
  boolValue: 2,
  intValue: 3,
  doubleValue: 4,
  arrayValue: 5,
  kvlistValue: 6,
  bytesValue: 7,
} as const;
/** `repeated … values` of `ArrayValue` and `KeyValueList`. */
export const LIST_VALUES = 1;
export const keyValue = { key: 1, value: 2 } as const;

/** Names that OTLP/JSON input may use in place of the numbers. */
export const enumNames = {
  SpanKind: [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
  ],
  StatusCode: ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"],
} as const;

/** Levels of AnyValue inside AnyValue that are read; deeper nesting is refused so that a small body cannot exhaust the stack. */
export const MAX_VALUE_DEPTH = 64;

/**
 * Spans, events, links and their wrappers in one request. An empty one takes two bytes on the wire and some two hundred in
 * memory, so the size of the body alone does not bound what reading it costs. Exporters send some thousands.
 */
export const MAX_MESSAGES = 500_000;
