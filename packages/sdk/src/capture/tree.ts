/**
 * A tape as JSON data: for what has to look at a value as a whole, e.g. a program's own masking.
 */
import { blobToText, bytesToData, type CapturedBlob, type CapturedBytes } from "./binary.ts";
import { ARRAY, CLOSE, OpenShape, Shape, type Tape, TapeReader, type Token } from "./tape.ts";

/** What is put in the place of files. */
export interface FileReplacer {
  /** @returns what stands for the data; undefined = its first bytes, the name of a Blob */
  binary(data: CapturedBytes | CapturedBlob): unknown;
  /**
   * @param siblings  gives the members of the object that holds the text
   * @returns what stands for a text that is a file; undefined = it is none
   */
  text(text: string, key: string | undefined, siblings: () => ReadonlyMap<string, unknown>): unknown;
}

const NO_REPLACER: FileReplacer = { binary: () => undefined, text: () => undefined };

/** Builds the objects and arrays of a tape. Members that were undefined are not there; `undefined` itself stays. */
export function tapeToTree(tape: Tape, replacer: FileReplacer = NO_REPLACER): unknown {
  return new Builder(tape, replacer).value();
}

class Builder {
  readonly #reader: TapeReader;
  readonly #replacer: FileReplacer;

  constructor(tape: Tape, replacer: FileReplacer) {
    this.#reader = new TapeReader(tape);
    this.#replacer = replacer;
  }

  value(): unknown {
    const token = this.#reader.next();
    return typeof token === "string" ? (this.#replacer.text(token, undefined, () => new Map()) ?? token) : this.#of(token);
  }

  #of(token: Token): unknown {
    if (typeof token !== "object" || token === null) return token;
    if (token === ARRAY) return this.#array();
    if (token instanceof Shape) return this.#object(token, false);
    if (token instanceof OpenShape) return this.#object(token.shape, true);
    if (token === CLOSE) throw new Error("A snapshot closes an object that is not open.");
    const data = token as CapturedBytes | CapturedBlob; // all others are taken care of above
    return this.#replacer.binary(data) ?? (data.token === "bytes" ? bytesToData(data) : blobToText(data));
  }

  #array(): unknown[] {
    const length = Number(this.#reader.next());
    const items: unknown[] = [];
    for (let index = 0; index < length; index++) items.push(this.value());
    return items;
  }

  #object(shape: Shape, isOpen: boolean): Record<string, unknown> {
    const members = new Map<string, unknown>();
    for (const { key } of shape.members) members.set(key, this.#member());
    if (isOpen) {
      for (let key = this.#reader.next(); key !== CLOSE; key = this.#reader.next()) {
        members.set(String(key), this.#member());
      }
    }
    const texts = [...members].filter((member): member is [string, string] => typeof member[1] === "string");
    const replaced = texts.map(([key, text]) => [key, this.#replacer.text(text, key, () => members)] as const);
    for (const [key, value] of replaced) if (value !== undefined) members.set(key, value);
    // Not assignments: a key "__proto__" must stay a member.
    return Object.fromEntries(members);
  }

  /** Texts are looked at when their siblings are known. */
  #member(): unknown {
    const token = this.#reader.next();
    return typeof token === "string" ? token : this.#of(token);
  }
}
