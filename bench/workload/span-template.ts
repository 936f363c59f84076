/**
 * Spans as protobuf bytes with gaps: encoded once by the project's codec, then filled in place for every trace.
 *
 * A span has 1,375 bytes of inputs and outputs (11 KB a trace) in fields of fixed length; a trace is about 13 KB of OTLP.
 */
import { encodeExportRequest } from "@sightline/wire/otlp/protobuf";
import type { OtlpSpan } from "@sightline/wire/otlp/span";
import { agents, models, SPANS_PER_TRACE } from "./traces.ts";

/** Whose attribute names: MLflow's (read by MLflow and Sightline) or OpenInference's (read by Phoenix and Sightline). */
export type Dialect = "mlflow" | "openinference";

export interface TextGap {
  /** Which of the trace's texts stands here; gaps with the same number get the same text. */
  readonly text: number;
  /** A document that other traces hold too. */
  readonly isDocument: boolean;
  readonly offset: number;
  readonly length: number;
}

export interface SpanTemplate {
  /** A span of `ScopeSpans.spans` with its tag and length: templates can be put one after the other. */
  readonly bytes: Buffer;
  readonly isRoot: boolean;
  /** Position of the parent in the trace; -1 for the root. */
  readonly parent: number;
  /** Where things stand in `bytes`; absent when the span has none. */
  readonly traceId: number;
  readonly spanId: number;
  readonly parentSpanId: number | undefined;
  /** fixed64, little endian. */
  readonly start: number;
  readonly end: number;
  readonly eventTime: number | undefined;
  readonly session: number;
  readonly user: number;
  readonly env: number | undefined;
  readonly severity: number | undefined;
  readonly inputs: TextGap;
  readonly outputs: TextGap;
}

export interface TraceTemplate {
  readonly spans: readonly SpanTemplate[];
  /** Bytes of all spans. */
  readonly length: number;
}

const PAYLOAD_BYTES = { inputs: 700, outputs: 675 };

/**
 * The steps of every trace, in order, and the texts they carry. As in real agents a text travels: the question goes from the root
 * into the plan, documents from the retriever through the ranking into the prompt, the answer back to the root. 7 of 16 texts
 * are new, and the documents come from a knowledge base of 3,000; that and the vocabulary decide how well payloads compress.
 */
const steps = [
  { name: "", type: "AGENT", parent: -1, inputs: "question", outputs: "answer" },
  { name: "plan", type: "CHAIN", parent: 0, inputs: "question", outputs: "plan" },
  { name: "chat gateway", type: "CHAT_MODEL", parent: 1, inputs: "question", outputs: "plan" },
  { name: "retrieve documents", type: "RETRIEVER", parent: 0, inputs: "search", outputs: "documents" },
  { name: "chat gateway", type: "CHAT_MODEL", parent: 0, inputs: "documents", outputs: "call" },
  { name: "look_up_order", type: "TOOL", parent: 4, inputs: "arguments", outputs: "result" },
  { name: "rerank", type: "RERANKER", parent: 3, inputs: "documents", outputs: "documents" },
  { name: "write answer", type: "CHAT_MODEL", parent: 0, inputs: "documents", outputs: "answer" },
] as const;
const texts = ["question", "answer", "plan", "search", "documents", "call", "arguments", "result"] as const;

/** The step that fails in failed traces, and with it the root. */
const FAILING_STEP = 5;

const systemPrompts = agents.map(
  (agent) =>
    `You are the ${agent} of a shop. Answer in two sentences, name the source of every number, ask back when an order id is missing, never promise a refund.`,
);

/** Stand in the template where later every trace has its own. None is part of another or of the rest. */
const gap = {
  traceId: "f0e1d2c3b4a5968778695a4b3c2d1e0f",
  spanId: "a1b2c3d4e5f60718",
  parentSpanId: "b7c6d5e4f3021928",
  start: 0x1111_2222_3333_4444n,
  end: 0x1111_2222_3333_5555n,
  eventTime: 0x1111_2222_3333_6666n,
  session: "s-@@session@",
  user: "u-@user@",
  env: "@@env@",
  severity: "@sev",
};

const cache = new Map<string, TraceTemplate>();

/** The template of a trace; made at its first use. */
export function traceTemplate(dialect: Dialect, agent: number, model: number, failed: boolean): TraceTemplate {
  const key = `${dialect} ${agent} ${model} ${failed}`;
  const known = cache.get(key);
  if (known) return known;
  const spans = steps.map((_, index) => makeTemplate(makeSpan(dialect, agent, model, failed, index), index));
  const made = { spans, length: spans.reduce((sum, { bytes }) => sum + bytes.length, 0) };
  cache.set(key, made);
  return made;
}

/** `ExportTraceServiceRequest` down to the beginning of its spans, which take `spanBytes` bytes. */
export function requestHead(spanBytes: number): Buffer {
  const { resource, scope } = heads();
  const inScope = scope.length + spanBytes;
  const inResource = resource.length + 1 + varint(inScope).length + inScope;
  // Field 1 of the request, then field 2 of ResourceSpans: both are messages (opentelemetry-proto, trace/v1/trace.proto).
  return Buffer.concat([Buffer.of(0x0a), varint(inResource), resource, Buffer.of(0x12), varint(inScope), scope]);
}

function makeSpan(dialect: Dialect, agent: number, model: number, failed: boolean, index: number): OtlpSpan {
  const step = steps[index] as (typeof steps)[number];
  const fails = failed && (index === FAILING_STEP || index === 0);
  return {
    traceId: gap.traceId,
    spanId: gap.spanId,
    parentSpanId: step.parent === -1 ? "" : gap.parentSpanId,
    name: step.name || (agents[agent] as string),
    kind: 1,
    startTimeUnixNano: gap.start,
    endTimeUnixNano: gap.end,
    statusCode: fails ? 2 : 1,
    statusMessage: fails ? "OrderNotFound: the order service answered 404" : "",
    attributes: attributesOf(dialect, { agent, model, index, type: step.type }),
    events: fails
      ? [
          {
            name: "exception",
            timeUnixNano: gap.eventTime,
            attributes: {
              "exception.type": "OrderNotFound",
              "exception.message": "the order service answered 404",
              "exception.stacktrace": "OrderNotFound: the order service answered 404\n    at lookUp (orders.ts:42:11)",
            },
          },
        ]
      : [],
    links: [],
  };
}

interface Step {
  readonly agent: number;
  readonly model: number;
  readonly index: number;
  readonly type: string;
}

function attributesOf(dialect: Dialect, { agent, model, index, type }: Step): OtlpSpan["attributes"] {
  const isChat = type === "CHAT_MODEL";
  const ask = isChat ? { role: "system", content: systemPrompts[agent] } : undefined;
  const inputs = payload(PAYLOAD_BYTES.inputs, (text) =>
    ask ? { messages: [ask, { role: "user", content: text }] } : { query: text, limit: 5 },
  );
  const outputs = payload(PAYLOAD_BYTES.outputs, (text) =>
    isChat ? { role: "assistant", content: text } : { documents: [text] },
  );
  const tokens = { input: 900 + 37 * agent + 11 * index, output: 120 + 13 * model + 7 * index };
  if (dialect === "mlflow") {
    return {
      "mlflow.spanType": type,
      "mlflow.spanInputs": inputs,
      "mlflow.spanOutputs": outputs,
      "session.id": gap.session,
      "user.id": gap.user,
      ...(isChat && {
        "mlflow.llm.model": models[model] as string,
        "mlflow.chat.tokenUsage": JSON.stringify({
          input_tokens: tokens.input,
          output_tokens: tokens.output,
          total_tokens: tokens.input + tokens.output,
        }),
      }),
      ...(index === 0 && { "mlflow.traceTag.env": gap.env, "mlflow.traceTag.severity": gap.severity }),
    };
  }
  return {
    "openinference.span.kind": isChat ? "LLM" : type,
    "input.value": inputs,
    "input.mime_type": "application/json",
    "output.value": outputs,
    "output.mime_type": "application/json",
    "session.id": gap.session,
    "user.id": gap.user,
    ...(isChat && {
      "llm.model_name": models[model] as string,
      "llm.token_count.prompt": tokens.input,
      "llm.token_count.completion": tokens.output,
      "llm.token_count.total": tokens.input + tokens.output,
    }),
    // OpenInference's way to tag: a JSON object on the root.
    ...(index === 0 && { metadata: JSON.stringify({ env: gap.env, severity: gap.severity }) }),
  };
}

/** Characters that no other part of a span has, to find the gap by. */
const TEXT_GAP = "\u007f";

/** JSON text of `bytes` bytes in all, whose text is a gap. */
function payload(bytes: number, wrap: (text: string) => unknown): string {
  return JSON.stringify(wrap(TEXT_GAP.repeat(bytes - JSON.stringify(wrap("")).length)));
}

function makeTemplate(span: OtlpSpan, index: number): SpanTemplate {
  const encoded = Buffer.from(encodeExportRequest([{ ...group, spans: [span] }]));
  const { spans } = split(encoded);
  const bytes = Buffer.from(spans);
  const find = (needle: Buffer | string): number | undefined => {
    const at = bytes.indexOf(needle);
    return at === -1 ? undefined : at;
  };
  const must = (what: string, needle: Buffer | string): number => {
    const at = find(needle);
    if (at === undefined) throw new Error(`the encoded span ${index} does not hold its ${what}`);
    return at;
  };
  const step = steps[index] as (typeof steps)[number];
  const gaps = textGaps(bytes);
  const [inputs, outputs] = gaps;
  if (!inputs || !outputs || gaps.length !== 2) throw new Error(`span ${index} has ${gaps.length} texts, not 2`);
  return {
    bytes,
    isRoot: index === 0,
    parent: step.parent,
    traceId: must("trace id", Buffer.from(gap.traceId, "hex")),
    spanId: must("span id", Buffer.from(gap.spanId, "hex")),
    parentSpanId: find(Buffer.from(gap.parentSpanId, "hex")),
    start: must("start", fixed64(gap.start)),
    end: must("end", fixed64(gap.end)),
    eventTime: find(fixed64(gap.eventTime)),
    session: must("session", gap.session),
    user: must("user", gap.user),
    env: find(gap.env),
    severity: find(gap.severity),
    inputs: { ...inputs, text: texts.indexOf(step.inputs), isDocument: step.inputs === "documents" },
    outputs: { ...outputs, text: texts.indexOf(step.outputs), isDocument: step.outputs === "documents" },
  };
}

function textGaps(bytes: Buffer): Pick<TextGap, "offset" | "length">[] {
  const gaps: Pick<TextGap, "offset" | "length">[] = [];
  const mark = TEXT_GAP.charCodeAt(0);
  for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at)) {
    let end = at;
    while (bytes[end] === mark) end += 1;
    // A length or number may have the same byte value; a text is long.
    if (end - at > 100) gaps.push({ offset: at, length: end - at });
    at = end;
  }
  return gaps;
}

const group = { resource: { "service.name": "bench" }, scope: { name: "bench", version: "1" } };

interface Parts {
  /** Field 1 of ResourceSpans. */
  readonly resource: Buffer;
  /** Field 1 of ScopeSpans. */
  readonly scope: Buffer;
  /** All of field 2 of ScopeSpans. */
  readonly spans: Buffer;
}

let known: Parts | undefined;
function heads(): Parts {
  known ??= split(Buffer.from(encodeExportRequest([{ ...group, spans: [makeSpan("mlflow", 0, 0, false, 0)] }])));
  return known;
}

/** Takes a request of one group apart. The codec writes fields in the order of their numbers. */
function split(request: Buffer): Parts {
  const resourceStart = bodyOf(request, 0);
  const scopeSpans = endOf(request, resourceStart);
  const scopeStart = bodyOf(request, scopeSpans);
  const spans = endOf(request, scopeStart);
  return {
    resource: request.subarray(resourceStart, scopeSpans),
    scope: request.subarray(scopeStart, spans),
    spans: request.subarray(spans),
  };
}

/** Where the message begins whose tag is at `at`. Tags of fields below 16 take one byte. */
function bodyOf(bytes: Buffer, at: number): number {
  return readVarint(bytes, at + 1).next;
}

/** Where the message ends whose tag is at `at`. */
function endOf(bytes: Buffer, at: number): number {
  const { value, next } = readVarint(bytes, at + 1);
  return next + value;
}

function readVarint(bytes: Buffer, at: number): { readonly value: number; readonly next: number } {
  let value = 0;
  let next = at;
  for (let scale = 1; ; scale *= 0x80) {
    const byte = bytes.readUInt8(next);
    next += 1;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, next };
  }
}

function fixed64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

if (steps.length !== SPANS_PER_TRACE) throw new Error("the steps of a trace are not as many as traces.ts says");
