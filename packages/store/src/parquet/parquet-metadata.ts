/**
 * The footer of a Parquet file: its columns, and where their bytes lie.
 *
 * Whatever it says was written by others: places and sizes are held to those of the file before anything is read or allocated.
 *
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
 */
import { explainRange, unreadable } from "./parquet-error.ts";
import { readThriftPrefix, THRIFT, type ThriftStruct, type ThriftValue } from "./thrift-compact.ts";

/** A file that is read in pieces. */
export interface RandomAccess {
  readonly size: number;
  /** Exactly these bytes, which are inside of the file. */
  read(start: number, length: number): Promise<Uint8Array>;
}

export const PARQUET_TYPES = [
  "BOOLEAN",
  "INT32",
  "INT64",
  "INT96",
  "FLOAT",
  "DOUBLE",
  "BYTE_ARRAY",
  "FIXED_LEN_BYTE_ARRAY",
] as const;
export type ParquetType = (typeof PARQUET_TYPES)[number];

/** A column as it lies in the file: one of these for each chunk of a row group, in this order. */
export interface Leaf {
  readonly index: number;
  /** Of the top column that it belongs to. */
  readonly name: string;
  /** Names from the top column down. */
  readonly path: readonly string[];
  readonly type: ParquetType;
  /** Definition level of a value that is there. */
  readonly maxDefinition: number;
  /** 0 or, in a list or map, how many of them it lies in. */
  readonly maxRepetition: number;
}

/** A top column: a value a row, or a map; other nested types are known but not read. */
export type ParquetColumn =
  | { readonly kind: "value"; readonly leaf: Leaf }
  | { readonly kind: "map"; readonly key: Leaf; readonly value: Leaf }
  | { readonly kind: "nested" }
  /** Nothing is ever there: what pandas makes of a column without a value. */
  | { readonly kind: "nothing" };

/** In the order of their numbers in files. */
const CODECS = ["UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"] as const;
export type Codec = (typeof CODECS)[number];

export interface ColumnChunk {
  readonly codec: Codec;
  readonly numValues: number;
  /** Where its first page begins. */
  readonly start: number;
  readonly bytes: number;
}

export interface RowGroup {
  readonly numRows: number;
  /** As many as there are leaves. */
  readonly chunks: readonly ColumnChunk[];
}

export interface ParquetMetadata {
  readonly numRows: number;
  readonly columns: ReadonlyMap<string, ParquetColumn>;
  readonly rowGroups: readonly RowGroup[];
}

const MAGIC = Buffer.from("PAR1");
const ENCRYPTED_MAGIC = Buffer.from("PARE");
/** Magic, footer's length, magic. */
const MIN_BYTES = 12;
/** A thousand row groups of forty columns are 4 MB; in memory it is twenty times as much. */
const MAX_FOOTER_BYTES = 16 * 1024 * 1024;
const MAX_FOOTER_VALUES = 1_000_000;

// Numbers of fields in parquet.thrift.
const FILE = { schema: 2, numRows: 3, rowGroups: 4 } as const;
const ELEMENT = { type: 1, repetition: 3, name: 4, children: 5, converted: 6, logical: 10 } as const;
/** Of the enumeration ConvertedType. */
const CONVERTED_MAP = 1n;
/** Field of the union LogicalType. */
const LOGICAL_UNKNOWN = 11;
const GROUP = { columns: 1, numRows: 3 } as const;
const CHUNK = { path: 1, metaData: 3, crypto: 8 } as const;
const META = {
  type: 1,
  path: 3,
  codec: 4,
  numValues: 5,
  bytes: 7,
  dataPage: 9,
  dictionaryPage: 11,
} as const;

const REQUIRED = 0;
const REPEATED = 2;

/**
 * Reads the footer.
 *
 * @throws INVALID_PARAMETER if the file is cut short, none, encrypted, or says what cannot be
 */
export async function readMetadata(file: RandomAccess): Promise<ParquetMetadata> {
  const { size } = file;
  const head = size < MIN_BYTES ? Buffer.alloc(0) : await file.read(0, MAGIC.length);
  if (!MAGIC.equals(head)) {
    throw unreadable(
      ENCRYPTED_MAGIC.equals(head)
        ? "its footer is encrypted"
        : 'it does not begin with "PAR1", so it is no Parquet file',
    );
  }
  const tail = Buffer.from(await file.read(size - 8, 8));
  if (!MAGIC.equals(tail.subarray(4))) throw unreadable('it does not end with "PAR1"; it is cut short');
  const footerBytes = tail.readUInt32LE(0);
  const footerStart = size - 8 - footerBytes;
  if (footerStart < MAGIC.length) throw unreadable(`its footer of ${footerBytes} bytes does not fit into it`);
  if (footerBytes > MAX_FOOTER_BYTES) {
    throw unreadable(
      `its footer has ${footerBytes} bytes, the limit is ${MAX_FOOTER_BYTES}; write it with fewer, larger row groups`,
    );
  }
  const bytes = await file.read(footerStart, footerBytes);
  return explainRange("its footer", () => toMetadata(readThriftPrefix(bytes, MAX_FOOTER_VALUES).struct, footerStart));
}

function toMetadata(footer: ThriftStruct, dataEnd: number): ParquetMetadata {
  const { columns, leaves } = readSchema(structs(footer, FILE.schema));
  const rowGroups = structs(footer, FILE.rowGroups).map((group) => readGroup(group, leaves, dataEnd));
  const numRows = integer(footer, FILE.numRows);
  const rowsInGroups = rowGroups.reduce((sum, group) => sum + group.numRows, 0);
  if (rowsInGroups !== numRows) {
    throw unreadable(`its footer says ${numRows} rows, its row groups ${rowsInGroups}; it is damaged`);
  }
  // A span has ids that no encoding makes smaller than a byte: more rows are an attack, and would be counted for hours.
  if (numRows > dataEnd) throw unreadable(`its footer says ${numRows} rows in ${dataEnd} bytes; it is damaged`);
  return { numRows, columns, rowGroups };
}

function readGroup(group: ThriftStruct, leaves: readonly Leaf[], dataEnd: number): RowGroup {
  const columns = structs(group, GROUP.columns);
  if (columns.length !== leaves.length) throw unreadable("a row group does not have the columns of the file");
  return {
    numRows: integer(group, GROUP.numRows),
    chunks: columns.map((column, index) => {
      // Groups have as many columns as there are leaves.
      const leaf = leaves[index] as Leaf;
      const { name, type } = leaf;
      const meta = column.get(CHUNK.metaData)?.value;
      if (column.has(CHUNK.crypto)) throw unreadable(`its column ${show(name)} is encrypted`);
      if (column.has(CHUNK.path)) throw unreadable(`its column ${show(name)} lies in another file`);
      if (!(meta instanceof Map) || PARQUET_TYPES[integer(meta, META.type)] !== type) {
        throw new RangeError("No or other metadata of a column.");
      }
      const path = meta.get(META.path)?.value;
      if (!isPath(path, leaf.path)) throw new RangeError("The parts of a column are not in the order of the schema.");
      // 0 stands for "none" in files of older writers.
      const start = integer(meta, META.dictionaryPage, 0) || integer(meta, META.dataPage);
      const bytes = integer(meta, META.bytes);
      if (start < MAGIC.length || start + bytes > dataEnd) throw new RangeError("A column lies outside of the file.");
      return {
        codec: codecOf(integer(meta, META.codec)),
        numValues: integer(meta, META.numValues),
        start,
        bytes,
      };
    }),
  };
}

function isPath(value: ThriftValue | undefined, path: readonly string[]): boolean {
  if (typeof value !== "object" || !("items" in value) || value.items.length !== path.length) return false;
  return value.items.every((item, index) => item instanceof Uint8Array && Buffer.from(item).toString() === path[index]);
}

function codecOf(number: number): Codec {
  const codec = CODECS[number];
  if (codec === undefined) throw unreadable(`it is compressed in a way (number ${number}) that is not known`);
  return codec;
}

interface Node {
  readonly element: ThriftStruct;
  readonly name: string;
  readonly repetition: number;
  readonly children: readonly Node[];
}

/** Lists, maps and structs of them; what we read is one deep. */
const MAX_DEPTH = 50;

function readSchema(elements: readonly ThriftStruct[]): {
  columns: ReadonlyMap<string, ParquetColumn>;
  leaves: readonly Leaf[];
} {
  let next = 0;
  const readNode = (depth: number): Node => {
    const element = elements[next];
    if (element === undefined || depth > MAX_DEPTH) throw new RangeError("The schema does not fit.");
    next += 1;
    const name = element.get(ELEMENT.name)?.value;
    const count = integer(element, ELEMENT.children, 0);
    if (count > elements.length) throw new RangeError("The schema does not fit.");
    return {
      element,
      name: name instanceof Uint8Array ? Buffer.from(name).toString() : "",
      // The decoder takes what is absent, or none of the three, for optional; it is so only at the root.
      repetition: integer(element, ELEMENT.repetition, depth === 0 ? REQUIRED : undefined),
      children: Array.from({ length: count }, () => readNode(depth + 1)),
    };
  };
  const root = readNode(0);
  if (next !== elements.length) throw new RangeError("The schema does not fit.");
  const leaves: Leaf[] = [];
  const columns = new Map<string, ParquetColumn>();
  for (const top of root.children) {
    if (columns.has(top.name)) throw unreadable(`it has two columns ${show(top.name)}`);
    const own = addLeaves(top, { path: [], definition: 0, repetition: 0 }, leaves);
    columns.set(top.name, columnOf(top, own));
  }
  return { columns, leaves };
}

interface Above {
  readonly path: readonly string[];
  readonly definition: number;
  readonly repetition: number;
}

/** Adds the leaves of a node, in the order of the file. @returns those that were added */
function addLeaves(node: Node, above: Above, leaves: Leaf[]): readonly Leaf[] {
  if (node.repetition > REPEATED) throw new RangeError("A column is neither required, optional nor repeated.");
  const isRepeated = node.repetition === REPEATED;
  const path = [...above.path, node.name];
  const definition = above.definition + (node.repetition === REQUIRED ? 0 : 1);
  const repetition = above.repetition + (isRepeated ? 1 : 0);
  if (node.children.length > 0) {
    return node.children.flatMap((child) => addLeaves(child, { path, definition, repetition }, leaves));
  }
  const type = PARQUET_TYPES[integer(node.element, ELEMENT.type)];
  if (type === undefined) throw new RangeError("A column has a type that does not exist.");
  const leaf = {
    index: leaves.length,
    name: path[0] ?? "",
    path,
    type,
    maxDefinition: definition,
    maxRepetition: repetition,
  };
  leaves.push(leaf);
  return [leaf];
}

/** @see https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#maps for the shape */
function columnOf(top: Node, leaves: readonly Leaf[]): ParquetColumn {
  const [first, second, ...others] = leaves;
  if (first === undefined) return { kind: "nested" };
  const logical = top.element.get(ELEMENT.logical)?.value;
  if (logical instanceof Map && logical.has(LOGICAL_UNKNOWN)) return { kind: "nothing" };
  if (top.children.length === 0)
    return top.repetition === REPEATED ? { kind: "nested" } : { kind: "value", leaf: first };
  const [entries] = top.children;
  const isMap =
    top.children.length === 1 &&
    top.repetition !== REPEATED &&
    entries?.repetition === REPEATED &&
    entries.children.length === 2 &&
    top.element.get(ELEMENT.converted)?.value === CONVERTED_MAP &&
    entries.children.map((part) => part.name).join() === "key,value" &&
    entries.children.every((part) => part.children.length === 0 && part.repetition !== REPEATED);
  if (!isMap || second === undefined || others.length > 0) return { kind: "nested" };
  return { kind: "map", key: first, value: second };
}

function structs(struct: ThriftStruct, field: number): ThriftStruct[] {
  const value = struct.get(field)?.value;
  if (typeof value !== "object" || !("items" in value)) throw new RangeError(`Field ${field} is no list.`);
  return value.items.map((item) => {
    if (item instanceof Map) return item;
    throw new RangeError(`Field ${field} is no list of structs.`);
  });
}

/**
 * A number that is not negative.
 *
 * @throws RangeError if it is absent and there is no other, or negative, or beyond 2^53
 */
export function integer(struct: ThriftStruct, field: number, absent?: number): number {
  const value = struct.get(field)?.value;
  if (value === undefined && absent !== undefined) return absent;
  const number = typeof value === "bigint" ? Number(value) : -1;
  if (number >= 0 && Number.isSafeInteger(number)) return number;
  throw new RangeError(`Field ${field} is no number that can be.`);
}

/**
 * The same for a field that is a 32-bit number: decoders read no more of it.
 *
 * @throws RangeError also if the field is of another type
 */
export function integer32(struct: ThriftStruct, field: number): number {
  const number = integer(struct, field);
  if (struct.get(field)?.type === THRIFT.I32 && number < 2 ** 31) return number;
  throw new RangeError(`Field ${field} is no number of 32 bits.`);
}

/** A name from a file, for a sentence. */
export function show(name: string): string {
  return `"${name.slice(0, 60)}"`;
}
