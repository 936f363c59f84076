/**
 * `sightline import`: files → traces of a server.
 *
 * A file is sent in pieces of whole lines: so it can be as long as it likes, the progress is known, and a busy server is asked again
 * with one piece, not with all.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { createGunzip } from "node:zlib";
import { type ClientOptions, fetchStream } from "@sightline/wire/api/client";
import { IMPORT_PATH, type ImportResult, MAX_IMPORT_PROBLEMS, PARQUET_TYPE } from "@sightline/wire/api/transfer";
import { SightlineError } from "@sightline/wire/errors";
import { readLines } from "@sightline/wire/lines";
import type { Given } from "../command.ts";
import { progressOf, readConnection, sayResult } from "../connection.ts";
import { countOf, duration, type Progress } from "../progress.ts";

/** Bytes of one request; more if a line is longer. */
const PIECE_BYTES = 8 * 1024 * 1024;
/** How often a busy server is asked again. */
const MAX_TRIES = 20;

interface FileProblem {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

/** @returns 0, or 2 if lines were refused */
export async function runImport(given: Given): Promise<number> {
  const started = performance.now();
  const progress = progressOf(given);
  const client = readConnection(given);
  const total = { lines: 0, imported: 0, spans: 0, attachments: 0, refused: 0 };
  const problems: FileProblem[] = [];
  try {
    for (const file of given.args) {
      for await (const { result, firstLine } of importFile({
        client,
        file,
        experiment: given.text("experiment"),
        progress,
      })) {
        for (const key of ["lines", "imported", "spans", "attachments", "refused"] as const) {
          total[key] += result[key] ?? 0;
        }
        for (const { line, reason } of result.problems) {
          if (problems.length < MAX_IMPORT_PROBLEMS) problems.push({ file, line: firstLine - 1 + line, reason });
        }
      }
    }
  } finally {
    progress.end();
  }
  const ms = performance.now() - started;
  for (const { file, line, reason } of given.has("json") ? [] : problems) {
    process.stderr.write(`${file}:${line}: ${reason}\n`);
  }
  if (!given.has("json") && total.refused > problems.length) {
    process.stderr.write(`… and ${countOf(total.refused - problems.length, "more refused line")}\n`);
  }
  const refused = total.refused === 0 ? "" : `; ${countOf(total.refused, "line")} refused`;
  const attachments = total.attachments === 0 ? "" : ` and ${countOf(total.attachments, "attachment")}`;
  const sentence = `Imported ${countOf(total.imported, "line")} with ${countOf(total.spans, "span")}${attachments} in ${duration(ms)}${refused}.`;
  sayResult(given, sentence, { ...total, problems, seconds: ms / 1000 });
  return total.refused === 0 ? 0 : 2;
}

interface FileImport {
  readonly client: ClientOptions;
  readonly file: string;
  readonly experiment: string | undefined;
  readonly progress: Progress;
}

async function* importFile(options: FileImport): AsyncGenerator<{ result: ImportResult; firstLine: number }, void> {
  const { file, progress } = options;
  const { bytes, size } = await openFile(file);
  let read = 0;
  const counted = async function* () {
    for await (const piece of bytes) {
      read += piece.length;
      yield piece;
    }
  };
  const show = () => progress.update(`Importing ${file}`, size === undefined || size === 0 ? undefined : read / size);
  let lines: Uint8Array[] = [];
  let length = 0;
  let firstLine = 1;
  const flush = async () => {
    show();
    const result = await send(options, Buffer.concat(lines.flatMap((line) => [line, NEWLINE])));
    const sent = { result, firstLine };
    firstLine += lines.length;
    lines = [];
    length = 0;
    return sent;
  };
  const { head, content } = await opened(counted());
  if (head === "PAR1") {
    // Its footer stands at its end, so the server needs it whole.
    yield { result: await sendParquet(options, content, show), firstLine: 1 };
    return;
  }
  for await (const { bytes: line } of readLines(content)) {
    if (line === undefined) continue;
    lines.push(line);
    length += line.length;
    if (length >= PIECE_BYTES) yield await flush();
  }
  if (lines.length > 0) yield await flush();
}

const NEWLINE = Buffer.from("\n");

async function openFile(file: string): Promise<{ bytes: AsyncIterable<Uint8Array>; size?: number }> {
  if (file === "-") return { bytes: process.stdin };
  try {
    const { size } = await stat(file);
    return { bytes: createReadStream(file, { highWaterMark: 256 * 1024 }), size };
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new SightlineError(
      "BAD_SETTING",
      code === "ENOENT" ? `There is no file ${file}.` : `${file} cannot be read (${code}).`,
      { cause },
    );
  }
}

/** The content, unzipped if it is gzip, and what it begins with. */
async function opened(
  bytes: AsyncGenerator<Uint8Array, void>,
): Promise<{ readonly head: string; readonly content: AsyncIterable<Uint8Array> }> {
  const first = await bytes.next();
  const all = async function* () {
    if (!first.done) yield first.value;
    yield* bytes;
  };
  const head = first.done ? "" : Buffer.from(first.value.subarray(0, 4)).toString("latin1");
  if (!head.startsWith("\x1f\x8b")) return { head, content: all() };
  // A failure of the source destroys the reader, who then throws.
  const plain = pipeline(all(), createGunzip({ chunkSize: 256 * 1024 }), () => undefined);
  return { head, content: plain as AsyncIterable<Uint8Array> };
}

/** Sends a Parquet file as one stream; a busy server is not asked again, since the stream is read by then. */
async function sendParquet(
  { client, experiment }: FileImport,
  content: AsyncIterable<Uint8Array>,
  onPiece: () => void,
): Promise<ImportResult> {
  const pieces = async function* () {
    for await (const piece of content) {
      onPiece();
      yield piece;
    }
  };
  const init: RequestInit & { duplex: "half" } = {
    method: "POST",
    headers: { "content-type": PARQUET_TYPE },
    body: Readable.toWeb(Readable.from(pieces(), { objectMode: false })) as ReadableStream<Uint8Array>,
    duplex: "half",
  };
  const answer = await fetchStream(client, IMPORT_PATH + queryOf(experiment), init);
  return (await answer.json()) as ImportResult;
}

function queryOf(experiment: string | undefined): string {
  return experiment === undefined ? "" : `?${new URLSearchParams({ experiment })}`;
}

/** Sends lines; waits and tries again while the server is busy. */
async function send({ client, experiment }: FileImport, lines: Uint8Array): Promise<ImportResult> {
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await fetchStream(client, IMPORT_PATH + queryOf(experiment), {
        method: "POST",
        headers: { "content-type": "application/x-ndjson" },
        body: new Uint8Array(lines),
      });
      return (await answer.json()) as ImportResult;
    } catch (error) {
      const isBusy = error instanceof SightlineError && error.retryAfterSeconds !== undefined;
      if (!isBusy || tries === MAX_TRIES) throw error;
      await delay((error.retryAfterSeconds ?? 1) * 1000);
    }
  }
}
