/**
 * Binary data inside a snapshot. Arrays of bytes can change under us, so they are copied; a Blob cannot, so it is kept as it is and
 * read when its span is sent.
 */

/** Bytes of an array, as they were when the snapshot was taken. */
export class CapturedBytes {
  readonly token = "bytes";
  /** Name of the class, e.g. `Buffer`. */
  readonly typeName: string;
  /** The first ones, or all of them. */
  readonly bytes: Uint8Array;
  /** How many there were. */
  readonly byteLength: number;
  /** Media type, where the user said it. */
  readonly contentType: string | undefined;

  constructor(typeName: string, bytes: Uint8Array, byteLength: number, contentType?: string) {
    this.typeName = typeName;
    this.bytes = bytes;
    this.byteLength = byteLength;
    this.contentType = contentType;
  }

  /** Whether nothing was left out. */
  get isWhole(): boolean {
    return this.bytes.length === this.byteLength;
  }
}

/** A Blob or File, to be read later. */
export class CapturedBlob {
  readonly token = "blob";
  readonly blob: Blob;
  readonly contentType: string;

  constructor(blob: Blob, contentType: string = blob.type) {
    this.blob = blob;
    this.contentType = contentType;
  }
}

/** Binary data that is not made an attachment is shown by its first bytes. */
const SHOWN_BYTES = 1024;

/** What a span says of bytes that stay in it: class, length, and the first of them in base64. */
export function bytesToData({ typeName, bytes, byteLength }: CapturedBytes): Readonly<Record<string, unknown>> {
  const shown = bytes.subarray(0, SHOWN_BYTES);
  const left = byteLength - shown.length;
  return {
    type: typeName,
    byteLength,
    base64: Buffer.from(shown.buffer, shown.byteOffset, shown.length).toString("base64"),
    ...(left > 0 && { "[truncated]": `${left} more bytes` }),
  };
}

/** What a span says of a Blob whose content is not sent. */
export function blobToText({ blob, contentType }: CapturedBlob): string {
  return `[${blob.constructor.name}: ${contentType || "unknown type"}, ${blob.size} bytes]`;
}

/** The first bytes of a buffer, as a copy; all of them if they are no more than `maxBytes`, else enough to be shown. */
export function copyBytes(source: Uint8Array, maxBytes: number): Uint8Array {
  return Uint8Array.prototype.slice.call(source, 0, source.length <= maxBytes ? source.length : SHOWN_BYTES);
}
