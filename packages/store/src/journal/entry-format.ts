/**
 * An entry of the journal as bytes: a head of 40 bytes, then the payload.
 *
 * | offset | what |
 * |---|---|
 * | 0 | magic |
 * | 4 | length of the payload |
 * | 8 | sequence number, one more than the entry before it |
 * | 16 | `synced`: the highest sequence number that was on disk before this entry was written |
 * | 24 | `done`: everything up to this sequence number needs no replay |
 * | 32 | type |
 * | 36 | CRC-32 of offsets 4 to 35 and of the payload |
 *
 * Numbers are little-endian. `synced` tells a torn write from damage: what is missing above the highest `synced` was never promised.
 */
import { crc32 } from "node:zlib";

/** First bytes of a segment; the digit is the version of the format. */
export const SEGMENT_MAGIC = Buffer.from("SLJRNL1\n", "latin1");

export const HEAD_BYTES = 40;

/** Not text, and no byte of it twice: a search for it in payloads finds little. */
const MAGIC = Buffer.from([0xf5, 0x4a, 0x9e, 0x01]);
const MAGIC_NUMBER = MAGIC.readUInt32LE(0);

export interface EntryHead {
  /** 1, 2, 3, …; below 2^53. */
  readonly seq: number;
  readonly synced: number;
  readonly done: number;
  /** What the payload is; 0 = nothing, the entry only carries `done`. */
  readonly type: number;
}

/** An entry found in the bytes of a segment. */
export interface FoundEntry extends EntryHead {
  /** Of its head, in bytes from the start of the segment. */
  readonly offset: number;
  /** Of its payload. */
  readonly length: number;
}

/** Bytes in a segment that are no entry. */
export interface Gap {
  readonly offset: number;
  readonly length: number;
  /** No entry follows. */
  readonly atEnd: boolean;
}

/** The head of an entry whose payload is these parts, one behind the other. */
export function encodeHead(head: EntryHead, parts: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(
    parts.reduce((sum, part) => sum + part.length, 0),
    4,
  );
  bytes.writeBigUInt64LE(BigInt(head.seq), 8);
  bytes.writeBigUInt64LE(BigInt(head.synced), 16);
  bytes.writeBigUInt64LE(BigInt(head.done), 24);
  bytes.writeUInt32LE(head.type, 32);
  bytes.writeUInt32LE(checksum(bytes, parts), 36);
  return bytes;
}

function checksum(head: Uint8Array, parts: readonly Uint8Array[]): number {
  let sum = crc32(head.subarray(4, 36));
  for (const part of parts) sum = crc32(part, sum);
  return sum;
}

/** The entry at this offset; undefined if there is none whose checksum is right. */
export function readEntry(segment: Buffer, offset: number): FoundEntry | undefined {
  if (offset + HEAD_BYTES > segment.length || segment.readUInt32LE(offset) !== MAGIC_NUMBER) return undefined;
  const length = segment.readUInt32LE(offset + 4);
  const start = offset + HEAD_BYTES;
  if (start + length > segment.length) return undefined;
  const head = segment.subarray(offset, start);
  if (checksum(head, [segment.subarray(start, start + length)]) !== head.readUInt32LE(36)) return undefined;
  return {
    seq: Number(head.readBigUInt64LE(8)),
    synced: Number(head.readBigUInt64LE(16)),
    done: Number(head.readBigUInt64LE(24)),
    type: head.readUInt32LE(32),
    offset,
    length,
  };
}

/** Everything in a segment: entries, and the bytes between them that are none. */
export function scanSegment(segment: Buffer): { entries: FoundEntry[]; gaps: Gap[] } {
  const entries: FoundEntry[] = [];
  const gaps: Gap[] = [];
  let at = SEGMENT_MAGIC.length;
  while (at < segment.length) {
    const entry = readEntry(segment, at);
    if (entry !== undefined) {
      entries.push(entry);
      at += HEAD_BYTES + entry.length;
      continue;
    }
    const next = findEntry(segment, at + 1);
    gaps.push({ offset: at, length: (next ?? segment.length) - at, atEnd: next === undefined });
    at = next ?? segment.length;
  }
  return { entries, gaps };
}

function findEntry(segment: Buffer, from: number): number | undefined {
  for (let at = segment.indexOf(MAGIC, from); at !== -1; at = segment.indexOf(MAGIC, at + 1)) {
    if (readEntry(segment, at) !== undefined) return at;
  }
  return undefined;
}
