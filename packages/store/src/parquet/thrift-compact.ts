/**
 * Thrift's compact protocol without a schema: any struct → a tree that can be changed → bytes again.
 *
 * @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */

/** Wire types; integers of all sizes are bigints here. */
export const THRIFT = {
  TRUE: 1,
  FALSE: 2,
  I16: 4,
  I32: 5,
  I64: 6,
  DOUBLE: 7,
  BINARY: 8,
  LIST: 9,
  SET: 10,
  MAP: 11,
  STRUCT: 12,
} as const;
const BYTE = 3;
const UUID = 13;

export interface ThriftField {
  readonly type: number;
  value: ThriftValue;
}
/** Fields by number. */
export type ThriftStruct = Map<number, ThriftField>;
export interface ThriftList {
  /** Type of the items; those of a map lie as key, value, key, value. */
  readonly item: number;
  /** Of a map: type of its values. */
  readonly mapValue?: number;
  readonly items: ThriftValue[];
}
export type ThriftValue = bigint | boolean | Uint8Array | ThriftList | ThriftStruct;

/** Reads the struct at the beginning of `bytes`. @throws RangeError if it is cut short or no such struct */
export function readThrift(bytes: Uint8Array): ThriftStruct {
  return readThriftPrefix(bytes, Number.POSITIVE_INFINITY).struct;
}

/**
 * Reads the struct at the beginning of `bytes`, which may go on.
 *
 * @param maxValues  most values in it, at any depth: an empty struct is one byte, but two hundred in memory
 * @returns the struct, and how many bytes it takes
 * @throws RangeError if it is cut short, no such struct, or has more values
 */
export function readThriftPrefix(bytes: Uint8Array, maxValues: number): { struct: ThriftStruct; length: number } {
  const reader = new Reader(bytes, maxValues);
  const struct = reader.struct();
  return { struct, length: reader.at };
}

/** The bytes of a struct. */
export function writeThrift(struct: ThriftStruct): Uint8Array {
  const writer = new Writer();
  writer.struct(struct);
  return writer.bytes();
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #valuesLeft: number;

  constructor(bytes: Uint8Array, maxValues: number) {
    this.#bytes = bytes;
    this.#valuesLeft = maxValues;
  }

  get at(): number {
    return this.#at;
  }

  struct(): ThriftStruct {
    const fields: ThriftStruct = new Map();
    let id = 0;
    for (let head = this.#byte(); head !== 0; head = this.#byte()) {
      const type = head & 15;
      id = head >> 4 === 0 ? Number(this.#zigzag()) : id + (head >> 4);
      if (type <= THRIFT.FALSE) this.#countValue();
      fields.set(id, { type, value: type <= THRIFT.FALSE ? type === THRIFT.TRUE : this.#value(type) });
    }
    return fields;
  }

  #value(type: number): ThriftValue {
    this.#countValue();
    switch (type) {
      case THRIFT.TRUE:
      case THRIFT.FALSE:
        // Inside of a list.
        return this.#byte() === THRIFT.TRUE;
      case BYTE:
        return BigInt(this.#byte());
      case THRIFT.I16:
      case THRIFT.I32:
      case THRIFT.I64:
        return this.#zigzag();
      case THRIFT.DOUBLE:
        return this.#take(8);
      case UUID:
        return this.#take(16);
      case THRIFT.BINARY:
        return this.#take(Number(this.#varint()));
      case THRIFT.LIST:
      case THRIFT.SET:
        return this.#list();
      case THRIFT.MAP:
        return this.#map();
      case THRIFT.STRUCT:
        return this.struct();
      default:
        throw new RangeError(`Thrift has no type ${type}.`);
    }
  }

  #list(): ThriftList {
    const head = this.#byte();
    const count = this.#checkCount(head >> 4 === 15 ? Number(this.#varint()) : head >> 4);
    const item = head & 15;
    return { item, items: Array.from({ length: count }, () => this.#value(item)) };
  }

  #map(): ThriftList {
    const count = this.#checkCount(Number(this.#varint()));
    if (count === 0) return { item: 0, mapValue: 0, items: [] };
    const types = this.#byte();
    const item = types >> 4;
    const mapValue = types & 15;
    const items = Array.from({ length: count * 2 }, (_, index) => this.#value(index % 2 === 0 ? item : mapValue));
    return { item, mapValue, items };
  }

  #countValue(): void {
    this.#valuesLeft -= 1;
    if (this.#valuesLeft < 0) throw new RangeError("The struct has too many values.");
  }

  /** Every item takes a byte at least: no memory is asked for before it is known that they can be there. */
  #checkCount(count: number): number {
    if (count > this.#bytes.length - this.#at) throw new RangeError("The struct is cut short.");
    return count;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new RangeError("The struct is cut short.");
    this.#at += 1;
    return byte;
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("The struct is cut short.");
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new RangeError("A number has more than 64 bits.");
  }

  #zigzag(): bigint {
    const value = this.#varint();
    return (value >> 1n) ^ -(value & 1n);
  }
}

class Writer {
  readonly #pieces: Uint8Array[] = [];
  #small: number[] = [];

  bytes(): Uint8Array {
    this.#flush();
    return Buffer.concat(this.#pieces);
  }

  struct(struct: ThriftStruct): void {
    let before = 0;
    for (const [id, { type, value }] of [...struct].sort(([left], [right]) => left - right)) {
      const shown = typeof value === "boolean" ? (value ? THRIFT.TRUE : THRIFT.FALSE) : type;
      const delta = id - before;
      if (delta >= 1 && delta <= 15) this.#small.push((delta << 4) | shown);
      else {
        this.#small.push(shown);
        this.#zigzag(BigInt(id));
      }
      before = id;
      if (typeof value !== "boolean") this.#value(type, value);
    }
    this.#small.push(0);
  }

  #value(type: number, value: ThriftValue): void {
    if (typeof value === "boolean") this.#small.push(value ? THRIFT.TRUE : THRIFT.FALSE);
    else if (typeof value === "bigint") {
      if (type === BYTE) this.#small.push(Number(value) & 255);
      else this.#zigzag(value);
    } else if (value instanceof Uint8Array) {
      if (type === THRIFT.BINARY) this.#varint(BigInt(value.length));
      this.#flush();
      this.#pieces.push(value);
    } else if (value instanceof Map) this.struct(value);
    else this.#list(value);
  }

  #list({ item, mapValue, items }: ThriftList): void {
    if (mapValue !== undefined) {
      this.#varint(BigInt(items.length / 2));
      if (items.length > 0) this.#small.push((item << 4) | mapValue);
      items.forEach((value, index) => {
        this.#value(index % 2 === 0 ? item : mapValue, value);
      });
      return;
    }
    if (items.length < 15) this.#small.push((items.length << 4) | item);
    else {
      this.#small.push(0xf0 | item);
      this.#varint(BigInt(items.length));
    }
    for (const value of items) this.#value(item, value);
  }

  #zigzag(value: bigint): void {
    this.#varint(value >= 0n ? value << 1n : (-value << 1n) - 1n);
  }

  #varint(value: bigint): void {
    let rest = value;
    while (rest > 127n) {
      this.#small.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    this.#small.push(Number(rest));
  }

  #flush(): void {
    if (this.#small.length > 0) this.#pieces.push(Uint8Array.from(this.#small));
    this.#small = [];
  }
}
