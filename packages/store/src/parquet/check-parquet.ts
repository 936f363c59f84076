/**
 * What a row group says of its sizes, held against its bytes before it is decoded.
 *
 * hyparquet 1.31 believes the numbers in a file: a run of 2^30 equal levels is written out into an array, and V8 ends the process for
 * an array of that size. Here runs are only counted. Pages are unpacked twice for it; to be let go once the decoder counts itself.
 *
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md#run-length-encoding--bit-packing-hybrid-rle--3
 */
import { explainRange, unreadable } from "./parquet-error.ts";
import { type Codec, type ColumnChunk, integer32, type Leaf, type RandomAccess, show } from "./parquet-metadata.ts";
import { readThriftPrefix, type ThriftStruct } from "./thrift-compact.ts";

/** Gives the bytes of a page. @param bytes  how many they are */
export type Unpack = (packed: Uint8Array, bytes: number) => Uint8Array;

export interface ParquetLimits {
  /** Bytes of all pages of a row group, unpacked. */
  readonly maxBytes: number;
  /** Values of a column of a row group or of its dictionary; of a map, its entries. */
  readonly maxValues: number;
  /** Rows times columns of a row group. */
  readonly maxCells: number;
}

export interface GroupCheck {
  readonly file: RandomAccess;
  readonly numRows: number;
  /** The columns that will be decoded. */
  readonly columns: readonly { readonly leaf: Leaf; readonly chunk: ColumnChunk }[];
  readonly unpackers: Partial<Record<Codec, Unpack>>;
  readonly limits: ParquetLimits;
}

// Numbers of fields in parquet.thrift.
const HEADER = { type: 1, unpacked: 2, packed: 3, data: 5, dictionary: 7, dataV2: 8 } as const;
const DATA = { numValues: 1, encoding: 2 } as const;
const DATA_V2 = {
  numValues: 1,
  numNulls: 2,
  numRows: 3,
  encoding: 4,
  definitionBytes: 5,
  repetitionBytes: 6,
  isPacked: 7,
} as const;
const PAGE = { DATA: 0, DICTIONARY: 2, DATA_V2: 3 } as const;
const RLE = 3;
/** PLAIN_DICTIONARY, RLE, RLE_DICTIONARY: hyparquet tells them apart by the type of the column and the version of the page only. */
const RUN_ENCODINGS = [2, RLE, 8];
const DELTA_BYTE_ARRAY = 7;
/** The head of a page; each holds the least and greatest value at most. */
const MAX_HEADER_VALUES = 1000;

/**
 * Checks the columns of a row group.
 *
 * @throws INVALID_PARAMETER if what it says cannot be, or is over the limits
 */
export async function checkGroup(group: GroupCheck): Promise<void> {
  const { numRows, limits } = group;
  if (numRows * group.columns.length > limits.maxCells) {
    const maxRows = Math.floor(limits.maxCells / group.columns.length);
    throw unreadable(
      `a row group has ${numRows} rows, and ${maxRows} are read at most; write it with smaller row groups`,
    );
  }
  let bytesLeft = limits.maxBytes;
  for (const { leaf, chunk } of group.columns) {
    if (leaf.maxRepetition === 0 && chunk.numValues !== numRows) {
      throw unreadable(`its column ${show(leaf.name)} has ${chunk.numValues} values in ${numRows} rows`);
    }
    if (chunk.numValues > limits.maxValues) {
      throw unreadable(
        `a row group has ${chunk.numValues} values of ${show(leaf.name)}, and ${limits.maxValues} are read at most; write it with smaller row groups`,
      );
    }
    if (chunk.bytes > limits.maxBytes) throw tooLarge(limits);
    const bytes = await group.file.read(chunk.start, chunk.bytes);
    explainRange(`its column ${show(leaf.name)}`, () => {
      bytesLeft = checkChunk({ ...group, leaf, chunk, bytes, bytesLeft });
    });
  }
}

interface ChunkCheck extends GroupCheck {
  readonly leaf: Leaf;
  readonly chunk: ColumnChunk;
  readonly bytes: Uint8Array;
  readonly bytesLeft: number;
}

/** @returns how many bytes other columns may have */
function checkChunk({ leaf, chunk, bytes, unpackers, limits, ...group }: ChunkCheck): number {
  let { bytesLeft } = group;
  let values = 0;
  for (let at = 0; at < bytes.length; ) {
    const { struct: header, length } = readThriftPrefix(bytes.subarray(at), MAX_HEADER_VALUES);
    const packedBytes = integer32(header, HEADER.packed);
    const unpackedBytes = integer32(header, HEADER.unpacked);
    const type = integer32(header, HEADER.type);
    at += length + packedBytes;
    if (at > bytes.length) throw new RangeError("A page is cut short.");
    bytesLeft -= unpackedBytes;
    if (bytesLeft < 0) throw tooLarge(limits);
    const packed = bytes.subarray(at - packedBytes, at);
    const unpack = (part: Uint8Array, size: number) => unpackPart(chunk.codec, unpackers, part, size);
    if (type === PAGE.DICTIONARY) {
      const count = integer32(part(header, HEADER.dictionary), DATA.numValues);
      // Every value but a boolean is a byte at least, also in its length.
      if (count > Math.min(unpackedBytes, limits.maxValues)) throw new RangeError("No dictionary has so many values.");
    } else if (type === PAGE.DATA || type === PAGE.DATA_V2) {
      const head = part(header, type === PAGE.DATA ? HEADER.data : HEADER.dataV2);
      const numValues = integer32(head, DATA.numValues);
      values += numValues;
      if (values > chunk.numValues) throw new RangeError("There are more values than the footer says.");
      const page = { leaf, numValues, packed, unpackedBytes, unpack };
      if (type === PAGE.DATA) {
        checkValues(integer32(head, DATA.encoding), checkLevels(page), page, leaf.type === "BOOLEAN");
      } else {
        const encoding = integer32(head, DATA_V2.encoding);
        checkValues(encoding, checkLevelsV2(page, head), page, encoding === RLE);
      }
      if (integer32(head, type === PAGE.DATA ? DATA.encoding : DATA_V2.encoding) === DELTA_BYTE_ARRAY) {
        // Each text may be as long as all that came before it.
        bytesLeft -= numValues * unpackedBytes;
        if (bytesLeft < 0) {
          throw unreadable(
            `its column ${show(leaf.name)} is encoded as DELTA_BYTE_ARRAY in pages that are too large; write it with another encoding`,
          );
        }
      }
    } else throw new RangeError(`Pages of the type ${type} hold no values.`);
  }
  if (values !== chunk.numValues) throw new RangeError("There are fewer values than the footer says.");
  return bytesLeft;
}

interface PageCheck {
  readonly leaf: Leaf;
  readonly numValues: number;
  readonly packed: Uint8Array;
  readonly unpackedBytes: number;
  readonly unpack: Unpack;
}

/** Levels, each behind their length, then values. @returns the values */
function checkLevels({ leaf, numValues, packed, unpackedBytes, unpack }: PageCheck): Uint8Array {
  const page = unpack(packed, unpackedBytes);
  let at = 0;
  for (const max of [leaf.maxRepetition, leaf.maxDefinition]) {
    if (max === 0) continue;
    const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
    const from = at + 4;
    at = from + view.getUint32(at, true);
    if (at > page.length) throw new RangeError("The levels are cut short.");
    checkRuns(page.subarray(from, at), bitsOf(max), numValues);
  }
  return page.subarray(at);
}

/** Levels that are not compressed, then values that may be. @returns the values */
function checkLevelsV2({ leaf, numValues, packed, unpackedBytes, unpack }: PageCheck, head: ThriftStruct): Uint8Array {
  integer32(head, DATA_V2.numRows);
  if (integer32(head, DATA_V2.numNulls) > numValues) throw new RangeError("There are more nulls than values.");
  const repetitionBytes = integer32(head, DATA_V2.repetitionBytes);
  const levelBytes = repetitionBytes + integer32(head, DATA_V2.definitionBytes);
  if (levelBytes > packed.length || levelBytes > unpackedBytes) throw new RangeError("The levels are cut short.");
  if (leaf.maxRepetition > 0) checkRuns(packed.subarray(0, repetitionBytes), bitsOf(leaf.maxRepetition), numValues);
  if (leaf.maxDefinition > 0) {
    checkRuns(packed.subarray(repetitionBytes, levelBytes), bitsOf(leaf.maxDefinition), numValues);
  }
  const values = packed.subarray(levelBytes);
  return head.get(DATA_V2.isPacked)?.value === false ? values : unpack(values, unpackedBytes - levelBytes);
}

/** @param isBooleans  the runs are booleans, behind their length; else places in the dictionary, behind their width */
function checkValues(encoding: number, values: Uint8Array, { numValues }: PageCheck, isBooleans: boolean): void {
  // Nulls have neither: there are as many as values, or fewer.
  if (!RUN_ENCODINGS.includes(encoding) || values.length === 0) return;
  if (isBooleans) checkRuns(values.subarray(4), 1, numValues, true);
  else checkRuns(values.subarray(1), values[0] ?? 0, numValues, true);
}

/**
 * Counts the numbers of runs.
 *
 * @param mayEnd  fewer than `count` are good too
 * @throws RangeError if a run is longer than what is left, or there are too few
 */
function checkRuns(bytes: Uint8Array, bitWidth: number, count: number, mayEnd = false): void {
  if (bitWidth > 32) throw new RangeError("A number has more than 32 bits.");
  let seen = 0;
  for (let at = 0; seen < count; ) {
    if (at >= bytes.length) {
      if (mayEnd) return;
      throw new RangeError("The runs are cut short.");
    }
    let header = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at] ?? 0;
      at += 1;
      header += (byte & 127) * scale;
      if (byte < 128) break;
      if (scale > 2 ** 28) throw new RangeError("A run is too long.");
    }
    const length = Math.floor(header / 2);
    if (header % 2 === 1) {
      // Numbers without bits are not bounded by the bytes. Packed ones come by eight, so the last run may be longer.
      if (bitWidth === 0 && length * 8 - 7 > count - seen) throw new RangeError("A run is too long.");
      at += length * bitWidth;
      seen += length * 8;
    } else {
      if (length > count - seen) throw new RangeError("A run is too long.");
      at += Math.ceil(bitWidth / 8);
      seen += length;
    }
  }
}

function unpackPart(
  codec: Codec,
  unpackers: Partial<Record<Codec, Unpack>>,
  packed: Uint8Array,
  bytes: number,
): Uint8Array {
  if (codec === "UNCOMPRESSED") return packed;
  const unpack = unpackers[codec];
  if (unpack === undefined)
    throw unreadable(`it is compressed with ${codec}, which is not read; write it with another`);
  try {
    return unpack(packed, bytes);
  } catch (cause) {
    throw unreadable(`a page cannot be unpacked (${codec})`, cause);
  }
}

function part(header: ThriftStruct, field: number): ThriftStruct {
  const value = header.get(field)?.value;
  if (value instanceof Map) return value;
  throw new RangeError("A page has no head.");
}

function bitsOf(max: number): number {
  return 32 - Math.clz32(max);
}

function tooLarge({ maxBytes }: ParquetLimits) {
  return unreadable(`a row group has more than ${maxBytes} bytes, unpacked; write it with smaller row groups`);
}
