/**
 * What is sent as streams over HTTP: exports, imports, files of backups.
 */
import { BACKUP_FILE_PATH } from "@sightline/wire/api/backups";
import {
  EXPORT_PATH,
  EXPORT_TRACES_HEADER,
  ExportRequest,
  IMPORT_PATH,
  ImportQuery,
  PARQUET_TYPE,
} from "@sightline/wire/api/transfer";
import { replyJson } from "../http/reply.ts";
import { checkInput, mediaType, readJson } from "../http/route.ts";
import { gzipped, readStream, replyStream } from "../http/stream.ts";
import type { Stores } from "../query/stores.ts";
import { readSelection } from "../query/trace-selection.ts";
import type { Backups } from "../transfer/backups.ts";
import { countSelected, exportParquet, exportTraces } from "../transfer/export-traces.ts";
import { importParquet, importTraces } from "../transfer/import-traces.ts";

/** A call whose request or answer is a stream. */
export interface StreamRoute {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly handle: (request: Request, params: Readonly<Record<string, string>>) => Promise<Response>;
}

export interface TransferParts {
  readonly stores: Stores;
  readonly backups: Backups;
  /** Throws if no spans are taken now, e.g. because the disk is full. */
  readonly admit: () => void;
  /** Throws if so many bytes may not be written now. */
  readonly admitBytes: (bytes: number) => Promise<void>;
  /** Measures the disk; throws if no more may be written to it. */
  readonly checkDisk: () => Promise<void>;
  /** Folder for temporary files. */
  readonly spoolDir: string;
}

export function createTransferRoutes(parts: TransferParts): readonly StreamRoute[] {
  const { stores, backups } = parts;
  return [
    { method: "GET", path: EXPORT_PATH, handle: (request) => answerExport(stores, request, readQuery(request)) },
    {
      method: "POST",
      path: EXPORT_PATH,
      handle: async (request) =>
        answerExport(stores, request, checkInput(ExportRequest, await readJson(request), "field")),
    },
    { method: "POST", path: IMPORT_PATH, handle: (request) => answerImport(parts, request) },
    {
      method: "GET",
      path: BACKUP_FILE_PATH,
      handle: async (_request, { name = "", file = "" }) => {
        const { bytes, content } = await backups.readFile(name, file);
        return await replyStream(content, { "content-type": "application/gzip", "content-length": String(bytes) });
      },
    },
  ];
}

/** @throws what the selection throws */
async function answerExport(stores: Stores, request: Request, input: unknown): Promise<Response> {
  // `checkInput` gives what the schema says.
  const wanted = input as ExportRequest;
  const selection = await readSelection(stores, wanted);
  const call = { signal: request.signal };
  const total = await countSelected(stores, selection, call);
  if (wanted.format === "parquet") {
    return await replyStream(exportParquet(stores, selection, wanted.table, call), {
      "content-type": PARQUET_TYPE,
      "content-disposition": `attachment; filename="${wanted.table}.parquet"`,
      [EXPORT_TRACES_HEADER]: String(total),
    });
  }
  const lines = exportTraces(stores, selection, { ...call, withAttachments: wanted.attachments });
  return await replyStream(wanted.gzip ? gzipped(lines) : lines, {
    "content-type": wanted.gzip ? "application/gzip" : "application/x-ndjson; charset=utf-8",
    "content-disposition": `attachment; filename="traces.jsonl${wanted.gzip ? ".gz" : ""}"`,
    [EXPORT_TRACES_HEADER]: String(total),
  });
}

async function answerImport(
  { stores, admit, admitBytes, checkDisk, spoolDir }: TransferParts,
  request: Request,
): Promise<Response> {
  const { searchParams } = new URL(request.url);
  // `checkInput` gives what the schema says.
  const query = checkInput(ImportQuery, Object.fromEntries(searchParams), "query parameter") as ImportQuery;
  const call = { signal: request.signal, admit, admitBytes, checkDisk, spoolDir };
  const isParquet = mediaType(request) === PARQUET_TYPE;
  const read = isParquet ? importParquet : importTraces;
  return replyJson(200, await read(stores, readStream(request), query, call));
}

/** The query of a GET: lists come as a parameter once for each item, booleans as `true` or `false`. */
function readQuery(request: Request): unknown {
  const { searchParams } = new URL(request.url);
  const experiments = searchParams.getAll("experiments");
  const flags = ["gzip", "attachments"].flatMap((name) => {
    const text = searchParams.get(name);
    return text === null ? [] : [[name, text === "true" ? true : text === "false" ? false : text] as const];
  });
  return checkInput(
    ExportRequest,
    {
      ...Object.fromEntries(searchParams),
      ...(experiments.length > 0 && { experiments }),
      ...Object.fromEntries(flags),
    },
    "query parameter",
  );
}
