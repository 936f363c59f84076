/**
 * An export request as an entry of the journal: the body as it came, behind a line that says how to read it.
 */
import type { SdkProcessFacts } from "@sightline/store/sdk-processes";
import type { SpanRecord } from "@sightline/store/telemetry-store";
import { SightlineError } from "@sightline/wire/errors";
import { parseJson } from "@sightline/wire/json";
import { decompress, type SentBody } from "../http/body.ts";
import { otlpFormats } from "./otlp-format.ts";
import { runPipeline } from "./pipeline.ts";
import type { SentReport } from "./sdk-reports.ts";

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

/** What a request brought. */
export interface ExportContent<Span> {
  readonly spans: readonly Span[];
  /** What the SDKs that sent them said of themselves. */
  readonly sdkReports: readonly SdkProcessFacts[];
}

/**
 * The content of an entry: exactly what was accepted when it came.
 *
 * @throws INTERNAL_ERROR if it cannot be read
 */
export async function readExportEntry(payload: Buffer): Promise<ExportContent<SpanRecord>> {
  const end = payload.indexOf(LINE_END);
  const head = parseJson(payload.toString("utf8", 0, Math.max(end, 0))) as Partial<ExportHead> | undefined;
  const format = otlpFormats.find(({ mediaType }) => mediaType === head?.mediaType);
  if (!head || format === undefined || head.experimentId === undefined || head.encoding === undefined) {
    throw new SightlineError("INTERNAL_ERROR", "An entry of the journal is not an export request of this version.");
  }
  const body = await decompress({ bytes: payload.subarray(end + 1), encoding: head.encoding }, { maxBytes: MAX_BYTES });
  const { records, sdk } = runPipeline(format.decode(body), head.experimentId);
  return { spans: records, sdkReports: receivedAt(head.receivedMs ?? 0, sdk.reports) };
}

/** Reports with the time at which they came, in milliseconds since the epoch. */
export function receivedAt(lastSeenMs: number, reports: readonly SentReport[]): SdkProcessFacts[] {
  return reports.map((report) => ({ ...report, lastSeenMs }));
}

/** What {@link encodeExportEntry} writes into the line. */
interface ExportHead {
  readonly experimentId: string;
  readonly mediaType: string;
  readonly encoding: string;
  /** Milliseconds since the epoch. */
  readonly receivedMs: number;
}
