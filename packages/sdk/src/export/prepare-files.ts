/**
 * Takes files out of a span: what stays is a reference, in MLflow's form, and what was taken is uploaded on its own.
 */
import { createHash } from "node:crypto";
import { isAnyArrayBuffer, isUint8Array } from "node:util/types";
import { toTraceId } from "@sightline/wire/ids";
import { type FoundFile, findFile, MIN_ATTACHMENT_BYTES } from "../capture/attachments.ts";
import { blobToText, bytesToData, type CapturedBlob, CapturedBytes } from "../capture/binary.ts";
import { MASKING_FAILED } from "../capture/mask.ts";
import { countFailure } from "../diagnostics.ts";
import type { LiftedAttachment } from "./prepared-span.ts";

/** Work in steps: it stops where the event loop may have a turn, or at a promise whose value it goes on with. */
export type Pauses<T> = Generator<Promise<unknown> | undefined, T, unknown>;

export interface LiftOptions {
  /** Whether files are taken out; else binary data is shown by its first bytes, and texts stay. */
  readonly isLifting: boolean;
  /** What may be sent of bytes: bytes, a text in their place, or undefined for nothing. Gives them back when there is no mask. */
  readonly mask: (bytes: Uint8Array, key: string) => unknown;
}

/** The server takes no more. */
const MAX_ATTACHMENT_BYTES = 64 * 1024 * 1024;
/** Hashing this much takes about a millisecond. */
const HASH_BYTES = 1024 * 1024;
/** Decoding this much takes about a millisecond; whole groups of four characters. */
const DECODE_CHARS = 1024 * 1024;

/** Takes the files out of one span. */
export class FileLifter {
  readonly #traceId: string;
  readonly #options: LiftOptions;
  /** A file that comes twice in a span is sent once. */
  readonly #lifted = new Map<string, LiftedAttachment>();

  constructor(traceId: string, options: LiftOptions) {
    this.#traceId = traceId;
    this.#options = options;
  }

  /** What was taken out so far. */
  get lifted(): LiftedAttachment[] {
    return [...this.#lifted.values()];
  }

  /**
   * Takes out a file.
   *
   * @param key  the attribute that holds it
   * @returns what stands in its place: a reference, or what is shown of binary data; undefined = the text as it is
   */
  *lift(file: CapturedBytes | CapturedBlob | FoundFile, key: string): Pauses<unknown> {
    if (!("token" in file)) return yield* this.#liftBase64(file, key);
    return file.token === "blob" ? yield* this.#liftBlob(file, key) : yield* this.#liftBytes(file, key);
  }

  /** Takes out the file that a text attribute is. @returns undefined = it is none */
  *liftText(text: string, key: string): Pauses<string | undefined> {
    const file = findFile(text, undefined, () => new Map());
    const reference = file && (yield* this.lift(file, key));
    return typeof reference === "string" ? reference : undefined;
  }

  *#liftBase64({ base64, contentType }: FoundFile, key: string): Pauses<unknown> {
    if (!this.#options.isLifting) return undefined;
    const bytes = yield* decodeBase64(base64);
    return bytes && (yield* this.#take(bytes, contentType, key));
  }

  *#liftBytes(data: CapturedBytes, key: string): Pauses<unknown> {
    // What the program marked is taken out at any size.
    const isFile = data.contentType !== undefined || data.byteLength > MIN_ATTACHMENT_BYTES;
    if (this.#options.isLifting && data.isWhole && isFile) {
      return yield* this.#take(data.bytes, data.contentType ?? "application/octet-stream", key);
    }
    const masked = this.#mask(data.bytes, key);
    if (masked === data.bytes) return bytesToData(data);
    return isUint8Array(masked) ? bytesToData(new CapturedBytes(data.typeName, masked, masked.length)) : masked;
  }

  *#liftBlob(data: CapturedBlob, key: string): Pauses<unknown> {
    if (!this.#options.isLifting || data.blob.size > MAX_ATTACHMENT_BYTES) return blobToText(data);
    const read = data.blob.arrayBuffer().catch((error: unknown) => {
      // A file on disk that is gone by now.
      countFailure("reading a Blob", error);
    });
    const buffer = yield read;
    if (!isAnyArrayBuffer(buffer)) return blobToText(data);
    return yield* this.#take(new Uint8Array(buffer), data.contentType || "application/octet-stream", key);
  }

  *#take(bytes: Uint8Array, contentType: string, key: string): Pauses<string> {
    const masked = this.#mask(bytes, key);
    if (typeof masked === "string") return masked;
    const hash = createHash("sha256").update(contentType);
    for (let at = 0; at < masked.length; at += HASH_BYTES) {
      hash.update(masked.subarray(at, at + HASH_BYTES));
      yield;
    }
    const attachmentId = toUuid(hash.digest());
    this.#lifted.set(attachmentId, { traceId: this.#traceId, attachmentId, contentType, bytes: masked });
    return referenceTo(attachmentId, contentType, toTraceId(this.#traceId), masked.length);
  }

  /** Bytes, or the text that is to stand in their place. */
  #mask(bytes: Uint8Array, key: string): Uint8Array | string {
    const masked = this.#options.mask(bytes, key);
    if (isUint8Array(masked) || typeof masked === "string") return masked;
    return masked === undefined || masked === null ? "[masked]" : MASKING_FAILED;
  }
}

/** @returns undefined when the text is not base64 to its end */
function* decodeBase64(base64: string): Pauses<Uint8Array | undefined> {
  const digits = base64.length - (base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0);
  if (digits % 4 === 1) return undefined;
  const bytes = Buffer.allocUnsafeSlow(Math.floor((digits * 3) / 4));
  let length = 0;
  for (let at = 0; at < digits; at += DECODE_CHARS) {
    const piece = base64.slice(at, Math.min(at + DECODE_CHARS, digits));
    const room = bytes.length - length;
    const written = bytes.write(piece, length, "base64");
    // Node passes over what is no base64, so less comes out.
    if (written !== Math.min(room, Math.floor((piece.length * 3) / 4))) return undefined;
    length += written;
    yield;
  }
  return length === bytes.length ? bytes : undefined;
}

/** The same file of the same trace has the same id, so it is uploaded once, however often the conversation repeats it. */
function toUuid(hash: Uint8Array): string {
  const bytes = Buffer.from(hash.subarray(0, 16));
  // RFC 9562, version 8: bits of the maker's own choice.
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function referenceTo(attachmentId: string, contentType: string, traceId: string, size: number): string {
  const type = encodeURIComponent(contentType);
  return `mlflow-attachment://${attachmentId}?content_type=${type}&trace_id=${traceId}&size=${size}`;
}
