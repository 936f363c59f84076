/**
 * Text → UTF-8 in pieces, so that no text is so long that its encoding holds up the program.
 */
import { Utf8Text } from "@sightline/wire/otlp/utf8-text";

/** A piece of output; filling it takes some 0.1 to 0.3 ms. */
const SCRATCH_BYTES = 64 * 1024;

// One for all: whoever writes to it takes out what is there before somebody else has a turn.
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** Longest text that is written at once: even if JSON escapes every character (six bytes each) it fits. */
export const PIECE_CHARS = 8 * 1024;
/** Below this, a loop over the characters is faster than calling out of JavaScript. */
const SHORT_CHARS = 48;

/** ASCII that stands for itself in JSON text. */
const isSafe = new Uint8Array(128).fill(1, 0x20);
isSafe[0x22] = 0;
isSafe[0x5c] = 0;

const ASCII_LENGTH = 128;
/** Anything but printable ASCII without `"` and `\`. */
const UNSAFE = /[^ !#-[\]-~]/;

/** Gathers bytes. Every use ends with {@link take}, before others write. */
export class ByteSink {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;
  #at = 0;
  /** How often a whole piece was filled. */
  filled = 0;

  /** What was written. */
  get text(): Utf8Text {
    return new Utf8Text(this.#chunks, this.#length);
  }

  /** Copies what is in the shared memory. */
  take(): void {
    if (this.#at === 0) return;
    // Small ones share memory that Node keeps for that: one piece of memory for each of 10,000 spans is work for the collector.
    const chunk = Buffer.allocUnsafe(this.#at);
    scratch.copy(chunk, 0, 0, this.#at);
    this.#chunks.push(chunk);
    this.#length += this.#at;
    this.#at = 0;
  }

  byte(code: number): void {
    if (this.#at === SCRATCH_BYTES) this.#makeRoom();
    scratch[this.#at++] = code;
  }

  /** Bytes that are few. */
  bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#ensure(length);
    let at = this.#at;
    for (let index = 0; index < length; index++) scratch[at++] = bytes[index] as number; // index < length
    this.#at = at;
  }

  /** A finite number as JSON has it. */
  number(value: number): void {
    this.#ensure(32);
    if (Number.isInteger(value) && value >= 0 && value < 1e9) this.#digits(value);
    else this.#ascii(Object.is(value, -0) ? "0" : String(value));
  }

  /** A JSON string with its quotes. At most {@link PIECE_CHARS} long. */
  jsonString(text: string): void {
    const { length } = text;
    if (length <= SHORT_CHARS) {
      this.#ensure(SHORT_CHARS + 2);
      let at = this.#at;
      scratch[at++] = 0x22;
      let index = 0;
      for (; index < length; index++) {
        const code = text.charCodeAt(index);
        if (code >= ASCII_LENGTH || isSafe[code] === 0) break;
        scratch[at++] = code;
      }
      if (index === length) {
        scratch[at++] = 0x22;
        this.#at = at;
        return;
      }
    }
    this.byte(0x22);
    this.jsonPiece(text);
    this.byte(0x22);
  }

  /** A JSON string of any length. Keys are not as long as to hold anybody up. */
  key(text: string): void {
    if (text.length <= PIECE_CHARS) {
      this.jsonString(text);
      return;
    }
    this.byte(0x22);
    for (let at = 0; at < text.length; ) {
      const end = endOfPiece(text, at);
      this.jsonPiece(text.slice(at, end));
      at = end;
    }
    this.byte(0x22);
  }

  /** A part of a JSON string, without quotes; it does not begin or end within a surrogate pair. */
  jsonPiece(piece: string): void {
    // JSON.stringify reads and copies the text, so it is asked only where something may have to be escaped.
    if (UNSAFE.test(piece)) this.utf8(JSON.stringify(piece).slice(1, -1));
    else this.#latin1(piece);
  }

  /** A text as it is; lone surrogates become U+FFFD. At most six times {@link PIECE_CHARS} bytes. */
  utf8(text: string): void {
    const most = 3 * text.length;
    this.#ensure(most <= SCRATCH_BYTES ? most : Buffer.byteLength(text));
    this.#at += scratch.write(text, this.#at, "utf8");
  }

  #latin1(text: string): void {
    this.#ensure(text.length);
    this.#at += scratch.write(text, this.#at, "latin1");
  }

  #ascii(text: string): void {
    for (let index = 0; index < text.length; index++) scratch[this.#at++] = text.charCodeAt(index);
  }

  #digits(value: number): void {
    let size = 1;
    for (let power = 10; power <= value; power *= 10) size += 1;
    let rest = value;
    for (let at = this.#at + size - 1; at >= this.#at; at--) {
      const next = (rest / 10) | 0;
      scratch[at] = 0x30 + rest - next * 10;
      rest = next;
    }
    this.#at += size;
  }

  #ensure(bytes: number): void {
    if (this.#at + bytes > SCRATCH_BYTES) this.#makeRoom();
  }

  #makeRoom(): void {
    this.take();
    this.filled += 1;
  }
}

/** Where a piece of a long text ends: not within a surrogate pair. */
export function endOfPiece(text: string, from: number): number {
  const end = from + PIECE_CHARS;
  if (end >= text.length) return text.length;
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}

/** Encodes a text of any length in steps; lone surrogates become U+FFFD. */
export class TextEncoding {
  readonly #text: string;
  readonly #sink = new ByteSink();
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The encoded text; whole after the last step. */
  get text(): Utf8Text {
    return this.#sink.text;
  }

  /** Encodes some 64 KB. @returns whether that was all */
  step(): boolean {
    const { filled } = this.#sink;
    while (this.#at < this.#text.length && this.#sink.filled === filled) {
      const end = endOfPiece(this.#text, this.#at);
      this.#sink.utf8(this.#text.slice(this.#at, end));
      this.#at = end;
    }
    this.#sink.take();
    return this.#at === this.#text.length;
  }
}
