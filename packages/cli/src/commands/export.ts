/**
 * `sightline export`: traces of a server → a file.
 */
import { createWriteStream } from "node:fs";
import { access, rename, rm } from "node:fs/promises";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fetchStream } from "@sightline/wire/api/client";
import { EXPORT_FORMATS, EXPORT_PATH, EXPORT_TRACES_HEADER } from "@sightline/wire/api/transfer";
import { SightlineError } from "@sightline/wire/errors";
import { stringifyJson } from "@sightline/wire/json";
import type { Given } from "../command.ts";
import { progressOf, readConnection, sayResult } from "../connection.ts";
import { countOf, duration, megabytes } from "../progress.ts";

/** @returns 0 */
export async function runExport(given: Given): Promise<number> {
  const [file = "-"] = given.args;
  const isStdout = file === "-";
  if (!isStdout && !given.has("force") && (await exists(file))) {
    throw new SightlineError("BAD_SETTING", `${file} exists already; choose another name, or replace it with --force.`);
  }
  const started = performance.now();
  const progress = progressOf(given);
  const format = readFormat(given, file);
  const answer = await fetchStream(readConnection(given), EXPORT_PATH, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: stringifyJson({
      ...(given.has("experiment") && { experiments: given.texts("experiment") }),
      filter: given.text("filter"),
      from: given.text("from"),
      to: given.text("to"),
      format,
      table: given.text("table"),
      ...(given.has("no-attachments") && { attachments: false }),
      ...(file.endsWith(".gz") && { gzip: true }),
    }),
  });
  const traces = Number(answer.headers.get(EXPORT_TRACES_HEADER) ?? 0);
  let bytes = 0;
  const count = async function* (body: AsyncIterable<Uint8Array>) {
    for await (const piece of body) {
      bytes += piece.length;
      progress.update(`Exporting ${countOf(traces, "trace")}: ${megabytes(bytes)}`);
      yield piece;
    }
  };
  const draft = `${file}.partial`;
  try {
    await pipeline(
      answer.body ?? new ReadableStream<Uint8Array>(),
      count,
      isStdout ? standardOutput() : createWriteStream(draft, { flush: true }),
    );
    if (!isStdout) await rename(draft, file);
  } catch (cause) {
    if (!isStdout) await rm(draft, { force: true });
    throw explain(cause, file);
  } finally {
    progress.end();
  }
  const ms = performance.now() - started;
  if (!isStdout) {
    const sentence = `Exported ${countOf(traces, "trace")} to ${file}: ${megabytes(bytes)} in ${duration(ms)}.`;
    sayResult(given, sentence, { file, format, traces, bytes, seconds: ms / 1000 });
  }
  return 0;
}

/** @throws BAD_SETTING */
function readFormat(given: Given, file: string): string {
  const format = given.text("format") ?? (file.endsWith(".parquet") ? "parquet" : "jsonl");
  if (EXPORT_FORMATS.some((known) => known === format)) return format;
  throw new SightlineError("BAD_SETTING", `--format is "${format}"; use ${EXPORT_FORMATS.join(" or ")}.`);
}

/** Standard output, which must not be ended. */
function standardOutput(): Writable {
  return new Writable({
    write(piece, _encoding, done) {
      process.stdout.write(piece, done);
    },
  });
}

function explain(cause: unknown, file: string): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  // fetch's way to say that the server broke the connection off: an export has failed on its way.
  if (cause instanceof TypeError || code === "UND_ERR_SOCKET") {
    return new SightlineError(
      "SERVER_UNREACHABLE",
      "The export was cut: the server ended or failed on its way, its log says why. Nothing was kept; try again.",
      { cause },
    );
  }
  if (code === undefined) return cause;
  return new SightlineError("BAD_SETTING", `${file} cannot be written (${code}).`, { cause });
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
