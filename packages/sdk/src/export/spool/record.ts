/**
 * A span in a spool's segment: one record, whole or not there.
 *
 *   uint32 LE  length of the description
 *   uint32 LE  length of the data
 *   uint32 LE  CRC-32 of the two lengths, the description and the data
 *   …          description, JSON: sequence number, experiment, attachments and their lengths
 *   …          data: the span's protobuf field, then the bytes of the attachments
 *
 * A record that was being written when the process died is shorter than it says, or its checksum is wrong: reading ends there.
 */
import { readSync } from "node:fs";
import { crc32 } from "node:zlib";
import { parseJson } from "@sightline/wire/json";
import type { PreparedSpan } from "../prepared-span.ts";

const HEAD_BYTES = 12;

interface Description {
  /** Sequence number. */
  readonly s: number;
  /** Experiment. */
  readonly e?: string;
  /** Attachments: trace, id, content type, bytes. */
  readonly a?: readonly (readonly [string, string, string, number])[];
}

/** A record as buffers that are to be written one after the other. */
export function encodeRecord({ sequence, experiment, attachments, bytes }: PreparedSpan): Uint8Array[] {
  const description: Description = {
    s: sequence,
    ...(experiment !== undefined && { e: experiment }),
    ...(attachments.length > 0 && {
      a: attachments.map((lifted) => [lifted.traceId, lifted.attachmentId, lifted.contentType, lifted.bytes.length]),
    }),
  };
  const text = Buffer.from(JSON.stringify(description));
  const data = [...bytes, ...attachments.map((attachment) => attachment.bytes)];
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt32LE(text.length, 0);
  head.writeUInt32LE(byteCount(data), 4);
  let checksum = crc32(text, crc32(head.subarray(0, 8)));
  for (const chunk of data) checksum = crc32(chunk, checksum);
  head.writeUInt32LE(checksum, 8);
  return [head, text, ...data];
}

/** Bytes of buffers together. */
export function byteCount(buffers: readonly Uint8Array[]): number {
  let sum = 0;
  for (const { length } of buffers) sum += length;
  return sum;
}

export interface ReadRecord {
  readonly span: PreparedSpan;
  /** Offset behind it. */
  readonly end: number;
}

/**
 * Reads the record at `position`.
 *
 * @param size  bytes of the file
 * @returns undefined at the end, and where a record is torn
 */
export function readRecord(fd: number, position: number, size: number): ReadRecord | undefined {
  const head = readBytes(fd, position, HEAD_BYTES, size);
  if (head === undefined) return undefined;
  const textLength = head.readUInt32LE(0);
  const length = textLength + head.readUInt32LE(4);
  const body = readBytes(fd, position + HEAD_BYTES, length, size);
  if (body === undefined || crc32(body, crc32(head.subarray(0, 8))) !== head.readUInt32LE(8)) return undefined;
  // The checksum says that `encodeRecord` wrote it.
  const { s, e, a = [] } = parseJson(body.toString("utf8", 0, textLength)) as Description;
  let end = length;
  const attachments = [...a].reverse().map(([traceId, attachmentId, contentType, bytes]) => {
    end -= bytes;
    return { traceId, attachmentId, contentType, bytes: body.subarray(end, end + bytes) };
  });
  return {
    span: {
      sequence: s,
      experiment: e,
      isRunning: false,
      bytes: [body.subarray(textLength, end)],
      attachments: attachments.reverse(),
    },
    end: position + HEAD_BYTES + length,
  };
}

function readBytes(fd: number, position: number, length: number, size: number): Buffer | undefined {
  if (position + length > size) return undefined;
  const bytes = Buffer.allocUnsafe(length);
  for (let filled = 0; filled < length; ) {
    const count = readSync(fd, bytes, filled, length - filled, position + filled);
    // The file became shorter than it was: nothing of ours does that.
    if (count === 0) return undefined;
    filled += count;
  }
  return bytes;
}
