/**
 * Reads protobuf's wire format: varints, lengths, fixed numbers and text. Knows bytes, not messages.
 *
 * Every read is checked against the end of the message it is in, so a false length can neither read on nor allocate.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
import { SightlineError } from "../errors.ts";
import { keyOf } from "./key-cache.ts";

export const WireType = { VARINT: 0, FIXED64: 1, LENGTH: 2, FIXED32: 5 } as const;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
// Not fatal: bytes that are not UTF-8 become U+FFFD. ignoreBOM keeps a leading U+FEFF as the text it is.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
// A call into TextDecoder costs about 65 ns whatever the length, a loop over ASCII bytes 5 ns a byte (Node 20, x64).
const SHORT_TEXT_BYTES = 12;

/** A cursor over protobuf bytes. Methods throw OTLP_MALFORMED with the byte offset. */
export class ProtobufReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #pos = 0;
  #messages = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get pos(): number {
    return this.#pos;
  }

  /** Called for each message that becomes an object, so that a body of empty ones cannot exhaust the memory. */
  countMessage(max: number): void {
    this.#messages += 1;
    if (this.#messages > max) this.fail(this.#pos, `there are more than ${max} spans, events and links`);
  }

  /** Goes on at an offset that was found by reading: forward over what nobody wants, or back to where a look ahead began. */
  skipTo(offset: number): void {
    this.#pos = offset;
  }

  /** A tag: field number × 8 + wire type. */
  tag(end: number): number {
    const start = this.#pos;
    const tag = this.varint(end);
    if (tag < 8 || tag > 0xffff_ffff) this.fail(start, `field number ${Math.floor(tag / 8)} is not possible`);
    return tag;
  }

  /** An unsigned varint; above 2^53 only about right, which is enough for lengths and tags. */
  varint(end: number): number {
    const bytes = this.#bytes;
    const start = this.#pos;
    let value = 0;
    let scale = 1;
    for (let pos = start; pos < end; pos++) {
      const byte = bytes[pos] as number; // pos < end <= bytes.length
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.#pos = pos + 1;
        return value;
      }
      // A 64-bit number takes at most ten groups of seven bits.
      if (pos - start >= 9) break;
      scale *= 128;
    }
    return this.fail(start, "a number does not end");
  }

  /** A 64-bit two's complement varint: a number if it is a safe integer, else a bigint. */
  int64(end: number): number | bigint {
    const start = this.#pos;
    const value = this.varint(end);
    if (value <= Number.MAX_SAFE_INTEGER) return value;
    let exact = 0n;
    for (let pos = this.#pos - 1; pos >= start; pos--) {
      exact = (exact << 7n) | BigInt((this.#bytes[pos] as number) & 0x7f); // start <= pos < this.#pos
    }
    const signed = BigInt.asIntN(64, exact);
    const rounded = Number(signed);
    return Number.isSafeInteger(rounded) ? rounded : signed;
  }

  /** An enum: a 32-bit two's complement varint. */
  int32(end: number): number {
    return Number(BigInt.asIntN(32, BigInt(this.int64(end))));
  }

  fixed64(end: number): bigint {
    return this.#view.getBigUint64(this.#take(8, end), true);
  }

  double(end: number): number {
    return this.#view.getFloat64(this.#take(8, end), true);
  }

  /** Reads a length; gives the offset after that many bytes. */
  length(end: number): number {
    const start = this.#pos;
    const length = this.varint(end);
    if (length > end - this.#pos) {
      this.fail(
        start,
        `a length of ${length} runs past the end of its message, which has ${end - this.#pos} bytes left`,
      );
    }
    return this.#pos + length;
  }

  /** Text up to `end`. */
  text(end: number): string {
    const start = this.#pos;
    this.#pos = end;
    const bytes = this.#bytes;
    if (end - start > SHORT_TEXT_BYTES) return utf8.decode(bytes.subarray(start, end));
    let text = "";
    for (let pos = start; pos < end; pos++) {
      const byte = bytes[pos] as number; // pos < end <= bytes.length
      if (byte > 0x7f) return utf8.decode(bytes.subarray(start, end));
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** Text up to `end` that is likely to have been seen before, such as an attribute key. */
  key(end: number): string {
    const start = this.#pos;
    this.#pos = end;
    return keyOf(this.#bytes, start, end) ?? utf8.decode(this.#bytes.subarray(start, end));
  }

  /** Bytes up to `end` as lower-case hex. */
  hex(end: number): string {
    let text = "";
    for (let pos = this.#pos; pos < end; pos++) text += HEX[this.#bytes[pos] as number] as string; // a byte is 0-255
    this.#pos = end;
    return text;
  }

  /** Bytes up to `end`, copied so that a small value does not keep the whole body alive. */
  blob(end: number): Uint8Array {
    const copy = this.#bytes.slice(this.#pos, end);
    this.#pos = end;
    return copy;
  }

  skip(wireType: number, end: number): void {
    switch (wireType) {
      case WireType.VARINT:
        this.varint(end);
        return;
      case WireType.FIXED64:
        this.#take(8, end);
        return;
      case WireType.LENGTH:
        this.#pos = this.length(end);
        return;
      case WireType.FIXED32:
        this.#take(4, end);
        return;
      default:
        // Groups (3, 4) left protobuf before OTLP was born; 6 and 7 were never given out.
        this.fail(this.#pos - 1, `wire type ${wireType} does not occur in OTLP`);
    }
  }

  fail(offset: number, what: string): never {
    throw new SightlineError(
      "OTLP_MALFORMED",
      `The body is not an OTLP trace export request in protobuf: at byte ${offset} of ${this.#bytes.length}, ${what}.${hintFor(this.#bytes)}`,
      { details: { offset } },
    );
  }

  #take(count: number, end: number): number {
    const start = this.#pos;
    if (count > end - start) this.fail(start, `${count} bytes are needed, but its message has ${end - start} left`);
    this.#pos = start + count;
    return start;
  }
}

/** What the first bytes give away about the sender's mistake. */
function hintFor(bytes: Uint8Array): string {
  if (bytes[0] === 0x7b) return " It looks like JSON: send it with Content-Type: application/json.";
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return " It looks gzipped: send it with Content-Encoding: gzip.";
  return " Check that the sender's exporter speaks OTLP/HTTP protobuf and that nothing on the way cut the body.";
}
