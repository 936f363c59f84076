/**
 * `POST /v1/traces`: OTLP over HTTP. The answer comes when the spans are kept and every later read shows them.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp-request
 */
import type { PreparedSpan } from "@sightline/store/telemetry-store";
import type { PartialSuccess } from "@sightline/wire/otlp/span";
import { type BodyOptions, decompress, readSentBody, type SentBody } from "../http/body.ts";
import type { ByteBudget } from "../http/byte-budget.ts";
import { reply } from "../http/reply.ts";
import { mediaType } from "../http/route.ts";
import { receivedAt } from "./export-entry.ts";
import type { IngestMetrics } from "./ingest-metrics.ts";
import type { Intake } from "./intake.ts";
import { formatOf, type OtlpFormat } from "./otlp-format.ts";
import { runPipeline } from "./pipeline.ts";
import type { SentReports } from "./sdk-reports.ts";

export interface OtlpOptions {
  /** Throws while nothing can be taken, e.g. because the disk is nearly full: before a body is read. */
  readonly admit: () => void;
  readonly resolveExperiment: (headers: Headers) => Promise<string>;
  readonly intake: Pick<Intake, "prepare" | "accept">;
  /** Bounds the bytes of all requests that are being read or wait to be kept. */
  readonly budget: ByteBudget;
  readonly maxBodyBytes: number;
  readonly metrics: IngestMetrics;
}

/**
 * Makes the handler. It rejects with UNSUPPORTED_MEDIA_TYPE, OTLP_MALFORMED, the errors of the experiment headers, of the body
 * and of the intake.
 */
export function createOtlpHandler(options: OtlpOptions): (request: Request) => Promise<Response> {
  const { metrics } = options;
  return async (request) => {
    try {
      return await take(options, request);
    } catch (error) {
      metrics.failed(error);
      throw error;
    }
  };
}

async function take(options: OtlpOptions, request: Request): Promise<Response> {
  const started = performance.now();
  options.admit();
  const format = formatOf(mediaType(request));
  const receivedMs = Date.now();
  const experimentId = await options.resolveExperiment(request.headers);
  const reservation = options.budget.open();
  try {
    const limits = { maxBytes: options.maxBodyBytes, reservation };
    const sent = await readSentBody(request, limits);
    const { spans, bytes, sdk, partialSuccess } = await readSpans(sent, { limits, format, experimentId, ...options });
    const { mediaType } = format;
    const sdkReports = receivedAt(receivedMs, sdk.reports);
    await options.intake.accept({ experimentId, mediaType, sent, receivedMs, spans, sdkReports, bytes });
    options.metrics.sdkReports(sdk);
    options.metrics.accepted({
      bytes: sent.bytes.length,
      spans: spans.length,
      refused: partialSuccess?.rejectedSpans ?? 0,
      ms: performance.now() - started,
    });
    return reply(200, format.encode(partialSuccess), { "content-type": mediaType });
  } finally {
    reservation.release();
  }
}

/** A function of its own, so that body and records are garbage when the request waits for room and for the disk. */
async function readSpans(
  sent: SentBody,
  { limits, format, experimentId, intake }: ReadOptions,
): Promise<{ spans: readonly PreparedSpan[]; bytes: number; sdk: SentReports; partialSuccess?: PartialSuccess }> {
  const body = await decompress(sent, limits);
  const { records, sdk, partialSuccess } = runPipeline(format.decode(body), experimentId, intake.prepare);
  return { spans: records, bytes: body.length, sdk, ...(partialSuccess && { partialSuccess }) };
}

interface ReadOptions extends Pick<OtlpOptions, "intake"> {
  readonly limits: BodyOptions;
  readonly format: OtlpFormat;
  readonly experimentId: string;
}
