/**
 * Snapshots of values: what a span keeps of its inputs and outputs.
 *
 * A snapshot is a structural copy that shares the strings (they are immutable), so that later changes by the user do not show and
 * 10 MB of text cost microseconds. It holds JSON data only; JSON text is made from it when the span is sent, away from the
 * caller. It is bounded, and what is cut says so at the place where it was cut.
 */
import { className, instanceToData, readOneByOne, threw } from "./instance-data.ts";

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
      if (isPlain(value)) return this.#plain(value as Dictionary, depth);
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
    const builtin = instanceToData(value, this.#limits.maxNodes);
    if (builtin) return this.copy(builtin.data, depth);
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") return this.copy(Reflect.apply(toJSON, value, [""]), depth + 1);
    const members = readOneByOne(value, { maskSecrets: true });
    return Object.keys(members).length === 0 ? `[${className(value)}]` : this.#plain(members, depth);
  }
}

/** Made by a literal, in this realm or another (whose `Object.prototype` has no prototype either). */
function isPlain(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null;
}

function cutAt(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  const splitsPair = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, splitsPair ? length - 1 : length);
}
