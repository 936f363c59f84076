/**
 * Snapshots of values: what a span keeps of its inputs and outputs.
 *
 * A snapshot is a structural copy that shares the strings (they are immutable), so that later changes by the user do not show and
 * 10 MB of text cost microseconds. It holds JSON data only; JSON text is made from it when the span is sent, away from the
 * caller. It is bounded, and what is cut says so at the place where it was cut.
 */
import { CapturedBlob, CapturedBytes } from "./binary.ts";
import { className, instanceToData, isSecretMember, MASKED, threw } from "./instance-data.ts";
import { ARRAY, CLOSE, rootShape, type Shape, Tape } from "./tape.ts";

export interface SnapshotLimits {
  /** Most objects, arrays and members together. */
  readonly maxNodes: number;
  /** Most bytes of JSON text, roughly. Binary data comes on top. */
  readonly maxBytes: number;
  /** Most objects inside each other. */
  readonly maxDepth: number;
  /** Most bytes of binary data that are copied, to become attachments; default 16 MiB. What does not fit is shown by its start. */
  readonly maxBinaryBytes?: number;
}

/** Limits of inputs, outputs and attributes. */
const DEFAULT_SNAPSHOT_LIMITS: SnapshotLimits = {
  // A payload of 200,000 messages with five members each; copying it takes some 20 ms (bench/export-overhead).
  maxNodes: 2_000_000,
  // Two of these (inputs and outputs) stay under the server's limit of 64 MiB for a request, quotes escaped.
  maxBytes: 16 * 1024 * 1024,
  // Far above what people write by hand; below the depth at which JSON.parse of common viewers gives up.
  maxDepth: 100,
};

/** 4 ms of the caller's time. */
const DEFAULT_MAX_BINARY_BYTES = 16 * 1024 * 1024;

/** Bytes of `{}`, `[]` and their like, and of the quotes and colon of a member. */
const NODE_BYTES = 2;
const MEMBER_BYTES = 4;

/** A value as it was. Taken by {@link takeSnapshot}; a value that holds snapshots is copied with what they hold. */
export class Snapshot {
  /** See tape.ts. */
  readonly tape: Tape;
  /** About the memory that it holds and the bytes of its JSON text, whichever is more; its binary data included. */
  readonly bytes: number;
  /** How many places were cut off; each carries a mark that begins with `[truncated`. */
  readonly truncations: number;

  constructor(tape: Tape, bytes: number, truncations: number) {
    this.tape = tape;
    this.bytes = bytes;
    this.truncations = truncations;
  }
}

/**
 * Copies `value` as JSON data. Never throws, whatever getters, proxies and `toJSON` do.
 *
 * What JSON has no form for becomes: Date → ISO text; Map → object (or pairs, when keys are not strings); Set → array; bigint →
 * number, or decimal text beyond 2^53; NaN and infinities → their names; typed arrays → numbers; bytes and Blobs → binary data;
 * Error → name, message, stack, cause, errors and own members; functions, symbols, promises, streams → `[Function: name]` and the
 * like; a cycle → `[Circular]`; a member that throws → `[Threw …]`; class instances → their own members, with secrets such as
 * `apiKey` masked.
 */
export function takeSnapshot(value: unknown, limits: SnapshotLimits = DEFAULT_SNAPSHOT_LIMITS): Snapshot {
  const copier = new Copier(limits);
  try {
    copier.value(value, 0);
    const { tape, bytes, truncations } = copier;
    // Of small values the list is larger than the text.
    return new Snapshot(tape, Math.max(bytes, tape.memory), truncations);
  } catch (error) {
    // The stack is exhausted: the caller's own recursion, most likely.
    const tape = new Tape();
    const text = threw(error);
    tape.push(text);
    return new Snapshot(tape, text.length, 0);
  }
}

type Dictionary = Record<string, unknown>;

/** By reference: objects may have a member of that name. */
const { hasOwnProperty: isOwn } = Object.prototype;

class Copier {
  readonly tape = new Tape();
  readonly #limits: SnapshotLimits;
  readonly #root = rootShape();
  /** Objects on the way from the root to here. A scan of so few is faster than a Set. */
  readonly #ancestors: object[] = [];
  #level = 0;
  #nodes = 0;
  #binaryBytes = 0;
  bytes = 0;
  truncations = 0;

  constructor(limits: SnapshotLimits) {
    this.#limits = limits;
  }

  /** Puts the tokens of a value on the tape. */
  value(value: unknown, depth: number): void {
    switch (typeof value) {
      case "string":
        this.#string(value);
        this.bytes += NODE_BYTES;
        break;
      case "number":
        this.bytes += 8;
        this.tape.push(Number.isFinite(value) ? value : String(value));
        break;
      case "boolean":
        this.bytes += 5;
        this.tape.push(value);
        break;
      case "object":
        if (value === null) this.#nothing(value);
        else this.#object(value, depth);
        break;
      case "bigint":
        this.value(Number.isSafeInteger(Number(value)) ? Number(value) : String(value), depth);
        break;
      case "symbol":
        this.value(String(value), depth);
        break;
      case "function":
        this.value(functionToText(value), depth);
        break;
      default:
        this.#nothing(undefined);
    }
  }

  #nothing(value: null | undefined): void {
    this.bytes += 4;
    this.tape.push(value);
  }

  #string(value: string): void {
    const room = this.#limits.maxBytes - this.bytes;
    if (value.length <= room) {
      this.bytes += value.length;
      this.tape.push(value);
      return;
    }
    this.truncations += 1;
    const kept = cutAt(value, Math.max(0, room));
    this.bytes += kept.length;
    this.tape.push(`${kept}[truncated: ${value.length - kept.length} more characters]`);
  }

  #object(value: object, depth: number): void {
    const ancestors = this.#ancestors;
    const level = this.#level;
    for (let index = 0; index < level; index++) {
      if (ancestors[index] === value) {
        this.tape.push("[Circular]");
        return;
      }
    }
    if (depth >= this.#limits.maxDepth) {
      this.truncations += 1;
      this.tape.push(`[truncated: ${className(value)} at depth ${depth}]`);
      return;
    }
    this.#nodes += 1;
    this.bytes += NODE_BYTES;
    ancestors[level] = value;
    this.#level = level + 1;
    const { tape } = this;
    const { chunkCount, at } = tape;
    try {
      if (Array.isArray(value)) this.#array(value, depth);
      else if (value.constructor === Object || isPlain(value)) this.#plain(value as Dictionary, depth);
      else this.#instance(value, depth);
    } catch (error) {
      tape.rewind(chunkCount, at);
      tape.push(threw(error));
    }
    this.#level = level;
  }

  #array(value: readonly unknown[], depth: number): void {
    const { tape } = this;
    const { maxNodes, maxBytes } = this.#limits;
    const { length } = value;
    tape.push(ARRAY);
    tape.push(length);
    const { chunk, at } = tape;
    for (let index = 0; index < length; index++) {
      if (this.bytes >= maxBytes || this.#nodes >= maxNodes) {
        this.truncations += 1;
        tape.push(`[truncated: ${length - index} more items]`);
        chunk[at - 1] = index + 1;
        return;
      }
      this.#nodes += 1;
      let item: unknown;
      try {
        item = value[index];
      } catch (error) {
        item = threw(error);
      }
      this.value(item, depth + 1);
    }
  }

  #plain(value: Dictionary, depth: number): void {
    if (typeof value["toJSON"] === "function") this.value(value["toJSON"](""), depth + 1);
    else this.#members(value, depth, false);
  }

  /** Own enumerable members. */
  #members(value: Dictionary, depth: number, isInstance: boolean): void {
    const { tape } = this;
    const { maxNodes, maxBytes } = this.#limits;
    tape.push(undefined);
    const { chunk, at } = tape;
    let shape: Shape = this.#root;
    let isOpen = false;
    // V8 walks the members of one class fastest this way; asking for own ones costs it nothing here.
    for (const key in value) {
      if (!isOwn.call(value, key)) continue;
      const isFull = this.bytes >= maxBytes || this.#nodes >= maxNodes;
      const name = isFull ? "[truncated]" : key;
      let member: unknown;
      if (isFull) member = this.#rest(value, key);
      else {
        try {
          member = value[key];
        } catch (error) {
          member = threw(error);
        }
        if (member === undefined) continue;
        this.#nodes += 1;
        this.bytes += key.length + MEMBER_BYTES;
      }
      if (!isOpen) {
        const longer = shape.child(name);
        if (longer === undefined) isOpen = true;
        else shape = longer;
      }
      if (isOpen) tape.push(name);
      if (isFull) {
        tape.push(member as string);
        break;
      }
      if (typeof member === "string") this.#string(isInstance && isSecretMember(key) ? MASKED : member);
      else this.value(member, depth + 1);
    }
    if (isOpen) tape.push(CLOSE);
    const isEmpty = isInstance && !isOpen && shape === this.#root && value.constructor !== Object;
    chunk[at - 1] = isEmpty ? `[${className(value)}]` : isOpen ? shape.open : shape;
  }

  #rest(value: Dictionary, from: string): string {
    this.truncations += 1;
    const keys = Object.keys(value);
    return `${keys.length - keys.indexOf(from)} more members`;
  }

  #instance(value: object, depth: number): void {
    if (value instanceof Snapshot) {
      this.#snapshot(value);
      return;
    }
    const known = instanceToData(value, {
      maxNodes: this.#limits.maxNodes,
      maxBinaryBytes: (this.#limits.maxBinaryBytes ?? DEFAULT_MAX_BINARY_BYTES) - this.#binaryBytes,
    });
    if (known !== undefined) {
      const { data } = known;
      if (data instanceof CapturedBytes || data instanceof CapturedBlob) this.#binary(data);
      else this.value(data, depth);
      return;
    }
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON !== "function") {
      this.#members(value as Dictionary, depth, true);
      return;
    }
    const json: unknown = Reflect.apply(toJSON, value, [""]);
    // Headers of HTTP clients give their entries this way: still those of the instance.
    if (isDictionary(json)) this.#members(json, depth, true);
    else this.value(json, depth + 1);
  }

  #binary(data: CapturedBytes | CapturedBlob): void {
    const size = data instanceof CapturedBytes ? data.bytes.length : data.blob.size;
    this.#binaryBytes += size;
    this.bytes += size;
    if (data instanceof CapturedBytes && !data.isWhole) this.truncations += 1;
    this.tape.push(data);
  }

  #snapshot(inner: Snapshot): void {
    this.truncations += inner.truncations;
    if (this.bytes + inner.bytes > this.#limits.maxBytes) {
      this.truncations += 1;
      this.tape.push(`[truncated: ${inner.bytes} bytes]`);
      return;
    }
    this.bytes += inner.bytes;
    this.tape.append(inner.tape);
  }
}

/** Made by a literal, in this realm or another (whose `Object.prototype` has no prototype either). */
function isPlain(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null;
}

function functionToText(value: { readonly name: string }): string {
  try {
    return `[Function: ${value.name || "anonymous"}]`;
  } catch (error) {
    return threw(error);
  }
}

/** A plain object that stands for itself. */
function isDictionary(value: unknown): value is Dictionary {
  return (
    typeof value === "object" &&
    value !== null &&
    value.constructor === Object &&
    typeof (value as Dictionary)["toJSON"] !== "function"
  );
}

function cutAt(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  const splitsPair = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, splitsPair ? length - 1 : length);
}
