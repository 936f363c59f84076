/**
 * Request bodies that are bytes of any type: passed on as they come, never held.
 */
import { SightlineError } from "@sightline/wire/errors";

/**
 * The body in the pieces in which it comes.
 *
 * @throws while reading: UNSUPPORTED_MEDIA_TYPE if it has a Content-Encoding, BAD_REQUEST if the connection breaks
 */
export async function* readRawBody(request: Request): AsyncGenerator<Uint8Array, void> {
  const encoding = (request.headers.get("content-encoding") ?? "identity").trim().toLowerCase();
  if (encoding !== "identity") {
    throw new SightlineError(
      "UNSUPPORTED_MEDIA_TYPE",
      `Content-Encoding "${encoding.slice(0, 50)}" is not supported here; send the bytes as they are.`,
    );
  }
  if (request.body === null) return;
  try {
    yield* request.body as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (cause instanceof SightlineError) throw cause;
    throw new SightlineError("BAD_REQUEST", "The connection broke before the whole body had come.", { cause });
  }
}

/** The length that a request says its body has; undefined if it says none. */
export function contentLength(request: Request): number | undefined {
  const header = request.headers.get("content-length");
  return header !== null && /^\d+$/.test(header) ? Number(header) : undefined;
}
