/**
 * Export and import of traces: bodies that are streams, so they are no endpoints of the registry; and what is said about them.
 */
import * as z from "zod/mini";

/** Streams all traces of a selection. GET with query parameters, or POST with {@link ExportRequest} as JSON. */
export const EXPORT_PATH = "/api/v1/traces/export";
/** Takes a stream of traces. POST, with {@link ImportQuery} as query parameters. */
export const IMPORT_PATH = "/api/v1/traces/import";

/** Header of an export: how many traces the selection had when it began. */
export const EXPORT_TRACES_HEADER = "x-sightline-traces";

/** Content-Type of Parquet, registered with IANA. */
export const PARQUET_TYPE = "application/vnd.apache.parquet";

export const EXPORT_FORMATS = ["jsonl", "parquet"] as const;

export const ExportRequest = z.strictObject({
  /** Names or ids; absent = all. As a query parameter once for each. */
  experiments: z.optional(z.array(z.string())),
  /** The filter language. */
  filter: z.optional(z.string()),
  /** RFC 3339, inclusive. */
  from: z.optional(z.string()),
  /** RFC 3339, exclusive. */
  to: z.optional(z.string()),
  /** `jsonl`: one trace a line with its spans. `parquet`: one row a span, or a trace. */
  format: z._default(z.enum(EXPORT_FORMATS), "jsonl"),
  /** Of Parquet only. */
  table: z._default(z.enum(["spans", "traces"]), "spans"),
  /** Of JSONL only: the bytes of attachments are there, a line each behind the line of their trace. */
  attachments: z._default(z.boolean(), true),
  /** Of JSONL only: the answer is a gzip file. Parquet is compressed inside. */
  gzip: z._default(z.boolean(), false),
});
export type ExportRequest = z.infer<typeof ExportRequest>;

/** Most refused lines that an answer lists. */
export const MAX_IMPORT_PROBLEMS = 100;

export const ImportQuery = z.strictObject({
  /** Name of the experiment for all traces, made if there is none; absent = that of each trace, by name, else by id. */
  experiment: z.optional(z.string()),
});
export type ImportQuery = z.infer<typeof ImportQuery>;

export const ImportResult = z.object({
  /** Lines that were read, without empty ones. */
  lines: z.number(),
  /** Lines whose traces or spans are kept. */
  imported: z.number(),
  spans: z.number(),
  /** Lines with the bytes of an attachment; absent when there are none. */
  attachments: z.optional(z.number()),
  /** Lines that are not kept, or not all of what they say: single spans of OTLP, assessments. */
  refused: z.number(),
  /** The first {@link MAX_IMPORT_PROBLEMS} of them. */
  problems: z.array(z.object({ line: z.number(), reason: z.string() })),
});
export type ImportResult = z.infer<typeof ImportResult>;
