/**
 * Answers in the shape of ClickHouse's HTTP interface: whole, streamed, and as an error before or in the middle of a stream.
 */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { promisify } from "node:util";
import { constants, createGzip, gzip } from "node:zlib";
import { type ClickHouseException, statusOf } from "./clickhouse-error.ts";
import type { EngineAnswer } from "./engine.ts";
import type { StreamChunk } from "./stream-threads.ts";

const gzipAsync = promisify(gzip);

/** Below this gzip makes answers longer. */
const gzipMinBytes = 256;

/** A reader that takes nothing for this long holds a place in the engine for nobody. */
const stalledReaderMs = 120_000;

/**
 * Between the words about an error in a stream and the cut of the connection. A client that looks for the words hangs up as soon as it
 * has read them; cut at once, it would drop what it has not yet read and see a broken connection only.
 */
const readTrailerMs = 3000;

export interface AnswerHead {
  readonly queryId: string;
  readonly format: string;
  readonly gzip: boolean;
}

const contentTypes: Readonly<Record<string, string>> = {
  JSON: "application/json; charset=UTF-8",
  JSONCompact: "application/json; charset=UTF-8",
  JSONEachRow: "application/x-ndjson; charset=UTF-8",
  JSONCompactEachRow: "application/x-ndjson; charset=UTF-8",
  CSV: "text/csv; charset=UTF-8; header=absent",
  CSVWithNames: "text/csv; charset=UTF-8; header=present",
  Parquet: "application/octet-stream",
  Native: "application/octet-stream",
  RowBinary: "application/octet-stream",
};

function writeHead(response: ServerResponse, head: AnswerHead): void {
  setQueryId(response, head.queryId);
  response.setHeader("X-ClickHouse-Format", head.format);
  response.setHeader("X-ClickHouse-Timezone", "UTC");
  response.setHeader("Content-Type", contentTypes[head.format] ?? "text/tab-separated-values; charset=UTF-8");
}

/** A client's id may hold what a header cannot. */
function setQueryId(response: ServerResponse, queryId: string): void {
  response.setHeader("X-ClickHouse-Query-Id", queryId.replace(/[^\x20-\x7e]/g, "?"));
}

/** Sends a complete answer. */
export async function sendAnswer(response: ServerResponse, head: AnswerHead, answer: EngineAnswer): Promise<void> {
  writeHead(response, head);
  response.setHeader(
    "X-ClickHouse-Summary",
    JSON.stringify({
      read_rows: String(answer.readRows),
      read_bytes: String(answer.readBytes),
      written_rows: String(answer.writtenRows),
      written_bytes: String(answer.writtenBytes),
      total_rows_to_read: "0",
      result_rows: "0",
      result_bytes: String(answer.bytes.length),
      elapsed_ns: String(Math.round(answer.elapsedSeconds * 1e9)),
    }),
  );
  const zipped = head.gzip && answer.bytes.length >= gzipMinBytes;
  const bytes = zipped ? await gzipAsync(answer.bytes, { level: 1 }) : answer.bytes;
  if (zipped) response.setHeader("Content-Encoding", "gzip");
  response.setHeader("Content-Length", bytes.length);
  response.end(bytes);
}

/** Sends an error as the whole answer. */
export function sendError(response: ServerResponse, queryId: string, error: ClickHouseException): void {
  response.statusCode = statusOf(error.code);
  setQueryId(response, queryId);
  response.setHeader("X-ClickHouse-Exception-Code", String(error.code));
  response.setHeader("Content-Type", "text/plain; charset=UTF-8");
  response.end(`${error.message}\n`);
}

/**
 * Sends a stream. An error in its middle is written behind the rows in the form that clients look for since ClickHouse 25.11, and then
 * the connection is cut without the end of the chunked body, so that a client which does not look fails too.
 *
 * @param exceptionTag  16 characters that the rows cannot guess
 * @see ClickHouse, docs/en/interfaces/http.md, "HTTP response codes caveats"
 */
export async function sendStream(
  response: ServerResponse,
  head: AnswerHead & { readonly exceptionTag: string },
  chunks: AsyncIterable<StreamChunk>,
  toException: (error: unknown) => ClickHouseException,
): Promise<void> {
  writeHead(response, head);
  response.setHeader("X-ClickHouse-Exception-Tag", head.exceptionTag);
  if (head.gzip) response.setHeader("Content-Encoding", "gzip");
  const zip = head.gzip ? createGzip({ level: 1 }) : undefined;
  zip?.pipe(response);
  const sink = zip ?? response;
  try {
    for await (const chunk of chunks) {
      if (response.destroyed) return;
      if (!sink.write(chunk.bytes)) await drained(response, sink);
    }
    sink.end();
  } catch (error) {
    const failure = toException(error);
    const message = `${failure.message.trimEnd()}\n`;
    const trailer = `\r\n__exception__\r\n${head.exceptionTag}\r\n${message}${Buffer.byteLength(message)} ${head.exceptionTag}\r\n__exception__\r\n`;
    await new Promise((resolve) => sink.write(trailer, resolve));
    if (zip) await new Promise<void>((resolve) => zip.flush(constants.Z_SYNC_FLUSH, resolve));
    await closed(response, readTrailerMs);
    // `end` of the socket, not of the response: what was written arrives, the last chunk of the body does not.
    response.socket?.end();
  }
}

/** Waits for the client to hang up. */
async function closed(response: ServerResponse, withinMs: number): Promise<void> {
  if (response.destroyed) return;
  const hungUp = once(response, "close", { signal: AbortSignal.timeout(withinMs) });
  // Its time is over: the caller cuts the connection.
  await hungUp.catch(() => undefined);
}

async function drained(response: ServerResponse, sink: NodeJS.WritableStream): Promise<void> {
  if (response.destroyed) return;
  const stalled = AbortSignal.timeout(stalledReaderMs);
  const gone = new AbortController();
  const close = () => gone.abort();
  response.once("close", close);
  try {
    await once(sink, "drain", { signal: AbortSignal.any([stalled, gone.signal]) });
  } catch {
    // Gone or stalled: both end here.
    response.destroy();
  } finally {
    response.off("close", close);
  }
}
