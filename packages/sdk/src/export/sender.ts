/**
 * HTTP to the server: one request at a time on a kept connection, tried again while the server is away.
 *
 * `node:http` rather than `fetch`: programs replace and observe `fetch`, and its sockets cannot be kept from holding a process
 * open.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
 */
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { context, createContextKey } from "@opentelemetry/api";

/** A request to the server. */
export interface OutgoingRequest {
  readonly method: "POST" | "PUT";
  /** At the sender's server. */
  readonly url: URL;
  /** Beside `authorization` and `content-length`. */
  readonly headers: Readonly<Record<string, string>>;
  /** In chunks; kept until the answer is there. */
  readonly body: readonly Uint8Array[];
  /** How long the answer may take, sending included; default 15,000. */
  readonly answerTimeoutMs?: number;
}

/** What a server said for good. */
export interface Answer {
  readonly status: number;
  /** At most 64 KiB of it. */
  readonly body: Buffer;
}

export interface SenderOptions {
  /** Address of the server. */
  readonly url: string;
  readonly apiKey?: string | undefined;
  /** A try failed and another will follow in `delayMs`. */
  readonly onRetry: (reason: string, delayMs: number) => void;
}

/** Statuses that OTLP calls retryable, on our own routes too. */
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

// The key that OpenTelemetry's instrumentations look for: a program that traces its HTTP calls is not to trace ours. By name,
// because @opentelemetry/core exports it only as a function.
const SUPPRESS_TRACING = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

/** Sends requests to one server, one after the other. */
export class Sender {
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent: HttpAgent;
  readonly #options: SenderOptions;
  #wait: { readonly finish: () => void } | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
    // keepAlive as a setting of the agent: a new connection for each request costs more than the request.
    this.#agent = new (options.url.startsWith("https:") ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 1 });
    this.#headers = options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` };
  }

  /** Headers that every request gets. */
  get headers(): Readonly<Record<string, string>> {
    return this.#headers;
  }

  /**
   * Sends a request and waits for the answer, as long as it takes: connection errors and retryable statuses are tried again with
   * growing pauses, or after what Retry-After says. Never rejects for reasons of the network.
   *
   * @param signal  gives up
   * @returns undefined when it was given up
   */
  async send(request: OutgoingRequest, signal: AbortSignal): Promise<Answer | undefined> {
    for (let attempt = 0; ; attempt++) {
      if (signal.aborted) return undefined;
      let result = await this.#try(request, signal).catch((error: Error) => error);
      // The server closed a kept connection at the moment it was used again: no sign of trouble.
      if (result instanceof StaleConnection) result = await this.#try(request, signal).catch((error: Error) => error);
      if (signal.aborted) return undefined;
      if (!(result instanceof Error) && !RETRYABLE.has(result.status)) return result;
      const delayMs = retryDelay(attempt, result instanceof Error ? undefined : result.retryAfter);
      this.#options.onRetry(result instanceof Error ? reasonOf(result) : `status ${result.status}`, delayMs);
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

  #try(request: OutgoingRequest, signal: AbortSignal): Promise<FirstAnswer> {
    return context.with(context.active().setValue(SUPPRESS_TRACING, true), () => this.#exchange(request, signal));
  }

  #exchange(
    { method, url, headers, body, answerTimeoutMs = ANSWER_TIMEOUT_MS }: OutgoingRequest,
    signal: AbortSignal,
  ): Promise<FirstAnswer> {
    return new Promise((resolve, reject) => {
      const send = url.protocol === "https:" ? requestHttps : requestHttp;
      const length = body.reduce((sum, chunk) => sum + chunk.length, 0);
      const request = send(url, {
        method,
        agent: this.#agent,
        headers: { ...this.#headers, ...headers, "content-length": length },
        signal,
      });
      const answered = setTimeout(() => request.destroy(new Error("no answer")), answerTimeoutMs).unref();
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
        const isStale = request.reusedSocket && CLOSED.has((error as NodeJS.ErrnoException).code);
        reject(isStale ? new StaleConnection(error.message, { cause: error }) : error);
      });
      request.on("response", (response) => readAnswer(response).then(resolve, reject).finally(done));
      for (const chunk of body) request.write(chunk);
      request.end();
    });
  }
}

/** What a write to a connection fails with that the other side has closed. */
const CLOSED = new Set<string | undefined>(["ECONNRESET", "EPIPE"]);

class StaleConnection extends Error {}

interface FirstAnswer extends Answer {
  readonly retryAfter: string | undefined;
}

async function readAnswer(response: IncomingMessage): Promise<FirstAnswer> {
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
