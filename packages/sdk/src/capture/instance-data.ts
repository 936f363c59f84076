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
import { isAttachment } from "./attachments.ts";
import { CapturedBlob, CapturedBytes, copyBytes } from "./binary.ts";

type Dictionary = Record<string, unknown>;

/** How much of an instance is looked at. */
export interface InstanceLimits {
  /** Most members of a Map, a Set or a typed array. */
  readonly maxNodes: number;
  /** Longest binary data that is copied whole. */
  readonly maxBinaryBytes: number;
}

/**
 * The data that an instance of a known class stands for; undefined for all other classes. The data may hold further instances.
 *
 * Streams, promises, requests and responses are named, never read: who made them is to read them.
 */
export function instanceToData(value: object, limits: InstanceLimits): { readonly data: unknown } | undefined {
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype !== null && ordinary.has(prototype)) return undefined;
  const known = instanceKinds.find(({ is }) => is(value)) ?? tagKinds.get(tagOf(value));
  if (known !== undefined) return { data: known.toData(value, limits) };
  if (prototype !== null && !isProxy(value)) ordinary.add(prototype);
  return undefined;
}

/** Prototypes of classes that are none of the below: so many questions for each of 100,000 instances would take longer than to copy them. */
const ordinary = new WeakSet<object>();

/** Clients and connections come along as arguments; their credentials must not. */
const SECRET_MEMBER =
  /^_*(api[-_]?key|x-api-key|(proxy-)?authorization|(set-)?cookie|passw(or)?d|secret|(access|auth|refresh|bearer)?[-_]?token|client[-_]?secret|private[-_]?key)$/i;

const secretMembers = new Map<string, boolean>();

/** Whether a member of a class instance is called like a credential. */
export function isSecretMember(key: string): boolean {
  let isSecret = secretMembers.get(key);
  if (isSecret === undefined) {
    isSecret = SECRET_MEMBER.test(key);
    if (secretMembers.size < 1000) secretMembers.set(key, isSecret);
  }
  return isSecret;
}

/** What stands for a credential. */
export const MASKED = "[masked]";

interface InstanceKind {
  readonly is: (value: object) => boolean;
  readonly toData: (value: object, limits: InstanceLimits) => unknown;
}

function kind<T extends object>(
  is: (value: object) => value is T,
  toData: (value: T, limits: InstanceLimits) => unknown,
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
  kind(isBytes, bytesOf),
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
  kind(isAttachment, ({ content, contentType }, limits) =>
    content instanceof Blob ? new CapturedBlob(content, contentType) : bytesOf(content, limits, contentType),
  ),
  kind(isNodeStream, streamToText),
];

/** Classes of the web platform, known by their tag: there may be several of each (undici, node-fetch, polyfills). */
const tagKinds: ReadonlyMap<string, Pick<InstanceKind, "toData">> = new Map([
  ...["ReadableStream", "WritableStream", "TransformStream", "CompressionStream", "DecompressionStream"].map(named),
  ...["TextDecoderStream", "TextEncoderStream", "ReadableStreamDefaultReader", "AbortSignal"].map(named),
  ...["Generator", "AsyncGenerator", "Iterator Helper"].map(named),
  tagged<Request>("Request", ({ method, url }) => `[Request ${method} ${withoutQuery(url)}]`),
  tagged<Response>("Response", ({ status, statusText }) => `[Response ${`${status} ${statusText}`.trim()}]`),
  tagged<Headers>("Headers", (headers, { maxNodes }) => maskEntries(firstOf(headers, { maxNodes }))),
  tagged<FormData>("FormData", (form, { maxNodes }) => maskEntries(firstOf(form, { maxNodes }))),
  tagged<URLSearchParams>("URLSearchParams", String),
  tagged<Blob>("Blob", (blob) => new CapturedBlob(blob)),
  tagged<Blob>("File", (blob) => new CapturedBlob(blob)),
]);

function named(tag: string): [string, Pick<InstanceKind, "toData">] {
  return [tag, { toData: () => `[${tag}]` }];
}

function tagged<T extends object>(
  tag: string,
  toData: (value: T, limits: InstanceLimits) => unknown,
): [string, Pick<InstanceKind, "toData">] {
  // Asked for objects with the tag only; one that lies about it throws or gives odd texts, and the copier marks that.
  return [tag, { toData: toData as InstanceKind["toData"] }];
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/** The first members as an array; one more than `maxNodes`, so that the copier sees and marks the cut. */
function firstOf<T>(values: Iterable<T>, { maxNodes }: Pick<InstanceLimits, "maxNodes">): T[] {
  const first: T[] = [];
  for (const value of values) {
    first.push(value);
    if (first.length > maxNodes) break;
  }
  return first;
}

function mapToData(map: Map<unknown, unknown>, limits: InstanceLimits): unknown {
  const entries = firstOf(map, limits);
  return entries.every(([key]) => typeof key === "string") ? Object.fromEntries(entries) : entries;
}

/** Names may come twice; then there is a list of values. */
function maskEntries(entries: readonly (readonly [string, unknown])[]): Dictionary {
  const data = new Map<string, unknown>();
  for (const [name, value] of entries) {
    const shown = isSecretMember(name) ? MASKED : value;
    const known = data.get(name);
    data.set(name, known === undefined ? shown : Array.isArray(known) ? [...known, shown] : [known, shown]);
  }
  return Object.fromEntries(data);
}

function errorToData(error: Error): unknown {
  const { name, message, stack, cause } = error;
  // Those of an AggregateError are no enumerable member.
  const { errors } = error as Partial<AggregateError>;
  return {
    name,
    message,
    stack,
    ...(cause !== undefined && { cause }),
    ...(Array.isArray(errors) && { errors }),
    ...readMembers(error),
  };
}

/** Own enumerable members; one whose getter throws holds what it threw, credentials are masked. */
function readMembers(value: object): Dictionary {
  const members: [string, unknown][] = [];
  for (const key of Object.keys(value)) {
    try {
      const member = (value as Dictionary)[key];
      members.push([key, typeof member === "string" && isSecretMember(key) ? MASKED : member]);
    } catch (error) {
      members.push([key, threw(error)]);
    }
  }
  return Object.fromEntries(members);
}

type Bytes = Uint8Array | Uint8ClampedArray | DataView | ArrayBufferLike;

function isBytes(value: object): value is Bytes {
  return isUint8Array(value) || isUint8ClampedArray(value) || value instanceof DataView || isAnyArrayBuffer(value);
}

function bytesOf(value: Bytes, { maxBinaryBytes }: InstanceLimits, contentType?: string): CapturedBytes {
  const bytes = ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
  return new CapturedBytes(className(value), copyBytes(bytes, maxBinaryBytes), bytes.length, contentType);
}

interface NodeStream {
  readonly method?: unknown;
  readonly url?: unknown;
}

/** Streams, sockets, requests and responses of Node, and of libraries that extend them. */
function isNodeStream(value: object): value is NodeStream {
  const { pipe, write, on } = value as { pipe?: unknown; write?: unknown; on?: unknown };
  return typeof on === "function" && (typeof pipe === "function" || typeof write === "function");
}

function streamToText(stream: NodeStream): string {
  const { method, url } = stream;
  const isRequest = typeof method === "string" && typeof url === "string";
  return `[${className(stream)}${isRequest ? ` ${method} ${withoutQuery(url)}` : ""}]`;
}

/** Queries carry keys and signatures. */
function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, "");
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
