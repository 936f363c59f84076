/**
 * Writes protobuf's wire format from the back to the front: the length of a message is known when it has to be written, so
 * nothing is measured beforehand and nothing is moved afterwards.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
import { WireType } from "./protobuf-reader.ts";
import type { Utf8Text } from "./utf8-text.ts";

const HEX = /^(?:[0-9a-f]{2})*$/i;
const utf8 = new TextEncoder();
// Above this, TextEncoder is faster than a loop over characters.
const SHORT_TEXT_CHARS = 64;
// Copying this much costs less than what comes of one chunk more.
const SMALL_CHUNK_BYTES = 16 * 1024;
const GATHERED_BYTES = 64 * 1024;

/** A buffer that is filled from its end; grows by doubling. */
export class ProtobufWriter {
  #bytes: Uint8Array;
  #view: DataView;
  /** Offset of the first written byte. */
  #pos: number;
  /** Chunks behind those bytes, from last to first, that are finished. */
  #behind: Uint8Array[] = [];
  #behindBytes = 0;

  constructor(initialBytes = 4096) {
    this.#bytes = new Uint8Array(initialBytes);
    this.#view = new DataView(this.#bytes.buffer);
    this.#pos = initialBytes;
  }

  /** Bytes written so far. Taken before and after, it gives the length of what was written between. */
  get written(): number {
    return this.#inBuffer + this.#behindBytes;
  }

  /** Bytes of memory that it keeps. */
  get size(): number {
    return this.#bytes.length;
  }

  get #inBuffer(): number {
    return this.#bytes.length - this.#pos;
  }

  /** What was written, as a copy of exactly its size. */
  finish(): Uint8Array {
    if (this.#behind.length === 0) return this.#bytes.slice(this.#pos);
    const whole = new Uint8Array(this.written);
    let at = 0;
    for (const chunk of this.finishChunks()) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  /** What was written, in order; chunks that were given are not copied. The writer is empty afterwards and can be used again. */
  finishChunks(): Uint8Array[] {
    this.#seal();
    const chunks = this.#behind.reverse();
    this.#behind = [];
    this.#behindBytes = 0;
    return chunks;
  }

  tag(fieldNumber: number, wireType: number): void {
    this.varint(fieldNumber * 8 + wireType);
  }

  /** Length and tag of everything written since `written` had the value `before`. */
  close(fieldNumber: number, before: number): void {
    this.varint(this.written - before);
    this.tag(fieldNumber, WireType.LENGTH);
  }

  /** @param value  a whole number from 0 to 2^53 */
  varint(value: number): void {
    let size = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size += 1;
    let pos = this.#reserve(size);
    let rest = value;
    for (; size > 1; size--) {
      this.#bytes[pos++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[pos] = rest;
  }

  /** A 64-bit two's complement varint. */
  int64(value: number | bigint): void {
    if (typeof value === "number" && value >= 0) {
      this.varint(value);
      return;
    }
    const groups: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest >= 128n; rest >>= 7n) groups.push(Number(rest & 0x7fn) | 0x80);
    groups.push(Number(rest));
    this.bytes(groups);
  }

  fixed64(value: bigint): void {
    const pos = this.#reserve(8); // before #view is read: it may be replaced
    this.#view.setBigUint64(pos, BigInt.asUintN(64, value), true);
  }

  double(value: number): void {
    const pos = this.#reserve(8);
    this.#view.setFloat64(pos, value, true);
  }

  /** Raw bytes, without their length. */
  bytes(bytes: ArrayLike<number>): void {
    const pos = this.#reserve(bytes.length);
    this.#bytes.set(bytes, pos);
  }

  /** Bytes that somebody else has made, without their length. Large chunks are taken over as they are, small ones put together. */
  chunks({ chunks }: Pick<Utf8Text, "chunks">): void {
    for (let i = chunks.length - 1; i >= 0; i--) {
      const chunk = chunks[i] as Uint8Array; // 0 <= i < chunks.length
      if (chunk.length > SMALL_CHUNK_BYTES) {
        this.#seal();
        this.#behind.push(chunk);
        this.#behindBytes += chunk.length;
      } else {
        this.bytes(chunk);
        if (this.#inBuffer > GATHERED_BYTES) this.#seal();
      }
    }
  }

  /** UTF-8 without its length; lone surrogates become U+FFFD. */
  text(text: string): void {
    if (text.length > SHORT_TEXT_CHARS) {
      this.bytes(utf8.encode(text));
      return;
    }
    const pos = this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) {
        this.#pos = pos + text.length;
        this.bytes(utf8.encode(text));
        return;
      }
      this.#bytes[pos + i] = code;
    }
  }

  /** The bytes of a hex string. An id that is not hex is written as an empty one, which the receiver refuses by name. */
  hex(text: string): void {
    if (!HEX.test(text)) return;
    const size = text.length / 2;
    const pos = this.#reserve(size);
    for (let i = 0; i < size; i++) {
      this.#bytes[pos + i] = digit(text.charCodeAt(2 * i)) * 16 + digit(text.charCodeAt(2 * i + 1));
    }
  }

  #seal(): void {
    const written = this.#inBuffer;
    if (written === 0) return;
    this.#behind.push(this.#bytes.slice(this.#pos));
    this.#behindBytes += written;
    this.#pos = this.#bytes.length;
  }

  #reserve(count: number): number {
    if (count > this.#pos) {
      const written = this.#inBuffer;
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, 2 * (written + count)));
      grown.set(this.#bytes.subarray(this.#pos), grown.length - written);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
      this.#pos = grown.length - written;
    }
    this.#pos -= count;
    return this.#pos;
  }
}

/** The value of a hex digit. */
function digit(code: number): number {
  return code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57;
}
