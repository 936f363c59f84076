/**
 * Snapshot → JSON text in UTF-8, in steps of well under a millisecond: the text that `JSON.stringify` would give, made while the
 * program has its turns in between.
 */

import type { Utf8Text } from "@sightline/wire/otlp/utf8-text";
import { type FoundFile, findFile, MIN_FILE_CHARS } from "../capture/attachments.ts";
import type { CapturedBlob, CapturedBytes } from "../capture/binary.ts";
import { type Shape, type Tape, TapeReader, type Token } from "../capture/tape.ts";
import { ByteSink, endOfPiece, PIECE_CHARS } from "./encode-bytes.ts";

/** What a step of the encoder ends with; a file waits for {@link JsonEncoder.replace}. */
export type Step = "more" | "done" | CapturedBytes | CapturedBlob | FoundFile;

/** An object or array that is being written. */
interface Frame {
  kind: "value" | "array" | "object";
  /** Values of its array or shape that are still to come. */
  left: number;
  members: readonly Shape[];
  /** Whether keys and values follow those of the shape. */
  isOpen: boolean;
  isFirst: boolean;
  /** The last key that stood beside its value. */
  key: string | undefined;
  /** Where its values begin. */
  chunk: number;
  at: number;
}

const COMMA = 0x2c;
const COLON = 0x3a;
const QUOTE = 0x22;
const NULL = Buffer.from("null");
const TRUE = Buffer.from("true");
const FALSE = Buffer.from("false");
const NO_MEMBERS: readonly Shape[] = [];

/** Encodes one snapshot. Call {@link step} until it is done, {@link replace} when it has found a file. */
export class JsonEncoder {
  readonly #tape: Tape;
  readonly #reader: TapeReader;
  readonly #sink = new ByteSink();
  // Reused: an object each for 200,000 objects is work for the collector.
  readonly #frames: Frame[] = [];
  #depth = 0;
  /** A long text and how far it is. */
  #long: string | undefined;
  #longAt = 0;
  /** A text that was found to be a file; it stays as it is if nothing is to replace it. */
  #asked: string | undefined;

  constructor(tape: Tape) {
    this.#tape = tape;
    this.#reader = new TapeReader(tape);
    this.#enter("value", 1, NO_MEMBERS, false);
  }

  /** The text; whole after the last step. */
  get text(): Utf8Text {
    return this.#sink.text;
  }

  /** Encodes some 64 KB. */
  step(): Step {
    const sink = this.#sink;
    const { filled } = sink;
    let step: Step = "more";
    while (step === "more" && sink.filled === filled) {
      if (this.#long !== undefined) this.#writePiece(this.#long);
      else step = this.#values();
    }
    sink.take();
    return step;
  }

  /**
   * Answers a step that ended with a file.
   *
   * @param value  what is written in its place; undefined = the text as it is
   */
  replace(value: unknown): void {
    const json = value === undefined ? undefined : JSON.stringify(value);
    if (json !== undefined) this.#sink.utf8(json);
    else this.#string(this.#asked ?? "");
    this.#asked = undefined;
    this.#sink.take();
  }

  /** Writes values of the innermost object or array until it ends, another begins, or there is enough for a step. */
  #values(): Step {
    const sink = this.#sink;
    const { filled } = sink;
    const frame = this.#frames[this.#depth - 1];
    if (frame === undefined) return "done";
    while (sink.filled === filled) {
      if (frame.left === 0) {
        if (!frame.isOpen || !this.#openKey(frame)) {
          this.#leave(frame);
          return "more";
        }
      } else {
        frame.left -= 1;
        if (!frame.isFirst) sink.byte(COMMA);
        frame.isFirst = false;
        if (frame.kind === "object") sink.bytes(keyJson(frame.members[frame.members.length - frame.left - 1] as Shape)); // one for each value
      }
      const value = this.#reader.next();
      switch (typeof value) {
        case "string": {
          const file = value.length >= MIN_FILE_CHARS ? this.#fileIn(value, frame) : undefined;
          if (file !== undefined) {
            this.#asked = value;
            return file;
          }
          this.#string(value);
          if (this.#long !== undefined) return "more";
          break;
        }
        case "number":
          sink.number(value);
          break;
        case "boolean":
          sink.bytes(value ? TRUE : FALSE);
          break;
        default: {
          if (value === null || value === undefined) {
            sink.bytes(NULL);
            break;
          }
          return this.#begin(value);
        }
      }
    }
    return "more";
  }

  #begin(token: Exclude<Token, string | number | boolean | null | undefined>): Step {
    switch (token.token) {
      case "array":
        this.#sink.byte(0x5b);
        this.#enter("array", Number(this.#reader.next()), NO_MEMBERS, false);
        return "more";
      case "shape":
        this.#sink.byte(0x7b);
        this.#enter("object", token.size, token.members, false);
        return "more";
      case "open":
        this.#sink.byte(0x7b);
        this.#enter("object", token.shape.size, token.shape.members, true);
        return "more";
      case "close":
        throw new Error("A snapshot closes an object that is not open.");
      default:
        return token;
    }
  }

  #enter(kind: Frame["kind"], left: number, members: readonly Shape[], isOpen: boolean): void {
    const { chunk, at } = this.#reader;
    const frame = this.#frames[this.#depth];
    this.#depth += 1;
    if (frame === undefined) {
      this.#frames.push({ kind, left, members, isOpen, isFirst: true, key: undefined, chunk, at });
      return;
    }
    frame.kind = kind;
    frame.left = left;
    frame.members = members;
    frame.isOpen = isOpen;
    frame.isFirst = true;
    frame.key = undefined;
    frame.chunk = chunk;
    frame.at = at;
  }

  #leave(frame: Frame): void {
    this.#depth -= 1;
    if (frame.kind === "array") this.#sink.byte(0x5d);
    else if (frame.kind === "object") this.#sink.byte(0x7d);
  }

  /** Writes the key of a member beside the shape; false when there is none any more. */
  #openKey(frame: Frame): boolean {
    const key = this.#reader.next();
    if (typeof key !== "string") return false;
    if (!frame.isFirst) this.#sink.byte(COMMA);
    frame.isFirst = false;
    frame.key = key;
    this.#sink.key(frame.key);
    this.#sink.byte(COLON);
    return true;
  }

  #fileIn(text: string, frame: Frame): FoundFile | undefined {
    const key = frame.key ?? frame.members[frame.members.length - frame.left - 1]?.key;
    return findFile(text, key, () => new TapeReader(this.#tape, frame.chunk, frame.at).plainMembers(frame));
  }

  #string(text: string): void {
    if (text.length <= PIECE_CHARS) {
      this.#sink.jsonString(text);
      return;
    }
    this.#sink.byte(QUOTE);
    this.#long = text;
    this.#longAt = 0;
  }

  #writePiece(text: string): void {
    const end = endOfPiece(text, this.#longAt);
    this.#sink.jsonPiece(text.slice(this.#longAt, end));
    this.#longAt = end;
    if (end < text.length) return;
    this.#sink.byte(QUOTE);
    this.#long = undefined;
  }
}

function keyJson(shape: Shape): Uint8Array {
  shape.keyJson ??= Buffer.from(`${JSON.stringify(shape.key)}:`);
  return shape.keyJson;
}
