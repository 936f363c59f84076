/**
 * A text that is UTF-8 already, in chunks: long payloads are encoded in pieces, and are not put together again to be sent.
 */
export class Utf8Text {
  readonly chunks: readonly Uint8Array[];
  /** Bytes of all chunks together. */
  readonly length: number;

  constructor(chunks: readonly Uint8Array[], length: number) {
    this.chunks = chunks;
    this.length = length;
  }
}
