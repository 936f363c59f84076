/**
 * `POST /v1/traces`: OTLP over HTTP. The answer comes when the spans are on disk and readable.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp-request
 */
import { SightlineError } from "@sightline/wire/errors";
import { parseJson } from "@sightline/wire/json";
import { decodeExportRequestJson, encodeExportResponseJson } from "@sightline/wire/otlp/json";
import { decodeExportRequest, encodeExportResponse } from "@sightline/wire/otlp/protobuf";
import type { ExportTraceRequest, PartialSuccess } from "@sightline/wire/otlp/span";
import { readBody } from "../http/body.ts";
import type { ByteBudget } from "../http/byte-budget.ts";
import { reply } from "../http/reply.ts";
import { mediaType } from "../http/route.ts";
import type { IngestBuffer } from "./buffer.ts";
import { runPipeline } from "./pipeline.ts";

export interface OtlpOptions {
  readonly resolveExperiment: (headers: Headers) => Promise<string>;
  readonly buffer: IngestBuffer;
  /** Bounds the bytes of all requests that are being read or wait for the disk. */
  readonly budget: ByteBudget;
  readonly maxBodyBytes: number;
}

interface Format {
  readonly decode: (body: Uint8Array) => ExportTraceRequest;
  readonly encode: (partialSuccess?: PartialSuccess) => Uint8Array<ArrayBuffer> | string;
}

/** The two encodings, by media type; the answer comes in the one of the request. */
const formats: Readonly<Record<string, Format>> = {
  "application/x-protobuf": {
    decode: decodeExportRequest,
    encode: (partialSuccess) => new Uint8Array(encodeExportResponse(partialSuccess)),
  },
  "application/json": {
    decode: (body) => decodeExportRequestJson(parseBody(body)),
    encode: encodeExportResponseJson,
  },
};

/**
 * Makes the handler. It rejects with UNSUPPORTED_MEDIA_TYPE, OTLP_MALFORMED, the errors of the experiment headers, of the body
 * and of the store.
 */
export function createOtlpHandler(options: OtlpOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    const type = mediaType(request);
    const format = Object.hasOwn(formats, type) ? formats[type] : undefined;
    if (!format) {
      throw new SightlineError(
        "UNSUPPORTED_MEDIA_TYPE",
        `Content-Type is "${type.slice(0, 50)}"; send OTLP as application/x-protobuf or application/json.`,
      );
    }
    const experimentId = await options.resolveExperiment(request.headers);
    const reservation = options.budget.open();
    try {
      const body = await readBody(request, { maxBytes: options.maxBodyBytes, reservation });
      const { records, partialSuccess } = runPipeline(format.decode(body), experimentId);
      await options.buffer.write(records, body.length);
      return reply(200, format.encode(partialSuccess), { "content-type": type });
    } finally {
      reservation.release();
    }
  };
}

function parseBody(body: Uint8Array): unknown {
  const value = parseJson(new TextDecoder().decode(body));
  if (value === undefined) throw new SightlineError("OTLP_MALFORMED", "The body is not JSON.");
  return value;
}
