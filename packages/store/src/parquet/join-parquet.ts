/**
 * Small Parquet files with the same columns → one, as a stream.
 *
 * ClickHouse makes a Parquet file in memory, and a streamed answer of the embedded engine would be several files glued together, of
 * which readers silently see the last. So rows are asked for in files of a few megabytes. Their row groups are passed on as they are;
 * at the end comes one footer with all of them, in which the places of the columns are moved.
 *
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
 */
import { readThrift, THRIFT, type ThriftField, type ThriftStruct, writeThrift } from "./thrift-compact.ts";

const MAGIC = Buffer.from("PAR1");

// Numbers of fields in parquet.thrift.
const FILE = { numRows: 3, rowGroups: 4 } as const;
const GROUP = { columns: 1, fileOffset: 5, ordinal: 7 } as const;
const CHUNK = { fileOffset: 2, metaData: 3 } as const;
/** The page index holds places in the file too; it is left out, readers do without it. */
const PAGE_INDEX = [4, 5, 6, 7];
/** data_page_offset, index_page_offset, dictionary_page_offset, bloom_filter_offset. */
const COLUMN_OFFSETS = [9, 10, 11, 14];

/** A Parquet file in memory. */
export interface ParquetFile {
  readonly numRows: number;
  /** What lies between the magic and the footer. */
  readonly data: Uint8Array;
  readonly footer: ThriftStruct;
}

/** Takes a file apart. @throws RangeError if it is none */
export function readParquetFile(bytes: Uint8Array): ParquetFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length - 8;
  if (end < 4 || !MAGIC.equals(bytes.subarray(0, 4)) || !MAGIC.equals(bytes.subarray(end + 4))) {
    throw new RangeError("This is no Parquet file.");
  }
  const footerStart = end - view.getUint32(end, true);
  if (footerStart < 4) throw new RangeError("The footer of the Parquet file does not fit into it.");
  const footer = readThrift(bytes.subarray(footerStart, end));
  return { numRows: Number(footer.get(FILE.numRows)?.value ?? 0), data: bytes.subarray(4, footerStart), footer };
}

/**
 * One file with the rows of all.
 *
 * @param files  at least one; columns and types of all are those of the first
 * @throws RangeError if there is none
 */
export async function* joinParquet(files: AsyncIterable<ParquetFile>): AsyncGenerator<Uint8Array, void> {
  let whole: ThriftStruct | undefined;
  const groups: ThriftStruct[] = [];
  let rows = 0n;
  let at = MAGIC.length;
  for await (const { footer, data } of files) {
    if (whole === undefined) yield MAGIC;
    whole ??= footer;
    const shift = BigInt(at - MAGIC.length);
    for (const group of structsOf(footer.get(FILE.rowGroups))) {
      moveGroup(group, shift, groups.length);
      groups.push(group);
    }
    rows += BigInt(footer.get(FILE.numRows)?.value as bigint);
    at += data.length;
    if (data.length > 0) yield data;
  }
  if (whole === undefined) throw new RangeError("There is no Parquet file to join.");
  whole.set(FILE.numRows, { type: THRIFT.I64, value: rows });
  whole.set(FILE.rowGroups, { type: THRIFT.LIST, value: { item: THRIFT.STRUCT, items: groups } });
  const footer = writeThrift(whole);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  yield Buffer.concat([footer, length, MAGIC]);
}

function moveGroup(group: ThriftStruct, shift: bigint, ordinal: number): void {
  move(group.get(GROUP.fileOffset), shift);
  // 16 bits; readers number the groups themselves where it is absent.
  if (ordinal < 32_768) group.set(GROUP.ordinal, { type: THRIFT.I16, value: BigInt(ordinal) });
  else group.delete(GROUP.ordinal);
  for (const chunk of structsOf(group.get(GROUP.columns))) {
    for (const field of PAGE_INDEX) chunk.delete(field);
    move(chunk.get(CHUNK.fileOffset), shift);
    const metaData = chunk.get(CHUNK.metaData)?.value;
    if (metaData instanceof Map) for (const field of COLUMN_OFFSETS) move(metaData.get(field), shift);
  }
}

function move(field: ThriftField | undefined, shift: bigint): void {
  // 0 stands for "not known" in places that newer writers do not fill.
  if (typeof field?.value === "bigint" && field.value > 0n) field.value += shift;
}

function structsOf(field: ThriftField | undefined): ThriftStruct[] {
  const value = field?.value;
  if (value === undefined || typeof value !== "object" || !("items" in value)) return [];
  return value.items.filter((item): item is ThriftStruct => item instanceof Map);
}
