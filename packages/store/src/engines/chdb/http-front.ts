/**
 * ClickHouse's HTTP interface in front of chDB, on the loopback address.
 *
 * What `@clickhouse/client` needs is here: queries, inserts, parameters, settings of a request, compression, streams, cancelling by
 * hanging up, and errors with code and type.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { RawInsertFormat } from "chdb";
import { sendAnswer, sendError, sendStream } from "./answer.ts";
import {
  type ClickHouseException,
  exception,
  MEMORY_LIMIT_EXCEEDED,
  TOO_MANY_ROWS_OR_BYTES,
  toException,
} from "./clickhouse-error.ts";
import type { Engine, EngineCall } from "./engine.ts";
import { bindParameters, unescapeTsv } from "./parameters.ts";
import { BodyBudget, type ClickHouseRequest, isAuthenticated, readRequest } from "./request.ts";
import { maxStatementChars, readStatement, type Statement } from "./statement.ts";
import type { StreamChunk } from "./stream-threads.ts";

export interface FrontOptions {
  readonly engine: Engine;
  readonly user: string;
  readonly password: string;
  /** After decoding. Batches of the store are below 12 MB. */
  readonly maxBodyBytes: number;
  /** Of all requests together. */
  readonly maxBodiesBytes: number;
}

/** Formats whose blocks, written one behind the other, are the whole answer. */
const streamableFormats = new Set([
  "JSONEachRow",
  "JSONCompactEachRow",
  "JSONStringsEachRow",
  "JSONCompactStringsEachRow",
  "TabSeparated",
  "TSV",
  "CSV",
]);

/** What chdb's raw insert takes as bytes. */
const rawInsertFormats: ReadonlySet<string> = new Set<RawInsertFormat>([
  "JSONEachRow",
  "JSONCompactEachRow",
  "CSV",
  "CSVWithNames",
  "TSV",
  "TabSeparated",
  "TSVWithNames",
  "TabSeparatedWithNames",
]);

/** Text formats that go through the statement's text; binary ones break there ("cannot read all data"). */
const textInsertFormats = new Set([
  "Values",
  "JSON",
  "JSONCompact",
  "JSONColumns",
  "JSONObjectEachRow",
  "JSONAsString",
  "LineAsString",
]);

/** The server; the caller listens and closes. */
export function createFront(options: FrontOptions): Server {
  const budget = new BodyBudget(options.maxBodiesBytes);
  return createServer(
    {
      // Parameters are in the URL; ClickHouse's own http_max_uri_size is 1 MiB.
      maxHeaderSize: 2 * 1024 * 1024,
      // Longer than any client keeps an idle socket, so that it is never this side that closes one being reused.
      keepAliveTimeout: 65_000,
      noDelay: true,
    },
    (request, response) => void handle(options, budget, request, response),
  );
}

async function handle(
  options: FrontOptions,
  budget: BodyBudget,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort(exception("QUERY_WAS_CANCELLED", "The client hung up."));
  });
  // A connection that breaks is noticed by "close"; without a listener its error would end the process.
  response.on("error", () => response.destroy());
  let queryId = "";
  try {
    const url = new URL(request.url ?? "/", "http://front");
    if (url.pathname === "/ping") {
      response.end("Ok.\n");
      return;
    }
    if (url.pathname !== "/") {
      response.statusCode = 404;
      response.end(`There is no handle ${url.pathname}. Use / or /ping.\n`);
      return;
    }
    queryId = url.searchParams.get("query_id") ?? "";
    if (!isAuthenticated(request, url, options.user, options.password)) {
      throw exception(
        "AUTHENTICATION_FAILED",
        "Authentication failed: password is incorrect, or there is no such user.",
      );
    }
    const call = await readRequest(request, response, url, {
      maxBodyBytes: options.maxBodyBytes,
      newQueryId: randomUUID,
      budget,
    });
    queryId = call.queryId;
    await answer(options.engine, call, response, gone.signal);
  } catch (error) {
    if (response.headersSent || response.destroyed) response.destroy();
    else sendError(response, queryId, toException(error));
  }
}

async function answer(
  engine: Engine,
  request: ClickHouseRequest,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const statement = checked(readWhole(request), request);
  const format = statement.format ?? request.defaultFormat;
  const head = { queryId: request.queryId, format, gzip: request.gzipAnswer };
  const base = { database: request.database, settings: request.settings, signal };
  if (statement.kind === "insertData") {
    await sendAnswer(response, head, await insert(engine, statement, request, base));
    return;
  }
  const call: EngineCall = { ...base, ...bound(statement, request), format };
  if (statement.kind !== "read") {
    await sendAnswer(response, head, await engine.write(call, statement.kind === "insert"));
    return;
  }
  // A small answer is made in one piece, wholly on pool threads. One that grows over the bound is broken off and run again as a
  // stream, so that memory does not grow with the answer.
  const bounded =
    streamableFormats.has(format) && !request.waitEndOfQuery && !call.parameters && !limitsResult(statement, request);
  try {
    await sendAnswer(response, head, await engine.read(call, bounded));
  } catch (error) {
    if (!bounded || !isTooLargeForOnePiece(toException(error))) throw error;
    await streamed(engine.stream(call), response, head);
  }
}

/** Over the bound, or over the memory of one query: a stream has smaller blocks. If all queries together are over, it does not help. */
function isTooLargeForOnePiece({ code, message }: ClickHouseException): boolean {
  return code === TOO_MANY_ROWS_OR_BYTES || (code === MEMORY_LIMIT_EXCEEDED && /Query memory limit/.test(message));
}

/** Limits of the client's own: next to them ours would change the answer (`result_overflow_mode = 'break'` cuts it short). */
function limitsResult(statement: Statement, request: ClickHouseRequest): boolean {
  const limits = /^(max_result_(bytes|rows)|result_overflow_mode)$/i;
  return (
    [...request.settings.keys()].some((name) => limits.test(name)) ||
    statement.tokens.some((token) => token.kind === "word" && limits.test(token.text))
  );
}

/** A body that is not rows goes on where the statement in the URL ends, as in ClickHouse. */
function readWhole(request: ClickHouseRequest): Statement {
  const statement = readStatement(request.sql);
  if (statement.kind === "insertData" || request.data.length === 0) return statement;
  return readStatement(`${request.sql}\n${request.data.toString("utf8")}`);
}

function checked(statement: Statement, request: ClickHouseRequest): Statement {
  if (statement.tokens.length === 0) throw exception("SYNTAX_ERROR", "Empty query.");
  if (statement.isTooLong)
    throw exception("SYNTAX_ERROR", `Max query size exceeded (${maxStatementChars} characters).`);
  if (statement.hasSecondStatement) throw exception("SYNTAX_ERROR", "Multi-statements are not allowed.");
  if (statement.usesFile) throw exception("INTO_OUTFILE_NOT_ALLOWED", "Files are not read or written over HTTP.");
  if (request.readOnly && statement.kind !== "read") {
    throw exception(
      "READONLY",
      "Cannot execute this query in readonly mode: use POST for statements that change something.",
    );
  }
  return statement;
}

function bound(statement: Statement, request: ClickHouseRequest): Pick<EngineCall, "sql" | "parameters"> {
  const result = bindParameters(statement, request.parameters);
  if (result.ok) return { sql: result.sql };
  if (result.reason === "missing") {
    throw exception("UNKNOWN_QUERY_PARAMETER", `Substitution \`${result.name}\` is not set.`);
  }
  const parameters = Object.fromEntries([...request.parameters].map(([name, value]) => [name, unescapeTsv(value)]));
  return { sql: statement.sql, parameters };
}

async function insert(
  engine: Engine,
  statement: Statement,
  request: ClickHouseRequest,
  base: Pick<EngineCall, "database" | "settings" | "signal">,
) {
  // The rows are in the body, or they follow the statement, or both.
  const inline = statement.sql.slice(statement.dataStart).replace(/^[^\S\n]*\n?/, "");
  const body = inline === "" ? request.data : Buffer.concat([Buffer.from(inline), request.data]);
  const { insert } = statement;
  if (insert && isRawInsertFormat(insert.format)) {
    return engine.insert(base, { ...insert, format: insert.format }, body);
  }
  const format = statement.tokens.at(-1)?.text ?? "";
  if (!rawInsertFormats.has(format) && !textInsertFormats.has(format)) {
    throw exception("UNKNOWN_FORMAT", `The embedded engine does not insert format ${format}. Use JSONEachRow.`);
  }
  const sql = `${statement.sql.slice(0, statement.dataStart)}\n${body.toString("utf8")}`;
  return engine.write({ ...base, sql, format: request.defaultFormat }, true);
}

function isRawInsertFormat(format: string): format is RawInsertFormat {
  return rawInsertFormats.has(format);
}

/** Waits for the first block, so that a query that fails at once is answered by an error and not by a broken stream. */
async function streamed(
  chunks: AsyncGenerator<StreamChunk, void>,
  response: ServerResponse,
  head: { readonly queryId: string; readonly format: string; readonly gzip: boolean },
): Promise<void> {
  const first = await chunks.next();
  const all = async function* () {
    try {
      if (!first.done) yield first.value;
      yield* chunks;
    } finally {
      await chunks.return();
    }
  };
  await sendStream(response, { ...head, exceptionTag: randomBytes(8).toString("hex") }, all(), toException);
}
