/**
 * An export request as an entry of the journal: the body as it came, behind a line that says how to read it.
 */
import type { SpanRecord } from "@sightline/store/telemetry-store";
import { SightlineError } from "@sightline/wire/errors";
import { parseJson } from "@sightline/wire/json";
import { decompress, type SentBody } from "../http/body.ts";
import { otlpFormats } from "./otlp-format.ts";
import { runPipeline } from "./pipeline.ts";

/** Type of such an entry in the journal. */
export const EXPORT_ENTRY = 1;

/** An export request that was checked. */
export interface ExportRequest {
  readonly experimentId: string;
  readonly mediaType: string;
  readonly sent: SentBody;
  /** When it came, in milliseconds since the epoch. */
  readonly receivedMs: number;
}

/** The journal was written before by this or an older version: its limit on bodies need not be today's. */
const MAX_BYTES = 1024 * 1024 * 1024;

const LINE_END = 0x0a;

/** The payload of the entry, in pieces; the body is not copied. */
export function encodeExportEntry({ experimentId, mediaType, sent, receivedMs }: ExportRequest): Uint8Array[] {
  const line = JSON.stringify({ experimentId, mediaType, encoding: sent.encoding, receivedMs });
  return [Buffer.from(`${line}\n`), sent.bytes];
}

/**
 * The spans of an entry: exactly those that were accepted when it came.
 *
 * @throws INTERNAL_ERROR if it cannot be read
 */
export async function readExportEntry(payload: Buffer): Promise<readonly SpanRecord[]> {
  const end = payload.indexOf(LINE_END);
  const head = parseJson(payload.toString("utf8", 0, Math.max(end, 0))) as Partial<ExportHead> | undefined;
  const format = otlpFormats.find(({ mediaType }) => mediaType === head?.mediaType);
  if (!head || format === undefined || head.experimentId === undefined || head.encoding === undefined) {
    throw new SightlineError("INTERNAL_ERROR", "An entry of the journal is not an export request of this version.");
  }
  const body = await decompress({ bytes: payload.subarray(end + 1), encoding: head.encoding }, { maxBytes: MAX_BYTES });
  return runPipeline(format.decode(body), head.experimentId).records;
}

/** What {@link encodeExportEntry} writes into the line. */
interface ExportHead {
  readonly experimentId: string;
  readonly mediaType: string;
  readonly encoding: string;
}
