/**
 * A typed fetch client made from the endpoint tables: one method for each endpoint, named by its id.
 *
 * ```ts
 * const client = createClient({ baseUrl: "http://127.0.0.1:5500" });
 * const { traces } = await client.searchTraces({ body: { filter: "status = 'ERROR'" } });
 * ```
 */
import type * as z from "zod/mini";
import { type ErrorCode, errorTable, SightlineError } from "../errors.ts";
import { parseJson, stringifyJson } from "../json.ts";
import type { Endpoint, EndpointOutput } from "./endpoint.ts";
import { endpoints } from "./registry.ts";

export interface ClientOptions {
  /** Address of the server, e.g. `http://127.0.0.1:5500`; "" = the origin of the page. */
  readonly baseUrl: string;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Sent with every call, e.g. `{ authorization: "Bearer …" }`. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface CallOptions {
  /** Gives the call up; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What an endpoint declares of one part; a part whose fields are all optional may be left out itself. */
type Part<E, Key extends "params" | "query" | "body"> = E extends { readonly [K in Key]: infer S extends z.ZodMiniType }
  ? Record<never, never> extends z.input<S>
    ? { readonly [K in Key]?: z.input<S> }
    : { readonly [K in Key]: z.input<S> }
  : unknown;
/** A body of bytes; `contentType` says what they are. */
type BytesPart<E> = E extends { readonly body: "bytes" }
  ? { readonly body: Uint8Array<ArrayBuffer> | Blob; readonly contentType?: string }
  : unknown;
/** What a call takes: those of `params`, `query` and `body` that its endpoint declares. */
export type CallInput<E extends Endpoint> = Part<E, "params"> & Part<E, "query"> & Part<E, "body"> & BytesPart<E>;

type Call<E extends Endpoint> =
  Record<never, never> extends CallInput<E>
    ? (
        input?: unknown extends CallInput<E> ? undefined : CallInput<E>,
        options?: CallOptions,
      ) => Promise<EndpointOutput<E>>
    : (input: CallInput<E>, options?: CallOptions) => Promise<EndpointOutput<E>>;

/**
 * One method for each endpoint. A method rejects with a {@link SightlineError}: the server's own (its `details` gain the
 * `requestId`), or SERVER_UNREACHABLE when there is no answer.
 */
export type ApiClient = { readonly [Id in keyof typeof endpoints]: Call<(typeof endpoints)[Id]> };

/** Makes a client; nothing is sent until a method is called. */
export function createClient(options: ClientOptions): ApiClient {
  const calls: Record<string, (input?: UntypedInput, callOptions?: CallOptions) => Promise<unknown>> = {};
  for (const [id, endpoint] of Object.entries(endpoints)) {
    calls[id] = (input = {}, callOptions = {}) => call(endpoint, input, options, callOptions);
  }
  // Each method was made from the endpoint of its own key; what it answers is what that endpoint declares.
  return calls as unknown as ApiClient;
}

interface UntypedInput {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
}

async function call(endpoint: Endpoint, input: UntypedInput, client: ClientOptions, { signal }: CallOptions) {
  const path = fillPath(endpoint.path, input.params) + queryString(input.query);
  const init = { method: endpoint.method, ...contentOf(endpoint, input), ...(signal && { signal }) };
  if (endpoint.response === "bytes") return await fetchStream(client, path, init);
  const send = client.fetch ?? globalThis.fetch;
  let response: Response;
  let text: string;
  try {
    response = await send(client.baseUrl.replace(/\/$/, "") + path, {
      ...init,
      headers: { ...init.headers, ...client.headers },
    });
    text = await response.text();
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw unreachable(client, cause);
  }
  const answer = parseJson(text);
  if (!response.ok) throw toError(response, answer);
  if (answer === undefined) {
    throw new SightlineError(
      "SERVER_UNREACHABLE",
      `${client.baseUrl || "The server"} answered ${endpoint.path} with something that is not JSON. Is it a Sightline server?`,
    );
  }
  return answer;
}

/** The body of a call with its type. */
function contentOf(
  endpoint: Endpoint,
  input: UntypedInput,
): { headers?: Record<string, string>; body?: NonNullable<RequestInit["body"]> } {
  if (endpoint.body === undefined) return {};
  if (endpoint.body === "bytes") {
    // `CallInput` lets nothing else through.
    const body = input.body as Uint8Array<ArrayBuffer> | Blob;
    return { headers: input.contentType === undefined ? {} : { "content-type": input.contentType }, body };
  }
  return { headers: { "content-type": "application/json" }, body: stringifyJson(input.body ?? {}) };
}

/**
 * Sends a request whose body or answer is a stream, e.g. an export.
 *
 * @param path  with its query
 * @returns an answer that is no error; its body has not been read
 * @throws the server's own {@link SightlineError}, or SERVER_UNREACHABLE when there is no answer
 */
export async function fetchStream(client: ClientOptions, path: string, init: RequestInit = {}): Promise<Response> {
  const send = client.fetch ?? globalThis.fetch;
  let response: Response;
  try {
    response = await send(client.baseUrl.replace(/\/$/, "") + path, {
      ...init,
      headers: { ...client.headers, ...(init.headers as Record<string, string> | undefined) },
    });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw unreachable(client, cause);
  }
  if (response.ok) return response;
  throw toError(response, parseJson(await response.text()));
}

function unreachable(client: ClientOptions, cause: unknown): SightlineError {
  return new SightlineError(
    "SERVER_UNREACHABLE",
    `Sightline does not answer at ${client.baseUrl || "its address"}. Check that the server runs.`,
    { cause },
  );
}

/** A path with its `:name` segments filled in, percent-encoded. */
export function fillPath(path: string, params: UntypedInput["params"]): string {
  return path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(params?.[name] ?? ""));
}

function queryString(query: UntypedInput["query"]): string {
  const given = Object.entries(query ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}

function toError(response: Response, answer: unknown): SightlineError {
  const error = isRecord(answer) && isRecord(answer.error) ? answer.error : undefined;
  const code = typeof error?.code === "string" && error.code in errorTable ? (error.code as ErrorCode) : undefined;
  const message = typeof error?.message === "string" ? error.message : `The server answered ${response.status}.`;
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new SightlineError(code ?? codeOfStatus(response.status), message, {
    details: {
      ...(isRecord(error?.details) ? error.details : {}),
      ...(typeof error?.requestId === "string" && { requestId: error.requestId }),
    },
    ...(Number.isFinite(retryAfter) && { retryAfterSeconds: retryAfter }),
  });
}

/** For answers that are not ours, e.g. a proxy's. */
function codeOfStatus(status: number): ErrorCode {
  const codes: Partial<Record<number, ErrorCode>> = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN_ORIGIN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "BODY_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "INGEST_OVERLOADED",
    502: "SERVER_UNREACHABLE",
    503: "STORE_UNAVAILABLE",
    504: "SERVER_UNREACHABLE",
  };
  return codes[status] ?? (status < 500 ? "BAD_REQUEST" : "INTERNAL_ERROR");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
