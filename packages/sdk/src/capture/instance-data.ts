/**
 * Class instances as data: what a snapshot keeps of a Date, a Map, an Error, a client.
 */
import {
  isAnyArrayBuffer,
  isBoxedPrimitive,
  isDate,
  isMap,
  isNativeError,
  isPromise,
  isProxy,
  isRegExp,
  isSet,
  isUint8Array,
  isUint8ClampedArray,
} from "node:util/types";

type Dictionary = Record<string, unknown>;

/** Binary data is shown by its first bytes; whole files belong in attachments. */
const MAX_BINARY_BYTES = 1024;

/** The data that a builtin class stands for; undefined for all other classes. The data may hold further instances. */
export function instanceToData(value: object, maxNodes: number): { readonly data: unknown } | undefined {
  const builtin = instanceKinds.find(({ is }) => is(value));
  return builtin && { data: builtin.toData(value, maxNodes) };
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

/** First match wins. The checks know values of other realms too (test runners and sandboxes have their own Date and Map). */
const instanceKinds: readonly InstanceKind[] = [
  kind(isDate, (date) => (Number.isNaN(date.getTime()) ? "Invalid Date" : date.toISOString())),
  kind((value): value is Map<unknown, unknown> => isMap(value), mapToData),
  kind((value): value is Set<unknown> => isSet(value), firstOf),
  kind((value): value is Error => isNativeError(value) || value instanceof Error, errorToData),
  kind(isRegExp, String),
  kind(isBytes, bytesToData),
  // What is left of the views are arrays of numbers.
  kind((value): value is Float32Array => ArrayBuffer.isView(value), firstOf),
  kind(
    (value): value is Promise<unknown> => isPromise(value),
    () => "[Promise]",
  ),
  kind(
    (value): value is { valueOf(): unknown } => isBoxedPrimitive(value),
    (boxed) => boxed.valueOf(),
  ),
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
  return { name, message, stack, ...(cause !== undefined && { cause }), ...readOneByOne(error, { maskSecrets: true }) };
}

type Bytes = Uint8Array | Uint8ClampedArray | DataView | ArrayBufferLike;

function isBytes(value: object): value is Bytes {
  return isUint8Array(value) || isUint8ClampedArray(value) || value instanceof DataView || isAnyArrayBuffer(value);
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
export function readOneByOne(value: object, { maskSecrets = false } = {}): Dictionary {
  const members: Dictionary = {};
  for (const key of Object.keys(value)) {
    let member: unknown;
    try {
      member = (value as Dictionary)[key];
    } catch (error) {
      member = threw(error);
    }
    if (maskSecrets && typeof member === "string" && SECRET_MEMBER.test(key)) member = "[masked]";
    // Not an assignment: a key "__proto__" must stay a member.
    Object.defineProperty(members, key, { value: member, enumerable: true, writable: true, configurable: true });
  }
  return members;
}

/** The mark for what cannot be read. */
export function threw(error: unknown): string {
  try {
    return `[Threw ${String(error).slice(0, 200)}]`;
  } catch {
    // Even its toString throws; that it threw is all there is to say.
    return "[Threw]";
  }
}

/** Name of the class; `Object` when there is none. */
export function className(value: object): string {
  if (isProxy(value)) return "Proxy";
  const made: unknown = value.constructor;
  return typeof made === "function" && made.name !== "" ? made.name : "Object";
}
