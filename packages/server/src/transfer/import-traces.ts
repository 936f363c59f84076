/**
 * Lines of JSON → traces in the store, written in batches. A line that cannot be kept is counted with its reason; the rest is kept.
 *
 * Spans keep their ids and writing a span again replaces it, so importing twice doubles nothing.
 */
import { readParquetSpans } from "@sightline/store/parquet/read-parquet-spans";
import type { SpanRecord } from "@sightline/store/telemetry-store";
import { type ImportQuery, type ImportResult, MAX_IMPORT_PROBLEMS } from "@sightline/wire/api/transfer";
import { SightlineError } from "@sightline/wire/errors";
import { isTraceId, toOtelTraceId } from "@sightline/wire/ids";
import { parseJson, preview } from "@sightline/wire/json";
import { readLines } from "@sightline/wire/lines";
import { DEFAULT_EXPERIMENT } from "@sightline/wire/model/experiment";
import { decodeExportRequestJson } from "@sightline/wire/otlp/json";
import { runPipeline } from "../ingest/pipeline.ts";
import { refusalOf } from "../ingest/span-rules.ts";
import { countChars } from "../query/span-view.ts";
import type { Call, Stores } from "../query/stores.ts";
import { importAttachment, isAttachmentLine } from "./attachment-line.ts";
import { type ImportedTrace, importParts } from "./import-parts.ts";
import { spoolFile } from "./spool-file.ts";
import { readTraceLine } from "./trace-line.ts";

/** An exported trace is cut into lines of some 32 MiB; a line far above that is no trace. */
const MAX_LINE_BYTES = 256 * 1024 * 1024;
/** A batch is written when it has this many spans or bytes of lines. */
const BATCH_SPANS = 2000;
const BATCH_BYTES = 8 * 1024 * 1024;

/**
 * Reads the stream to its end; no more of it than is being written.
 *
 * @param call  `admit` throws if no spans are taken now, `admitBytes` if so many bytes are not
 * @throws the store's errors and those of `admit`; what was written before stays, and importing all again is safe
 */
export async function importTraces(
  stores: Stores,
  body: AsyncIterable<Uint8Array>,
  query: ImportQuery,
  call: Call & { readonly admit: () => void; readonly admitBytes: (bytes: number) => Promise<void> },
): Promise<ImportResult> {
  const experiments = new ImportExperiments(stores, query.experiment);
  const report = new Report();
  let batch = new Batch();
  call.admit();
  for await (const { number, bytes } of readLines(body, MAX_LINE_BYTES)) {
    if (bytes === undefined) {
      report.refuse(number, `it is longer than ${MAX_LINE_BYTES} bytes`);
      continue;
    }
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
    if (text.trim() === "") continue;
    await readLine({ number, text, experiments, report, batch, stores, admitBytes: call.admitBytes });
    batch.bytes += bytes.length;
    if (batch.records.length < BATCH_SPANS && batch.bytes < BATCH_BYTES) continue;
    call.signal.throwIfAborted();
    call.admit();
    await batch.write(stores, report);
    batch = new Batch();
  }
  await batch.write(stores, report);
  return report.result();
}

/**
 * The same for a Parquet file with a row a span. It has its footer at its end, so it is kept in a temporary file while it is read.
 *
 * @param spoolDir  where that file lies
 * @throws INVALID_PARAMETER if it is no such file; the store's errors and those of `admit`
 */
export async function importParquet(
  stores: Stores,
  body: AsyncIterable<Uint8Array>,
  query: ImportQuery,
  call: Call & {
    readonly admit: () => void;
    /** Measures the disk; throws if no more may be written to it. */
    readonly checkDisk: () => Promise<void>;
    readonly spoolDir: string;
  },
): Promise<ImportResult> {
  const experiments = new ImportExperiments(stores, query.experiment);
  const report = new Report();
  let batch = new Batch();
  const write = async () => {
    call.signal.throwIfAborted();
    call.admit();
    await batch.write(stores, report);
    batch = new Batch();
  };
  const spool = await spoolFile(body, call);
  try {
    for await (const found of readParquetSpans(spool)) {
      const { row, record } = found;
      const why = found.reason ?? refusalOfRecord(found.record);
      if (why !== undefined || record === undefined) {
        report.refuse(row, why ?? "it is no span");
        continue;
      }
      try {
        batch.records.push({ ...record, experimentId: await experiments.of(found.experiment, record.experimentId) });
      } catch (error) {
        if (!(error instanceof SightlineError) || !LINE_ERRORS.has(error.code)) throw error;
        report.refuse(row, error.message.replace(/\.$/, ""));
        continue;
      }
      report.keep(1);
      batch.bytes += countChars(record);
      if (batch.records.length >= BATCH_SPANS || batch.bytes >= BATCH_BYTES) await write();
    }
    await write();
  } finally {
    await spool.close();
  }
  return report.result();
}

/** Why a span cannot be kept; undefined if it can. */
function refusalOfRecord(record: SpanRecord): string | undefined {
  if (!isTraceId(record.traceId)) return `"${preview(record.traceId, 50)}" is not tr- and 32 hex digits`;
  return refusalOf({ ...record, traceId: toOtelTraceId(record.traceId) });
}

interface LineContext {
  readonly number: number;
  readonly text: string;
  readonly experiments: ImportExperiments;
  readonly report: Report;
  readonly batch: Batch;
  readonly stores: Stores;
  readonly admitBytes: (bytes: number) => Promise<void>;
}

/** Puts what a line holds into the batch; bytes of attachments are kept at once. */
async function readLine({ number, text, experiments, report, batch, ...parts }: LineContext): Promise<void> {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    report.refuse(number, value === undefined ? "it is not JSON" : "it is no JSON object");
    return;
  }
  if (isAttachmentLine(value)) {
    const reason = await importAttachment(parts.stores, value, parts.admitBytes);
    if (reason === undefined) report.keepAttachment();
    else report.refuse(number, reason);
    return;
  }
  try {
    if ("resourceSpans" in value || "resource_spans" in value) {
      const { records, partialSuccess } = runPipeline(decodeExportRequestJson(value), await experiments.given());
      batch.records.push(...records);
      if (partialSuccess) report.refuse(number, partialSuccess.errorMessage.replace(/\.$/, ""), records.length);
      else report.keep(records.length);
      return;
    }
    const result = readTraceLine(value, text);
    if (!result.ok) {
      report.refuse(number, result.reason);
      return;
    }
    const { experiment, info } = result.trace.line;
    const experimentId = await experiments.of(experiment, info.experimentId);
    const records = result.trace.records(experimentId);
    batch.records.push(...records);
    batch.traces.push({ number, experimentId, trace: result.trace });
    report.keep(records.length);
  } catch (error) {
    if (!(error instanceof SightlineError) || !LINE_ERRORS.has(error.code)) throw error;
    report.refuse(number, error.message.replace(/\.$/, ""));
  }
}

/** Errors that are about what the line says; others end the import. */
const LINE_ERRORS: ReadonlySet<SightlineError["code"]> = new Set([
  "OTLP_MALFORMED",
  "INVALID_PARAMETER",
  "EXPERIMENT_NOT_FOUND",
]);

class Batch {
  readonly records: SpanRecord[] = [];
  readonly traces: ImportedTrace[] = [];
  bytes = 0;

  async write(stores: Stores, report: Report): Promise<void> {
    if (this.records.length > 0) await stores.telemetry.writeSpans(this.records);
    if (this.traces.length === 0) return;
    await importParts(stores, this.traces, (line, reason) => report.addProblem(line, reason));
  }
}

class Report {
  #lines = 0;
  #imported = 0;
  #spans = 0;
  #attachments = 0;
  #refused = 0;
  readonly #problems: { line: number; reason: string }[] = [];

  keep(spans: number): void {
    this.#lines += 1;
    this.#imported += 1;
    this.#spans += spans;
  }

  keepAttachment(): void {
    this.keep(0);
    this.#attachments += 1;
  }

  /** @param spans  how many of the line's spans are kept all the same */
  refuse(line: number, reason: string, spans = 0): void {
    this.#lines += 1;
    this.#refused += 1;
    if (spans > 0) this.#imported += 1;
    this.#spans += spans;
    this.#add(line, reason);
  }

  /** Something of a line that was kept is not. */
  addProblem(line: number, reason: string): void {
    this.#refused += 1;
    this.#add(line, reason);
  }

  #add(line: number, reason: string): void {
    if (this.#problems.length < MAX_IMPORT_PROBLEMS) this.#problems.push({ line, reason });
  }

  result(): ImportResult {
    return {
      lines: this.#lines,
      imported: this.#imported,
      spans: this.#spans,
      ...(this.#attachments > 0 && { attachments: this.#attachments }),
      refused: this.#refused,
      problems: this.#problems,
    };
  }
}

/** Which experiment a trace goes to, looked up once for each. */
class ImportExperiments {
  readonly #stores: Stores;
  readonly #name: string | undefined;
  readonly #ids = new Map<string, string>();

  constructor(stores: Stores, name: string | undefined) {
    this.#stores = stores;
    this.#name = name;
  }

  /** That of the import; `Default` when none is named. */
  async given(): Promise<string> {
    return this.#name === undefined ? DEFAULT_EXPERIMENT.experimentId : await this.#byName(this.#name);
  }

  /** @throws EXPERIMENT_NOT_FOUND if neither the import nor the trace names one and there is none of the id here */
  async of(named: string | undefined, experimentId: string): Promise<string> {
    const name = this.#name ?? named;
    if (name !== undefined) return await this.#byName(name);
    const key = `id ${experimentId}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const found = await this.#stores.entities.getExperiment(experimentId);
    if (!found || found.deleteTime !== undefined) {
      throw new SightlineError(
        "EXPERIMENT_NOT_FOUND",
        `no experiment here has the id "${experimentId.slice(0, 50)}", and none is named: name one for the import.`,
      );
    }
    this.#ids.set(key, found.experimentId);
    return found.experimentId;
  }

  async #byName(name: string): Promise<string> {
    const key = `name ${name}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const { experimentId } = await this.#stores.entities.ensureExperiment(name);
    this.#ids.set(key, experimentId);
    return experimentId;
  }
}
