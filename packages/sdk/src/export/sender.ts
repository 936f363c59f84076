/**
 * OTLP over HTTP: one request at a time on a kept connection, tried again while the server is away.
 *
 * `node:http` rather than `fetch`: programs replace and observe `fetch`, and its sockets cannot be kept from holding a process
 * open.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
 */
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import { context, createContextKey } from "@opentelemetry/api";
import { parseJson } from "@sightline/wire/json";
import { decodeExportResponse } from "@sightline/wire/otlp/protobuf";
import type { Config } from "../config.ts";

/** What became of a request. */
export type Outcome =
  | { readonly kind: "accepted"; readonly rejectedSpans: number; readonly message: string }
  /** The server said no for good. */
  | { readonly kind: "refused"; readonly status: number; readonly message: string }
  /** `deliver` was told to give up. */
  | { readonly kind: "given-up" };

export interface SenderEvents {
  /** A try failed and another will follow in `delayMs`. */
  onRetry(reason: string, delayMs: number): void;
}

/** Statuses that OTLP calls retryable. */
const RETRYABLE = new Set([429, 502, 503, 504]);
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 10_000;
/** A server that asks for more is asked again earlier: it may have come back. */
const MAX_RETRY_AFTER_MS = 60_000;
/** No answer within it counts as a broken connection. The server's own writes are bounded at less. */
const ANSWER_TIMEOUT_MS = 15_000;
/** A host that swallows packets: connecting holds the process open, and no telemetry is worth that. */
const CONNECT_TIMEOUT_MS = 3_000;
/** Answers are empty or a sentence. */
const MAX_ANSWER_BYTES = 64 * 1024;

const compress = promisify(gzip);

// The key that OpenTelemetry's instrumentations look for: a program that traces its HTTP calls is not to trace ours. By name,
// because @opentelemetry/core exports it only as a function.
const SUPPRESS_TRACING = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

/** Sends export requests to one server. */
export class Sender {
  readonly url: URL;
  readonly #headers: Record<string, string>;
  readonly #agent: HttpAgent;
  readonly #events: SenderEvents;
  #wait: { readonly finish: () => void } | undefined;

  constructor(config: Pick<Config, "url" | "experiment" | "apiKey">, events: SenderEvents) {
    this.url = new URL(`${config.url}/v1/traces`);
    this.#headers = requestHeaders(config);
    // keepAlive as a setting of the agent: a new connection for each request costs more than the request.
    this.#agent = new (this.url.protocol === "https:" ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 1 });
    this.#events = events;
  }

  /** Headers of every request but those about the body. */
  get headers(): Readonly<Record<string, string>> {
    return this.#headers;
  }

  /**
   * Sends a request and waits for the answer, as long as it takes: connection errors and retryable statuses are tried again with
   * growing pauses, or after what Retry-After says. Never rejects for reasons of the network.
   *
   * @param signal  gives up
   */
  async deliver(body: Uint8Array, signal: AbortSignal): Promise<Outcome> {
    const compressed = await compress(body, { level: constants.Z_BEST_SPEED });
    for (let attempt = 0; ; attempt++) {
      if (signal.aborted) return { kind: "given-up" };
      let result = await this.#post(compressed, signal).catch((error: Error) => error);
      // The server closed a kept connection at the moment it was used again: no sign of trouble.
      if (result instanceof StaleConnection)
        result = await this.#post(compressed, signal).catch((error: Error) => error);
      if (signal.aborted) return { kind: "given-up" };
      if (!(result instanceof Error) && !RETRYABLE.has(result.status)) return toOutcome(result);
      const delayMs = retryDelay(attempt, result instanceof Error ? undefined : result.retryAfter);
      this.#events.onRetry(result instanceof Error ? reasonOf(result) : `status ${result.status}`, delayMs);
      await this.#pause(delayMs, signal);
    }
  }

  /** Ends the pause before the next try, if there is one. */
  hurry(): void {
    this.#wait?.finish();
  }

  /** Closes kept connections. */
  close(): void {
    this.#agent.destroy();
  }

  #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", finish);
        this.#wait = undefined;
        resolve();
      };
      const timer = setTimeout(finish, delayMs).unref();
      signal.addEventListener("abort", finish);
      this.#wait = { finish };
    });
  }

  #post(body: Buffer, signal: AbortSignal): Promise<Answer> {
    return context.with(context.active().setValue(SUPPRESS_TRACING, true), () => this.#request(body, signal));
  }

  #request(body: Buffer, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const send = this.url.protocol === "https:" ? requestHttps : requestHttp;
      const headers = { ...this.#headers, "content-encoding": "gzip", "content-length": body.length };
      const request = send(this.url, { method: "POST", agent: this.#agent, headers, signal });
      const answered = setTimeout(() => request.destroy(new Error("no answer")), ANSWER_TIMEOUT_MS).unref();
      const done = (): void => clearTimeout(answered);
      request.on("socket", (socket) => {
        socket.unref();
        if (!socket.connecting) return;
        const connected = setTimeout(() => request.destroy(new Error("no connection")), CONNECT_TIMEOUT_MS).unref();
        socket.once("connect", () => clearTimeout(connected));
        socket.once("close", () => clearTimeout(connected));
      });
      request.on("error", (error) => {
        done();
        const isStale = request.reusedSocket && (error as NodeJS.ErrnoException).code === "ECONNRESET";
        reject(isStale ? new StaleConnection(error.message, { cause: error }) : error);
      });
      request.on("response", (response) => readAnswer(response).then(resolve, reject).finally(done));
      request.end(body);
    });
  }
}

class StaleConnection extends Error {}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
  readonly retryAfter: string | undefined;
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    // The rest is read and thrown away, so that the connection can be used again.
    if (length < MAX_ANSWER_BYTES) chunks.push(chunk);
    length += chunk.length;
  }
  return {
    status: response.statusCode ?? 0,
    body: Buffer.concat(chunks),
    retryAfter: response.headers["retry-after"],
  };
}

function requestHeaders({ experiment, apiKey }: Pick<Config, "experiment" | "apiKey">): Record<string, string> {
  return {
    "content-type": "application/x-protobuf",
    ...(experiment !== undefined && { "x-sightline-experiment": encodeHeader(experiment) }),
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  };
}

/** Header values are ASCII; names of experiments are any text. The server undoes percent-encoding. */
function encodeHeader(text: string): string {
  return /^[\x20-\x24\x26-\x7e]*$/.test(text) ? text : encodeURIComponent(text);
}

function toOutcome({ status, body }: Answer): Outcome {
  if (status < 200 || status > 299) return { kind: "refused", status, message: errorText(body) };
  try {
    const partial = body.length === 0 ? undefined : decodeExportResponse(body);
    return { kind: "accepted", rejectedSpans: partial?.rejectedSpans ?? 0, message: partial?.errorMessage ?? "" };
  } catch {
    // A proxy's page with status 200: nobody kept the spans.
    return { kind: "refused", status, message: "The answer is not OTLP; is there a Sightline server at this address?" };
  }
}

/** The sentence in an error answer: Sightline's and MLflow's are JSON with a message; of others the beginning is shown. */
function errorText(body: Buffer): string {
  const text = body.toString("utf8");
  const answer = parseJson(text) as { message?: unknown; error?: { message?: unknown } } | null | undefined;
  const sentence = answer?.error?.message ?? answer?.message;
  return typeof sentence === "string" ? sentence : text.replace(/\p{Cc}+/gu, " ").slice(0, 200);
}

function reasonOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message;
}

/** Milliseconds until the next try; half of it by chance, so that many programs do not come back at the same moment. */
function retryDelay(attempt: number, retryAfter: string | undefined): number {
  const asked = retryAfter === undefined ? undefined : retryAfterMs(retryAfter);
  if (asked !== undefined) return Math.min(asked, MAX_RETRY_AFTER_MS);
  const most = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 10));
  return most / 2 + (Math.random() * most) / 2;
}

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 */
function retryAfterMs(value: string): number | undefined {
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
