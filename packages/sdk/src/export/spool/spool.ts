/**
 * A spool: encoded spans on disk until the server has answered for them, so that they outlive the process.
 *
 *   <dir>/<instance id>~<server>~<owner>.spool   who, and the numbers (`state-file.ts`)
 *   <dir>/<instance id>.<n>.spans                segments: records of spans (`record.ts`), appended, never changed
 *
 * Spans are appended before they are sent and read back to be sent, first in, first out; the state file says up to where the
 * server has answered. A segment is removed when all of it was answered for. `<owner>` is a process (`owner.ts`), `<server>` a hash of address
 * and key: a spool whose owner is gone is taken over by the next process that spools to the same server (`folder.ts`).
 *
 * The spool takes at most `maxBytes`. When it is full, spans wait in the queue in memory, where the oldest give way and are
 * counted. Files are the user's own (0600 in a folder of 0700).
 */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  unlinkSync,
  writevSync,
  writev as writevWithCallback,
} from "node:fs";
import { promisify } from "node:util";
import type { PreparedSpan } from "../prepared-span.ts";
import { type SpoolName, segmentFiles, segmentPath, statePath } from "./names.ts";
import { byteCount, encodeRecord, readRecord } from "./record.ts";
import { type SpoolHeader, StateFile } from "./state-file.ts";

const writev = promisify(writevWithCallback);

/** Segments are removed as a whole: small enough that little of what was sent stays, large enough that files are few. */
const SEGMENT_BYTES = 8 * 1024 * 1024;
/** Most buffers of one `writev` on Linux and macOS. */
const IOV_MAX = 1024;

export interface SpoolBatch {
  readonly spans: readonly PreparedSpan[];
  /** Where the next batch begins. */
  readonly end: Place;
}

interface Place {
  /** Number of the segment. */
  readonly segment: number;
  /** Offset in it. */
  readonly position: number;
}

interface Segment {
  readonly number: number;
  readonly fd: number;
  bytes: number;
}

/** One spool, of this process or taken over. */
export class Spool {
  readonly state: StateFile;
  readonly #dir: string;
  readonly #maxBytes: number;
  readonly #statePath: string;
  /** Oldest first; what is appended goes to the last. */
  readonly #segments: Segment[] = [];
  /** Up to where batches were handed out. */
  #read: Place;
  #waiting = 0;
  #unsettled = 0;
  #isAppending = false;
  #nextNumber = 0;
  readonly #segmentBytes: number;

  private constructor(dir: string, statePath: string, state: StateFile, maxBytes: number) {
    this.#dir = dir;
    this.#statePath = statePath;
    this.#maxBytes = maxBytes;
    this.#segmentBytes = Math.min(SEGMENT_BYTES, maxBytes / 8);
    this.state = state;
    this.#read = { segment: state.get("settledSegment"), position: state.get("settledPosition") };
  }

  /**
   * Begins the spool of this process.
   *
   * @throws what the file system says
   */
  static create(dir: string, name: SpoolName, header: SpoolHeader, maxBytes: number): Spool {
    const path = statePath(dir, name);
    return new Spool(dir, path, StateFile.create(path, header), maxBytes);
  }

  /**
   * Opens a spool that was taken over, at the first span that the server has not answered for.
   *
   * @param name  of the state file, with this process as the owner
   * @returns undefined if the file is not one, or of an unknown version
   */
  static open(dir: string, name: SpoolName): Spool | undefined {
    const path = statePath(dir, name);
    const state = StateFile.open(path);
    if (state === undefined) return undefined;
    const spool = new Spool(dir, path, state, 0);
    for (const { number, path } of segmentFiles(dir, state.header.instanceId)) {
      const fd = openSync(path, "r");
      spool.#segments.push({ number, fd, bytes: fstatSync(fd).size });
    }
    return spool;
  }

  /** Spans that were appended and not handed out; not known of a spool that was taken over. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Spans that were appended and not settled; not known of a spool that was taken over. */
  get unsettled(): number {
    return this.#unsettled;
  }

  /** Whether there is anything behind what was handed out; it may turn out to be torn. */
  get hasMore(): boolean {
    return this.#segments.some(
      ({ number, bytes }) =>
        number > this.#read.segment || (number === this.#read.segment && bytes > this.#read.position),
    );
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * Appends spans, all or none.
   *
   * @returns false if there is no room for them now
   * @throws what the file system says; what was written of them is taken back
   */
  async append(spans: readonly PreparedSpan[]): Promise<boolean> {
    const buffers = spans.flatMap(encodeRecord);
    const segment = this.#roomFor(buffers);
    if (segment === undefined) return false;
    this.#isAppending = true;
    try {
      let position = segment.bytes;
      for (let first = 0; first < buffers.length; first += IOV_MAX) {
        const part = buffers.slice(first, first + IOV_MAX);
        const { bytesWritten } = await writev(segment.fd, part, position);
        position += checkWritten(bytesWritten, part);
      }
    } catch (error) {
      ftruncateSync(segment.fd, segment.bytes);
      throw error;
    } finally {
      this.#isAppending = false;
    }
    this.#added(segment, buffers, spans.length);
    return true;
  }

  /** The same at the end of the process, when nothing asynchronous runs any more: a segment that is being written is left alone. */
  appendNow(spans: readonly PreparedSpan[]): boolean {
    const buffers = spans.flatMap(encodeRecord);
    const segment = this.#roomFor(buffers);
    if (segment === undefined) return false;
    let position = segment.bytes;
    for (let first = 0; first < buffers.length; first += IOV_MAX) {
      const part = buffers.slice(first, first + IOV_MAX);
      position += checkWritten(writevSync(segment.fd, part, position), part);
    }
    this.#added(segment, buffers, spans.length);
    return true;
  }

  /**
   * The next spans, oldest first: at least one if there is one, then as many as fit in both limits.
   *
   * @returns undefined when there is none
   */
  next(maxSpans: number, maxBytes: number): SpoolBatch | undefined {
    const spans: PreparedSpan[] = [];
    let bytes = 0;
    let place = this.#read;
    while (spans.length < maxSpans && bytes < maxBytes) {
      const segment = this.#segments.find(({ number }) => number >= place.segment);
      if (segment === undefined) break;
      if (segment.number > place.segment) place = { segment: segment.number, position: 0 };
      const record = readRecord(segment.fd, place.position, segment.bytes);
      if (record !== undefined) {
        spans.push(record.span);
        bytes += record.end - place.position;
        place = { segment: segment.number, position: record.end };
      } else if (segment === this.#segments.at(-1)) break;
      else place = { segment: segment.number + 1, position: 0 };
    }
    if (spans.length === 0) return undefined;
    this.#read = place;
    this.#waiting -= spans.length;
    return { spans, end: place };
  }

  /** Notes that the server has answered for a batch, and for all before it; removes what nobody needs any more. */
  settle({ spans, end }: SpoolBatch): void {
    this.#unsettled -= spans.length;
    this.state.set("settledSegment", end.segment);
    this.state.set("settledPosition", end.position);
    this.state.write();
    for (
      let [oldest] = this.#segments;
      oldest !== undefined && this.#isUsedUp(oldest, end);
      [oldest] = this.#segments
    ) {
      this.#segments.shift();
      this.#remove(oldest);
    }
  }

  #isUsedUp({ number, bytes }: Segment, { segment, position }: Place): boolean {
    if (number !== segment) return number < segment;
    // The last one is used on, until it is large: making files costs more than writing to them.
    return position === bytes && bytes >= this.#segmentBytes && !this.#isAppending;
  }

  /** Closes the files and leaves them to whoever takes over. */
  close(): void {
    for (const { fd } of this.#segments.splice(0)) closeSync(fd);
    this.state.close();
  }

  /** Closes the files and removes them: everything was answered for. */
  remove(): void {
    for (const segment of this.#segments.splice(0)) this.#remove(segment);
    this.state.close();
    // Last: without it nobody would know what the segments are.
    unlinkSync(this.#statePath);
  }

  #roomFor(buffers: readonly Uint8Array[]): Segment | undefined {
    if (this.bytes + byteCount(buffers) > this.#maxBytes) return undefined;
    const last = this.#segments.at(-1);
    if (last !== undefined && last.bytes < this.#segmentBytes && !this.#isAppending) return last;
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    const fd = openSync(segmentPath(this.#dir, this.state.header.instanceId, number), "wx+", 0o600);
    const segment = { number, fd, bytes: 0 };
    this.#segments.push(segment);
    return segment;
  }

  #added(segment: Segment, buffers: readonly Uint8Array[], spans: number): void {
    segment.bytes += byteCount(buffers);
    this.#waiting += spans;
    this.#unsettled += spans;
  }

  #remove({ number, fd }: Segment): void {
    closeSync(fd);
    unlinkSync(segmentPath(this.#dir, this.state.header.instanceId, number));
  }
}

/** A file system that is full writes a part and says so only to the next write. */
function checkWritten(written: number, buffers: readonly Uint8Array[]): number {
  const wanted = byteCount(buffers);
  if (written === wanted) return written;
  throw new Error(`only ${written} of ${wanted} bytes could be written; the disk may be full`);
}
