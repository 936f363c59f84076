/**
 * Request bodies as bytes: limited as sent and as decompressed, so that neither a large body nor a small one that inflates to
 * gigabytes gets into memory.
 */
import { createGunzip, createInflate, createInflateRaw, gunzipSync, inflateRawSync, inflateSync } from "node:zlib";
import { SightlineError } from "@sightline/wire/errors";
import type { Reservation } from "./byte-budget.ts";

export interface BodyOptions {
  /** Most bytes, as sent and again after decompression. */
  readonly maxBytes: number;
  /** Told of every byte that is held. */
  readonly reservation?: Reservation;
}

// DEFLATE expands at most 1032 times: 16 KiB give 16 MiB at worst, some 15 ms on the main thread. Usual bodies of one trace are
// smaller than that, and a stream with its thread changes costs them three times the CPU.
const INFLATE_AT_ONCE_BYTES = 16 * 1024;
const INFLATE_CHUNK_BYTES = 128 * 1024;

/** A body as it was sent. */
export interface SentBody {
  readonly bytes: Uint8Array;
  /** Content-Encoding in lower case; "" = none. */
  readonly encoding: string;
}

/**
 * Reads the whole body, decompressed.
 *
 * @throws as {@link readSentBody} and {@link decompress}
 */
export async function readBody(request: Request, options: BodyOptions): Promise<Uint8Array> {
  const sent = await readSentBody(request, options);
  const body = await decompress(sent, options);
  if (body !== sent.bytes) options.reservation?.shrink(sent.bytes.length);
  return body;
}

/**
 * Reads the whole body as it was sent.
 *
 * @throws BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE for an unknown Content-Encoding, BAD_REQUEST for a broken connection,
 *   INGEST_OVERLOADED by the reservation
 */
export async function readSentBody(request: Request, options: BodyOptions): Promise<SentBody> {
  const header = (request.headers.get("content-encoding") ?? "").trim().toLowerCase();
  const encoding = header === "identity" ? "" : header;
  if (encoding !== "" && !Object.hasOwn(inflaters, encoding)) {
    throw new SightlineError(
      "UNSUPPORTED_MEDIA_TYPE",
      `Content-Encoding "${encoding.slice(0, 50)}" is not supported; send gzip, deflate or none.`,
    );
  }
  return { bytes: await readSent(request, options), encoding };
}

/**
 * The body without its compression; the same bytes if it has none.
 *
 * @throws BODY_TOO_LARGE, BAD_REQUEST for broken compression, INGEST_OVERLOADED by the reservation
 */
export async function decompress({ bytes, encoding }: SentBody, options: BodyOptions): Promise<Uint8Array> {
  const inflater = Object.hasOwn(inflaters, encoding) ? inflaters[encoding] : undefined;
  return inflater && bytes.length > 0 ? inflate(bytes, inflater(bytes), options) : bytes;
}

async function readSent(request: Request, options: BodyOptions): Promise<Uint8Array> {
  const header = request.headers.get("content-length");
  try {
    if (header !== null) {
      // Node's parser ends the body at Content-Length, so the header can be believed.
      const length = Number(header);
      if (length > options.maxBytes) throw tooLarge(`has ${length} bytes`, options);
      options.reservation?.grow(length);
      return new Uint8Array(await request.arrayBuffer());
    }
    return request.body === null ? new Uint8Array() : await collect(request.body, "is longer", options);
  } catch (cause) {
    if (cause instanceof SightlineError) throw cause;
    throw new SightlineError("BAD_REQUEST", "The connection broke before the whole body had come.", { cause });
  }
}

interface Inflater {
  readonly atOnce: (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
  readonly stream: (options: { chunkSize: number }) => NodeJS.ReadWriteStream;
}

const gzip: Inflater = { atOnce: gunzipSync, stream: createGunzip };
const zlib: Inflater = { atOnce: inflateSync, stream: createInflate };
const raw: Inflater = { atOnce: inflateRawSync, stream: createInflateRaw };

const inflaters: Readonly<Record<string, (bytes: Uint8Array) => Inflater>> = {
  gzip: () => gzip,
  "x-gzip": () => gzip,
  // RFC 9110 section 8.4.1.2: "deflate" is the zlib format, but some senders leave its two header bytes out.
  deflate: ([first = 0, second = 0]) => ((first & 0x0f) === 8 && (first * 256 + second) % 31 === 0 ? zlib : raw),
};

async function inflate(sent: Uint8Array, inflater: Inflater, options: BodyOptions): Promise<Uint8Array> {
  try {
    if (sent.length <= INFLATE_AT_ONCE_BYTES) {
      const body = inflater.atOnce(sent, { maxOutputLength: options.maxBytes });
      options.reservation?.grow(body.length);
      return body;
    }
    const stream = inflater.stream({ chunkSize: INFLATE_CHUNK_BYTES });
    stream.end(sent);
    return await collect(stream as AsyncIterable<Uint8Array>, "is longer after decompression", options);
  } catch (cause) {
    if (cause instanceof SightlineError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ERR_BUFFER_TOO_LARGE") throw tooLarge("is longer after decompression", options);
    throw new SightlineError("BAD_REQUEST", "The body cannot be decompressed; check its Content-Encoding.", { cause });
  }
}

/** All chunks as one; stops at the first byte over a limit, which ends the source. */
async function collect(source: AsyncIterable<Uint8Array>, what: string, options: BodyOptions): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    if (length > options.maxBytes) throw tooLarge(what, options);
    options.reservation?.grow(chunk.length);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function tooLarge(what: string, { maxBytes }: BodyOptions): SightlineError {
  return new SightlineError("BODY_TOO_LARGE", `The body ${what}; the limit is ${maxBytes} bytes. Send less at a time.`);
}
