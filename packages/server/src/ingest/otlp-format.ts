/**
 * The two encodings of OTLP over HTTP, by media type; an answer comes in the one of its request.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp-request
 */
import { SightlineError } from "@sightline/wire/errors";
import { parseJson } from "@sightline/wire/json";
import { decodeExportRequestJson, encodeExportResponseJson } from "@sightline/wire/otlp/json";
import { encodeExportResponse } from "@sightline/wire/otlp/protobuf";
import { streamExportRequest } from "@sightline/wire/otlp/protobuf-span-stream";
import type { OtlpSpanGroups, PartialSuccess } from "@sightline/wire/otlp/span";

export interface OtlpFormat {
  readonly mediaType: string;
  /** @throws OTLP_MALFORMED, at once or while the groups are walked */
  readonly decode: (body: Uint8Array) => OtlpSpanGroups;
  readonly encode: (partialSuccess?: PartialSuccess) => Uint8Array<ArrayBuffer> | string;
}

/** Media types are written into the journal: one that was released stays readable. */
export const otlpFormats: readonly OtlpFormat[] = [
  {
    mediaType: "application/x-protobuf",
    decode: streamExportRequest,
    encode: (partialSuccess) => new Uint8Array(encodeExportResponse(partialSuccess)),
  },
  {
    mediaType: "application/json",
    decode: (body) => decodeExportRequestJson(parseBody(body)),
    encode: encodeExportResponseJson,
  },
];

/** @throws UNSUPPORTED_MEDIA_TYPE */
export function formatOf(mediaType: string): OtlpFormat {
  const format = otlpFormats.find((known) => known.mediaType === mediaType);
  if (format) return format;
  throw new SightlineError(
    "UNSUPPORTED_MEDIA_TYPE",
    `Content-Type is "${mediaType.slice(0, 50)}"; send OTLP as application/x-protobuf or application/json.`,
  );
}

function parseBody(body: Uint8Array): unknown {
  const value = parseJson(new TextDecoder().decode(body));
  if (value === undefined) throw new SightlineError("OTLP_MALFORMED", "The body is not JSON.");
  return value;
}
