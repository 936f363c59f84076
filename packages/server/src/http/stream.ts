/**
 * Answers that are streams, and request bodies that are.
 */
import { pipeline } from "node:stream";
import { createGunzip, createGzip } from "node:zlib";
import { SightlineError } from "@sightline/wire/errors";
import { type AnswerHeaders, reply } from "./reply.ts";

/**
 * Answers with a stream; no more of it is made than the client takes, and none after it has gone.
 *
 * The first piece is waited for, so that what fails at once is an error answer. What fails later breaks the connection: the client
 * sees that the answer is not whole.
 */
export async function replyStream(
  pieces: AsyncGenerator<Uint8Array, void>,
  headers: AnswerHeaders,
  status = 200,
): Promise<Response> {
  const first = await pieces.next();
  let next: IteratorResult<Uint8Array, void> | undefined = first;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = next ?? (await pieces.next());
        next = undefined;
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return();
      },
    },
    // A piece waits to be sent while the next one is made; more would only take memory.
    { highWaterMark: 1 },
  );
  return reply(status, body, headers);
}

/** The same bytes as a gzip file. */
export async function* gzipped(pieces: AsyncGenerator<Uint8Array, void>): AsyncGenerator<Uint8Array, void> {
  // Level 1: traces shrink to a tenth, at three times the speed of the default level.
  const zip = createGzip({ level: 1, chunkSize: 64 * 1024 });
  // A failure of the source destroys `zip`, and reading it throws; leaving the loop below destroys the source.
  pipeline(pieces, zip, () => undefined);
  yield* zip as AsyncIterable<Uint8Array>;
}

const GZIP_ENCODINGS = new Set(["gzip", "x-gzip"]);

/**
 * The body as it comes, unzipped if it is gzip: by its Content-Encoding, or because it is the content of a .gz file.
 *
 * @throws UNSUPPORTED_MEDIA_TYPE for another Content-Encoding; while reading BAD_REQUEST for broken compression or a broken
 *   connection
 */
export async function* readStream(request: Request): AsyncGenerator<Uint8Array, void> {
  const encoding = (request.headers.get("content-encoding") ?? "identity").trim().toLowerCase();
  if (encoding !== "identity" && !GZIP_ENCODINGS.has(encoding)) {
    throw new SightlineError(
      "UNSUPPORTED_MEDIA_TYPE",
      `Content-Encoding "${encoding.slice(0, 50)}" is not supported; send gzip or none.`,
    );
  }
  if (request.body === null) return;
  const pieces = request.body[Symbol.asyncIterator]();
  try {
    const first = await pieces.next();
    if (first.done) return;
    const all = async function* () {
      yield first.value;
      yield* { [Symbol.asyncIterator]: () => pieces };
    };
    const isZipped = GZIP_ENCODINGS.has(encoding) || (first.value[0] === 0x1f && first.value[1] === 0x8b);
    if (!isZipped) {
      yield* all();
      return;
    }
    const unzip = createGunzip({ chunkSize: 128 * 1024 });
    pipeline(all(), unzip, () => undefined);
    yield* unzip as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (cause instanceof SightlineError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? "";
    throw new SightlineError(
      "BAD_REQUEST",
      code.startsWith("Z_")
        ? "The body cannot be unzipped: it is not gzip, or it is cut short."
        : "The connection broke before the whole body had come.",
      { cause },
    );
  }
}
