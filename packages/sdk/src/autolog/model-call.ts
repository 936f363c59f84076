/**
 * The span of one call to a model, from the request to the last chunk.
 */
import type { SpanType } from "@sightline/wire/model/span-type";
import { activeRuntime } from "../runtime.ts";
import { activeEntry, type OwnSpan, spanOf } from "../tracing/context.ts";
import { STREAM_END_ATTRIBUTE, type StreamEnd } from "../tracing/stream.ts";
import { tryBegin } from "../tracing/traced-function.ts";

/** Token counts under the names that MLflow stores. `reasoning` is part of `output`. */
export interface Usage {
  readonly input: number;
  readonly output: number;
  readonly total: number;
  readonly cacheRead?: number | undefined;
  readonly reasoning?: number | undefined;
}

/** What a response says, read from it by an operation. */
export interface ResponseFacts {
  readonly outputs: unknown;
  readonly usage?: Usage | undefined;
  readonly model?: string | undefined;
  readonly id?: string | undefined;
  readonly finishReasons?: readonly string[] | undefined;
  /** The provider reports a failure inside a successful response. */
  readonly failure?: { readonly type: string; readonly message: string } | undefined;
}

/** Puts the chunks of a stream together. */
export interface Aggregator {
  /** @returns whether the chunk carries content: text, reasoning or tool arguments */
  add(chunk: unknown): boolean;
  facts(): ResponseFacts;
  /** Characters that were left out because the answer is too long to keep. */
  readonly droppedCharacters: number;
}

export interface ModelRequest {
  /** OpenTelemetry's `gen_ai.operation.name`. */
  readonly operation: string;
  readonly spanType: SpanType;
  readonly provider: string;
  readonly model: string;
  /** Host that is called. */
  readonly host: string;
  /** MLflow's name for the shape of inputs and outputs. */
  readonly messageFormat: string;
  readonly inputs: unknown;
  /** Sampling settings and the like, as `gen_ai.request.*`. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Whether a stream was asked for. */
  readonly isStream: boolean;
}

/**
 * Begins the span of a call; undefined while tracing is off, and inside traces that are left out. The name is `{operation} {model}`, as OpenTelemetry has it.
 */
export function beginModelCall(request: ModelRequest): ModelCall | undefined {
  const runtime = activeRuntime();
  // In a trace that is left out the library's call is not even watched.
  if (runtime === undefined || spanOf(activeEntry())?.kind === "unsampled") return undefined;
  const { operation, model, provider } = request;
  const span = tryBegin("a model call", runtime, () => ({
    name: model === "" ? operation : `${operation} ${model}`,
    spanType: request.spanType,
    inputs: request.inputs,
    attributes: {
      "mlflow.message.format": request.messageFormat,
      "mlflow.llm.model": model,
      "mlflow.llm.provider": provider,
      "gen_ai.operation.name": operation,
      "gen_ai.provider.name": provider,
      "gen_ai.request.model": model,
      "server.address": request.host,
      ...request.parameters,
    },
  }));
  return span && new ModelCall(span, request);
}

/** A call under way. Ending it twice does nothing: whatever is seen first counts. */
export class ModelCall {
  readonly #span: OwnSpan;
  readonly #request: ModelRequest;
  readonly #startedAt = performance.now();
  #hasFirstToken = false;

  constructor(span: OwnSpan, request: ModelRequest) {
    this.#span = span;
    this.#request = request;
  }

  /** Whether a stream was asked for. */
  get isStream(): boolean {
    return this.#request.isStream;
  }

  /** Runs work of the library with the call's span as the current one. */
  run<T>(work: () => T): T {
    return this.#span.run(work);
  }

  /** The answer has come. */
  succeed(facts: ResponseFacts): void {
    this.#describe(facts);
    if (facts.failure) {
      this.#span.setAttribute("error.type", facts.failure.type).setStatus("ERROR", facts.failure.message);
    }
    this.#span.end();
  }

  /** The first chunk with content has come. */
  noteFirstToken(): void {
    if (this.#hasFirstToken) return;
    this.#hasFirstToken = true;
    this.#span.addEvent("first_token");
    this.#span.setAttribute("gen_ai.response.time_to_first_chunk", (performance.now() - this.#startedAt) / 1000);
  }

  /** The stream ended; what came until then is its output. */
  endStream(end: StreamEnd, aggregator: Aggregator): void {
    this.#describeStream(aggregator);
    if (end !== "complete") this.#span.setAttribute(STREAM_END_ATTRIBUTE, end);
    this.succeed(aggregator.facts());
  }

  /** The stream broke; what came until then is its output. */
  failStream(error: unknown, aggregator: Aggregator): void {
    this.#describeStream(aggregator);
    this.#describe(aggregator.facts());
    this.#span.setAttribute(STREAM_END_ATTRIBUTE, "error");
    this.fail(error);
  }

  /** The call failed. */
  fail(error: unknown): void {
    const { status, requestID } = (error ?? {}) as { status?: unknown; requestID?: unknown };
    if (typeof status === "number") this.#span.setAttribute("http.response.status_code", status);
    if (typeof requestID === "string") this.#span.setAttribute("sightline.provider.request_id", requestID);
    this.#span.recordException(error);
    this.#span.end();
  }

  /** Only the raw response was taken; its body is the user's. */
  endRaw(status: number): void {
    this.#span.setAttribute("http.response.status_code", status);
    this.#span.end();
  }

  /** Nobody took the answer. */
  abandon(): void {
    this.#span.setAttribute(STREAM_END_ATTRIBUTE, "abandoned");
    this.#span.end();
  }

  #describeStream({ droppedCharacters }: Aggregator): void {
    if (droppedCharacters > 0) this.#span.setAttribute("sightline.stream.dropped_characters", droppedCharacters);
  }

  #describe({ outputs, usage, model, id, finishReasons }: ResponseFacts): void {
    this.#span.setOutputs(outputs).setAttributes({
      "gen_ai.response.model": model,
      "gen_ai.response.id": id,
      "gen_ai.response.finish_reasons": finishReasons?.length ? [...finishReasons] : undefined,
    });
    if (usage === undefined) {
      // The server may estimate; it must be able to tell "not counted" from "zero".
      this.#span.setAttribute("sightline.usage", "missing");
      return;
    }
    this.#span.setAttributes({
      "mlflow.chat.tokenUsage": {
        input_tokens: usage.input,
        output_tokens: usage.output,
        total_tokens: usage.total,
        ...(usage.cacheRead !== undefined && { cache_read_input_tokens: usage.cacheRead }),
      },
      "gen_ai.usage.reasoning.output_tokens": usage.reasoning,
    });
  }
}
