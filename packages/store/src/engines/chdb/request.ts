/**
 * A request to ClickHouse's HTTP interface, read and checked.
 *
 * @see https://clickhouse.com/docs/interfaces/http
 */
import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { type ClickHouseException, exception } from "./clickhouse-error.ts";
import { readMultipart } from "./multipart.ts";

export interface ClickHouseRequest {
  readonly queryId: string;
  /** Text of the statement; its inline data may follow in `data`. */
  readonly sql: string;
  /** The body when the statement is in the URL; empty otherwise. */
  readonly data: Buffer;
  readonly database: string;
  readonly defaultFormat: string;
  /** Values of `{name:Type}`, escaped as they came. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly settings: ReadonlyMap<string, string>;
  readonly gzipAnswer: boolean;
  /** The answer is complete before its first byte is sent. */
  readonly waitEndOfQuery: boolean;
  readonly readOnly: boolean;
}

/** URL parameters that are about the transport, not settings of the engine. */
const transportParameters = new Set([
  "query",
  "query_id",
  "database",
  "default_format",
  "wait_end_of_query",
  "http_wait_end_of_query",
  "buffer_size",
  "http_response_buffer_size",
  "enable_http_compression",
  "http_zlib_compression_level",
  "send_progress_in_http_headers",
  "http_headers_progress_interval_ms",
  "http_write_exception_in_output_format",
  "add_http_cors_header",
  "user",
  "password",
  "quota_key",
  "stacktrace",
]);

/** Parts of the interface that the embedded engine does not have; ignoring them would give wrong answers. */
const unsupportedParameters = new Set([
  "session_id",
  "session_timeout",
  "session_check",
  "role",
  "compress",
  "decompress",
]);

/** True if the request carries this user and password: Basic, X-ClickHouse-User and -Key, or URL parameters. */
export function isAuthenticated(request: IncomingMessage, url: URL, user: string, password: string): boolean {
  const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const given = basic
    ? Buffer.from(basic, "base64").toString("utf8")
    : `${request.headers["x-clickhouse-user"] ?? url.searchParams.get("user") ?? "default"}:${
        request.headers["x-clickhouse-key"] ?? url.searchParams.get("password") ?? ""
      }`;
  const expected = Buffer.from(`${user}:${password}`);
  const actual = Buffer.from(given);
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

/**
 * Reads URL and body.
 *
 * @throws ClickHouseException for what cannot be read or is over `maxBodyBytes`
 */
export async function readRequest(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  limits: { readonly maxBodyBytes: number; readonly newQueryId: () => string; readonly budget: BodyBudget },
): Promise<ClickHouseRequest> {
  const fields = new Map<string, string>(url.searchParams);
  let body = await readBody(request, response, limits.maxBodyBytes, limits.budget);
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)"?/i.exec(request.headers["content-type"] ?? "")?.[1];
  if (boundary !== undefined) {
    for (const [name, value] of readMultipart(body, boundary)) fields.set(name, value);
    body = Buffer.alloc(0);
  }
  const query = fields.get("query");
  const parameters = new Map<string, string>();
  const settings = new Map<string, string>();
  for (const [name, value] of fields) {
    if (name.startsWith("param_")) parameters.set(name.slice("param_".length), value);
    else if (!transportParameters.has(name)) {
      if (unsupportedParameters.has(name)) {
        throw exception("NOT_IMPLEMENTED", `The embedded ClickHouse does not know the URL parameter ${name}.`);
      }
      if (!/^\w+$/.test(name)) throw exception("INCORRECT_DATA", `"${name}" is not the name of a setting.`);
      settings.set(name, value);
    }
  }
  return {
    queryId: fields.get("query_id") || limits.newQueryId(),
    sql: query ?? body.toString("utf8"),
    data: query === undefined ? Buffer.alloc(0) : body,
    database: fields.get("database") ?? header(request, "x-clickhouse-database") ?? "",
    defaultFormat: fields.get("default_format") ?? header(request, "x-clickhouse-format") ?? "TabSeparated",
    parameters,
    settings,
    gzipAnswer:
      fields.get("enable_http_compression") === "1" && /\bgzip\b/.test(header(request, "accept-encoding") ?? ""),
    waitEndOfQuery: ["wait_end_of_query", "http_wait_end_of_query"].some((name) => fields.get(name) === "1"),
    readOnly: request.method === "GET" || request.method === "HEAD",
  };
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** Bytes of bodies that requests hold in memory, read and waiting ones together. */
export class BodyBudget {
  readonly #maxBytes: number;
  #held = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** False if these bytes are too many now. */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.#maxBytes) return false;
    this.#held += bytes;
    return true;
  }

  /** Gives bytes back. */
  give(bytes: number): void {
    this.#held -= bytes;
  }
}

/**
 * The body as it is after decoding; one copy at the end. Its bytes are given back to the budget when the answer has been sent.
 *
 * A body that is refused is read to its end and dropped: leaving it unread would reset the connection before the client reads why.
 */
async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
  budget: BodyBudget,
): Promise<Buffer> {
  const encoding = header(request, "content-encoding") ?? "identity";
  const decoder = decoders[encoding]?.();
  if (!decoder && encoding !== "identity") {
    request.resume();
    throw exception("INCORRECT_DATA", `Content-Encoding ${encoding} is not known.`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  let refused: ClickHouseException | undefined;
  response.once("close", () => budget.give(size));
  const source: AsyncIterable<Buffer> = decoder ? pipeWithErrors(request, decoder) : request;
  try {
    for await (const chunk of source) {
      if (refused) continue;
      if (size + chunk.length > maxBytes) {
        refused = exception("TOO_MANY_BYTES", `The body is over ${maxBytes} bytes. Send the rows in smaller batches.`);
      } else if (!budget.take(chunk.length)) {
        refused = exception(
          "TOO_MANY_SIMULTANEOUS_QUERIES",
          "Too many inserts wait for the embedded engine. Try again.",
        );
      } else {
        size += chunk.length;
        chunks.push(chunk);
      }
    }
  } catch (cause) {
    request.resume();
    throw exception("INCORRECT_DATA", `The body cannot be read as ${encoding}: ${messageOf(cause)}`);
  }
  if (refused) throw refused;
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

function pipeWithErrors(request: IncomingMessage, decoder: Transform): Transform {
  request.once("error", (error) => decoder.destroy(error));
  return request.pipe(decoder);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
