/**
 * Snapshots of values: what a span keeps of its inputs and outputs.
 *
 * A snapshot is a structural copy that shares the strings (they are immutable), so that later changes by the user do not show and
 * 10 MB of text cost microseconds. It holds JSON data only; JSON text is made from it when the span is sent, away from the
 * caller. It is bounded, and what is cut says so at the place where it was cut.
 */
import { isPromise, isProxy } from "node:util/types";

export interface SnapshotLimits {
  /** Most objects, arrays and members together. */
  readonly maxNodes: number;
  /** Most bytes of JSON text, roughly. */
  readonly maxBytes: number;
  /** Most objects inside each other. */
  readonly maxDepth: number;
}

export interface Snapshot {
  /** JSON data: no functions, no cycles, no `toJSON`. */
  readonly tree: unknown;
  /** About the bytes of its JSON text. */
  readonly bytes: number;
  /** How many places were cut off; each carries a mark that begins with `[truncated`. */
  readonly truncations: number;
}

const DEFAULT_SNAPSHOT_LIMITS: SnapshotLimits = {
  // A payload of 200,000 messages with five members each; copying it takes some 50 ms (bench/export-overhead).
  maxNodes: 2_000_000,
  // Two of these (inputs and outputs) stay under the server's limit of 64 MiB for a request, quotes escaped.
  maxBytes: 16 * 1024 * 1024,
  // Far above what people write by hand; below the depth at which JSON.parse of common viewers gives up.
  maxDepth: 100,
};

/** Bytes of `{}`, `[]` and their like, and of the quotes and colon of a member. */
const NODE_BYTES = 2;
const MEMBER_BYTES = 4;
/** Binary data is shown by its first bytes; whole files belong in attachments. */
const MAX_BINARY_BYTES = 1024;

/**
 * Copies `value` as JSON data. Never throws, whatever getters, proxies and `toJSON` do.
 *
 * What JSON has no form for becomes: Date → ISO text; Map → object (or pairs, when keys are not strings); Set → array; bigint →
 * number, or decimal text beyond 2^53; NaN and infinities → their names; typed arrays → numbers; bytes → base64 of their start;
 * Error → name, message, stack, cause and own members; functions, symbols, promises → `[Function: name]` and the like; a cycle →
 * `[Circular]`; a member that throws → `[Threw …]`; class instances → their own members, with secrets such as `apiKey` masked.
 */
export function takeSnapshot(value: unknown, limits: SnapshotLimits = DEFAULT_SNAPSHOT_LIMITS): Snapshot {
  const copier = new Copier(limits);
  let tree: unknown;
  try {
    tree = copier.copy(value, 0);
  } catch (error) {
    tree = threw(error);
  }
  return { tree, bytes: copier.bytes, truncations: copier.truncations };
}

/** JSON text of a snapshot; `null` for `undefined`. */
export function snapshotToJson(snapshot: Snapshot): string {
  return JSON.stringify(snapshot.tree) ?? "null";
}

type Dictionary = Record<string, unknown>;

class Copier {
  readonly #limits: SnapshotLimits;
  /** Objects on the way from the root to here. A scan of so few is faster than a Set. */
  readonly #ancestors: object[] = [];
  #nodes = 0;
  bytes = 0;
  truncations = 0;

  constructor(limits: SnapshotLimits) {
    this.#limits = limits;
  }

  copy(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case "string":
        return this.#string(value);
      case "number":
        this.bytes += 8;
        return Number.isFinite(value) ? value : String(value);
      case "boolean":
        this.bytes += 5;
        return value;
      case "bigint":
        return this.copy(Number.isSafeInteger(Number(value)) ? Number(value) : String(value), depth);
      case "symbol":
        return this.#string(String(value));
      case "function":
        return this.#string(`[Function: ${value.name || "anonymous"}]`);
      case "object":
        return value === null ? null : this.#object(value, depth);
      default:
        return undefined;
    }
  }

  #string(value: string): string {
    const room = this.#limits.maxBytes - this.bytes;
    if (value.length <= room) {
      this.bytes += value.length + NODE_BYTES;
      return value;
    }
    this.truncations += 1;
    const kept = cutAt(value, Math.max(0, room));
    this.bytes += kept.length + NODE_BYTES;
    return `${kept}[truncated: ${value.length - kept.length} more characters]`;
  }

  #object(value: object, depth: number): unknown {
    if (this.#ancestors.includes(value)) return "[Circular]";
    if (depth >= this.#limits.maxDepth) {
      this.truncations += 1;
      return `[truncated: ${className(value)} at depth ${depth}]`;
    }
    this.#nodes += 1;
    this.bytes += NODE_BYTES;
    this.#ancestors.push(value);
    try {
      if (Array.isArray(value)) return this.#array(value, depth);
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype === Object.prototype || prototype === null) return this.#plain(value as Dictionary, depth);
      return this.#instance(value, depth);
    } catch (error) {
      return threw(error);
    } finally {
      this.#ancestors.pop();
    }
  }

  #array(value: readonly unknown[], depth: number): unknown[] {
    const room = Math.max(0, this.#limits.maxNodes - this.#nodes);
    const copy = value.slice(0, room);
    this.#nodes += copy.length;
    for (let index = 0; index < copy.length; index++) {
      if (this.bytes >= this.#limits.maxBytes) {
        copy.length = index;
        break;
      }
      const member = copy[index];
      copy[index] = typeof member === "string" ? this.#string(member) : this.copy(member, depth + 1);
    }
    if (copy.length < value.length) {
      this.truncations += 1;
      copy.push(`[truncated: ${value.length - copy.length} more items]`);
    }
    return copy;
  }

  #plain(value: Dictionary, depth: number): unknown {
    if (typeof value.toJSON === "function") return this.copy(value.toJSON(), depth + 1);
    let copy: Dictionary;
    try {
      // A spread is several times faster than setting key after key; only members that need it are replaced.
      copy = { ...value };
    } catch {
      // A getter throws: the others still count. What it threw stands at its place.
      copy = readOneByOne(value);
    }
    for (const key in copy) {
      if (!this.#hasRoom()) return this.#firstMembers(copy, key);
      this.#nodes += 1;
      this.bytes += key.length + MEMBER_BYTES;
      const member = copy[key];
      if (typeof member === "string") {
        const room = this.#limits.maxBytes - this.bytes;
        if (member.length <= room) this.bytes += member.length;
        else copy[key] = this.#string(member);
      } else if (member !== null) copy[key] = this.copy(member, depth + 1);
    }
    return copy;
  }

  #hasRoom(): boolean {
    return this.bytes < this.#limits.maxBytes && this.#nodes < this.#limits.maxNodes;
  }

  #firstMembers(copy: Dictionary, end: string): Dictionary {
    this.truncations += 1;
    const keys = Object.keys(copy);
    const kept = keys.slice(0, keys.indexOf(end));
    const first = Object.fromEntries(kept.map((key) => [key, copy[key]]));
    first["[truncated]"] = `${keys.length - kept.length} more members`;
    return first;
  }

  #instance(value: object, depth: number): unknown {
    const builtin = instanceKinds.find(({ is }) => is(value));
    if (builtin) return this.copy(builtin.toData(value, this.#limits.maxNodes), depth);
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") return this.copy(Reflect.apply(toJSON, value, [""]), depth + 1);
    const members = readOneByOne(value);
    if (Object.keys(members).length === 0) return `[${className(value)}]`;
    for (const key in members) {
      if (SECRET_MEMBER.test(key) && typeof members[key] === "string") members[key] = "[masked]";
    }
    return this.#plain(members, depth);
  }
}

/** Clients and connections come along as arguments; their credentials must not. */
const SECRET_MEMBER =
  /^_*(api[-_]?key|authorization|passw(or)?d|secret|(access|auth|refresh|bearer)?[-_]?token|client[-_]?secret|private[-_]?key)$/i;

interface InstanceKind {
  readonly is: (value: object) => boolean;
  readonly toData: (value: object, maxNodes: number) => unknown;
}

function kind<T extends object>(
  is: (value: object) => value is T,
  toData: (value: T, maxNodes: number) => unknown,
): InstanceKind {
  // `toData` is called for values that `is` said yes to, and for no other.
  return { is, toData: toData as InstanceKind["toData"] };
}

/** Builtin classes and the JSON data they become, first match wins. */
const instanceKinds: readonly InstanceKind[] = [
  kind(
    (value) => value instanceof Date,
    (date) => (Number.isNaN(date.getTime()) ? "Invalid Date" : date.toISOString()),
  ),
  kind((value) => value instanceof Map, mapToData),
  kind((value): value is Set<unknown> => value instanceof Set, firstOf),
  kind((value) => value instanceof Error, errorToData),
  kind((value) => value instanceof RegExp, String),
  kind(isBytes, bytesToData),
  // What is left of the views are arrays of numbers.
  kind((value): value is Float32Array => ArrayBuffer.isView(value), firstOf),
  kind(
    (value): value is Promise<unknown> => isPromise(value),
    () => "[Promise]",
  ),
  kind(isBoxed, (boxed) => boxed.valueOf()),
];

/** The first members as an array; one more than `max`, so that the copier sees and marks the cut. */
function firstOf(values: Iterable<unknown>, max: number): unknown[] {
  const first: unknown[] = [];
  for (const value of values) {
    first.push(value);
    if (first.length > max) break;
  }
  return first;
}

function mapToData(map: Map<unknown, unknown>, maxNodes: number): unknown {
  const entries = firstOf(map, maxNodes) as [unknown, unknown][];
  return entries.every(([key]) => typeof key === "string") ? Object.fromEntries(entries) : entries;
}

function errorToData(error: Error): unknown {
  const { name, message, stack, cause } = error;
  return { name, message, stack, ...(cause !== undefined && { cause }), ...readOneByOne(error) };
}

function isBoxed(value: object): value is { valueOf(): unknown } {
  return value instanceof String || value instanceof Number || value instanceof Boolean;
}

type Bytes = Uint8Array | Uint8ClampedArray | DataView | ArrayBuffer | SharedArrayBuffer;

function isBytes(value: object): value is Bytes {
  return (
    value instanceof Uint8Array ||
    value instanceof Uint8ClampedArray ||
    value instanceof DataView ||
    value instanceof ArrayBuffer ||
    value instanceof SharedArrayBuffer
  );
}

function bytesToData(value: Bytes): unknown {
  const bytes = ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(value);
  const left = bytes.length - MAX_BINARY_BYTES;
  return {
    type: className(value),
    byteLength: bytes.length,
    base64: bytes.subarray(0, MAX_BINARY_BYTES).toString("base64"),
    ...(left > 0 && { "[truncated]": `${left} more bytes` }),
  };
}

/** Own enumerable members; one whose getter throws holds what it threw. */
function readOneByOne(value: object): Dictionary {
  const members: Dictionary = {};
  for (const key of Object.keys(value)) {
    let member: unknown;
    try {
      member = (value as Dictionary)[key];
    } catch (error) {
      member = threw(error);
    }
    // Not an assignment: a key "__proto__" must stay a member.
    Object.defineProperty(members, key, { value: member, enumerable: true, writable: true, configurable: true });
  }
  return members;
}

function threw(error: unknown): string {
  try {
    return `[Threw ${String(error).slice(0, 200)}]`;
  } catch {
    // Even its toString throws; that it threw is all there is to say.
    return "[Threw]";
  }
}

function className(value: object): string {
  if (isProxy(value)) return "Proxy";
  const made: unknown = value.constructor;
  return typeof made === "function" && made.name !== "" ? made.name : "Object";
}

function cutAt(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  const splitsPair = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, splitsPair ? length - 1 : length);
}
