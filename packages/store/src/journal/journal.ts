/**
 * The journal: what was acknowledged and is not in the telemetry store yet, in append-only files.
 *
 * An append is answered when its bytes are on disk. Appends that come while the disk is busy share one write and one sync. Entries
 * are opaque. Whoever uses the journal says with {@link Journal.release} up to where entries need no replay; files that hold only
 * such entries are removed. One process uses a folder at a time: the lock of the data directory sees to that.
 */
import { open } from "node:fs/promises";
import { SightlineError } from "@sightline/wire/errors";
import { encodeHead, HEAD_BYTES, readEntry, SEGMENT_MAGIC } from "./entry-format.ts";
import { journalFailure } from "./journal-failure.ts";
import { type EntryRef, type JournalScan, scanJournal } from "./scan-journal.ts";
import {
  createSegment,
  cutSegment,
  makeJournalDir,
  type OpenSegment,
  openSegmentFile,
  removeSegments,
  type SegmentFile,
  segmentPath,
  setSegmentAside,
  writeAll,
} from "./segment-files.ts";

export type { EntryRef } from "./scan-journal.ts";

export interface JournalOptions {
  /** Folder of its own; made if it is not there. */
  readonly dir: string;
  /** A segment is not appended to any more once it is as long as this. Default 32 MiB. */
  readonly segmentBytes?: number;
  /** Bytes of entries that may be kept; above it, appends get INGEST_OVERLOADED. Default 1 GiB. */
  readonly maxBytes?: number;
  /** Told in a sentence what was found damaged, and what could not be tidied up. */
  readonly onEvent?: (sentence: string) => void;
  /** Told of each group that came to disk. */
  readonly onCommit?: (group: JournalCommit) => void;
  /** How segments are opened; tests hand in files that fail. */
  readonly openSegment?: OpenSegment;
}

export interface JournalCommit {
  readonly entries: number;
  readonly bytes: number;
  /** Time of write and sync. */
  readonly ms: number;
}

export interface JournalStats {
  /** Bytes of entries that are not released. */
  readonly bytes: number;
  readonly entries: number;
  readonly segments: number;
  /** Age of the oldest entry that is not released; 0 without one. Of entries from before the start: since the start. */
  readonly oldestMs: number;
  /** Bytes in files that could not be read when the journal was opened. */
  readonly damagedBytes: number;
  /** Writes that failed since the start. */
  readonly failures: number;
}

/** Bytes of one write: a group larger than this would keep those behind it waiting for the disk. */
const MAX_GROUP_BYTES = 16 * 1024 * 1024;

/** Entries that only say what is done. */
const CHECKPOINT = 0;

interface Waiting {
  readonly type: number;
  readonly parts: readonly Uint8Array[];
  /** With its head. */
  readonly bytes: number;
  readonly resolve: (ref: EntryRef) => void;
  readonly reject: (error: unknown) => void;
}

interface ActiveSegment {
  readonly number: number;
  readonly file: SegmentFile;
  bytes: number;
}

export class Journal {
  readonly #options: Required<Omit<JournalOptions, "onEvent" | "onCommit">> & JournalOptions;
  readonly #scan: JournalScan;
  /** Segments that are not appended to any more, with their highest sequence number. */
  readonly #sealed = new Map<number, number>();
  /** Segments that are kept under another name when they are released. */
  readonly #evidence = new Set<number>();
  /** Entries that are not released, oldest first. */
  readonly #live = new Map<number, { readonly bytes: number; readonly since: number }>();
  #liveBytes = 0;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #segment: ActiveSegment | undefined;
  #nextSegment: number;
  #lastSeq: number;
  #done = 0;
  /** `done` as it is on disk. */
  #durableDone = 0;
  #committing: Promise<void> | undefined;
  #tidying: Promise<void> = Promise.resolve();
  #failures = 0;
  #closed = false;

  private constructor(options: JournalOptions, scan: JournalScan) {
    this.#options = {
      segmentBytes: 32 * 1024 * 1024,
      maxBytes: 1024 * 1024 * 1024,
      openSegment: openSegmentFile,
      ...options,
    };
    this.#scan = scan;
    this.#lastSeq = scan.lastSeq;
    this.#nextSegment = (scan.segments.at(-1) ?? 0) + 1;
    const since = performance.now();
    for (const { seq, length } of scan.entries) this.#keep(seq, HEAD_BYTES + length, since);
  }

  /**
   * Opens the folder, cuts off what a crash left half-written, and reports damage.
   *
   * @throws DATA_DIR_UNUSABLE if the journal is of a newer version; errors of the file system
   */
  static async open(options: JournalOptions): Promise<Journal> {
    await makeJournalDir(options.dir);
    const scan = await scanJournal(options.dir);
    const [foreign] = scan.foreign;
    if (foreign !== undefined) {
      throw new SightlineError(
        "DATA_DIR_UNUSABLE",
        `The journal ${segmentPath(options.dir, foreign)} is of a newer version of Sightline; start that version.`,
      );
    }
    const journal = new Journal(options, scan);
    await journal.#adopt();
    return journal;
  }

  /** Entries of earlier processes that were acknowledged and not released, in the order they were appended. */
  get unreleased(): readonly EntryRef[] {
    return this.#scan.entries;
  }

  /**
   * Keeps an entry.
   *
   * @param type  what it is, from 1 on; given back with the entry
   * @param parts  its payload, in one or more pieces; not copied, so they must not change until the promise settles
   * @returns when the entry is on disk; entries resolve in the order of their calls
   * @throws INGEST_OVERLOADED over the bound, STORAGE_FULL, STORE_UNAVAILABLE if the disk fails, SHUTTING_DOWN; then the entry is
   *   not promised
   */
  append(type: number, parts: readonly Uint8Array[]): Promise<EntryRef> {
    const bytes = parts.reduce((sum, { length }) => sum + length, HEAD_BYTES);
    const held = this.#liveBytes + this.#waitingBytes;
    if (held > 0 && held + bytes > this.#options.maxBytes) {
      const message =
        `The journal is full: ${held} of ${this.#options.maxBytes} bytes wait for the telemetry engine. ` +
        "Send the same spans again after the time in Retry-After.";
      return Promise.reject(new SightlineError("INGEST_OVERLOADED", message, { retryAfterSeconds: 5 }));
    }
    return this.#enqueue(type, parts, bytes);
  }

  /**
   * Payloads of entries that are not released, in the order of the refs.
   *
   * @throws INTERNAL_ERROR if the file has changed since
   */
  async read(refs: readonly EntryRef[]): Promise<Buffer[]> {
    const payloads: Buffer[] = [];
    for (const run of runsOf(refs)) {
      const [first] = run;
      const last = run.at(-1);
      if (first === undefined || last === undefined) continue;
      const bytes = await this.#readRange(first.segment, first.offset, last.offset + HEAD_BYTES + last.length);
      for (const ref of run) {
        const at = ref.offset - first.offset;
        if (readEntry(bytes, at)?.seq !== ref.seq) throw unreadable(this.#options.dir, ref);
        payloads.push(bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + ref.length));
      }
    }
    return payloads;
  }

  /** Says that no entry up to this one needs a replay. On disk it is with the next append or {@link checkpoint}. */
  release(seq: number): void {
    this.#done = Math.max(this.#done, Math.min(seq, this.#lastSeq));
    for (const [live, { bytes }] of this.#live) {
      if (live > this.#done) break;
      this.#live.delete(live);
      this.#liveBytes -= bytes;
    }
    // Nobody else will carry the news to disk soon: without it a crash would replay what is done.
    if (this.#live.size === 0 && this.#waiting.length === 0 && !this.#closed) {
      this.checkpoint().catch((error: unknown) => this.#couldNotNote(error));
    }
  }

  /** Resolves when what was released so far will not be replayed, whatever happens. @throws as {@link append} */
  async checkpoint(): Promise<void> {
    if (this.#durableDone >= this.#done) return;
    await this.#enqueue(CHECKPOINT, [], HEAD_BYTES);
  }

  stats(): JournalStats {
    const [oldest] = this.#live.values();
    return {
      bytes: this.#liveBytes,
      entries: this.#live.size,
      segments: this.#sealed.size + (this.#segment === undefined ? 0 : 1),
      oldestMs: oldest === undefined ? 0 : performance.now() - oldest.since,
      damagedBytes: this.#scan.damaged.reduce((sum, { bytes }) => sum + bytes, 0),
      failures: this.#failures,
    };
  }

  /** Writes what waits and closes; files without unreleased entries are removed. */
  async close(): Promise<void> {
    if (this.#live.size > 0) await this.checkpoint().catch((error: unknown) => this.#couldNotNote(error));
    this.#closed = true;
    while (this.#committing !== undefined) await this.#committing;
    await this.#seal();
    if (this.#live.size === 0) this.#durableDone = this.#lastSeq;
    this.#tidy();
    await this.#tidying;
  }

  #enqueue(type: number, parts: readonly Uint8Array[], bytes: number): Promise<EntryRef> {
    if (this.#closed) return Promise.reject(new SightlineError("SHUTTING_DOWN", "The journal is closed."));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ type, parts, bytes, resolve, reject });
      this.#waitingBytes += bytes;
      this.#committing ??= this.#commitAll();
    });
  }

  async #commitAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.#commit(this.#takeGroup());
    this.#committing = undefined;
  }

  #takeGroup(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      if (count > 0 && bytes + waiting.bytes > MAX_GROUP_BYTES) break;
      bytes += waiting.bytes;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  /** Brings a group to disk and answers it; never rejects. */
  async #commit(group: readonly Waiting[]): Promise<void> {
    const started = performance.now();
    const done = this.#done;
    const synced = this.#lastSeq;
    let refs: EntryRef[];
    try {
      const segment = await this.#appendable();
      const buffers: Uint8Array[] = [];
      let offset = segment.bytes;
      refs = group.map(({ type, parts, bytes }, index) => {
        const seq = synced + 1 + index;
        buffers.push(encodeHead({ seq, synced, done, type }, parts), ...parts);
        const ref = { seq, segment: segment.number, offset, length: bytes - HEAD_BYTES, type };
        offset += bytes;
        return ref;
      });
      await this.#write(segment, buffers);
    } catch (error) {
      this.#failures += 1;
      const failure = journalFailure(error, this.#options.dir);
      for (const { reject } of group) reject(failure);
      return;
    }
    this.#lastSeq += group.length;
    this.#durableDone = done;
    const now = performance.now();
    for (const [index, { type, bytes, resolve }] of group.entries()) {
      const ref = refs[index] as EntryRef; // one for each of the group
      if (type !== CHECKPOINT) this.#keep(ref.seq, bytes, now);
      resolve(ref);
    }
    const bytes = group.reduce((sum, entry) => sum + entry.bytes, 0);
    this.#options.onCommit?.({ entries: group.length, bytes, ms: now - started });
    this.#tidy();
  }

  async #write(segment: ActiveSegment, buffers: readonly Uint8Array[]): Promise<void> {
    let end: number;
    try {
      end = await writeAll(segment.file, buffers, segment.bytes);
    } catch (error) {
      // Sequence numbers of a failed write are given again, so nothing of it may stay in front of those.
      await segment.file.truncate(segment.bytes).catch(() => this.#giveUp());
      throw error;
    }
    try {
      await segment.file.datasync();
    } catch (error) {
      // What a failed sync leaves in the page cache counts as clean: a second sync would succeed without having written it.
      // https://www.usenix.org/system/files/atc20-rebello.pdf
      await this.#giveUp();
      throw error;
    }
    segment.bytes = end;
  }

  async #appendable(): Promise<ActiveSegment> {
    if (this.#segment !== undefined && this.#segment.bytes >= this.#options.segmentBytes) await this.#seal();
    if (this.#segment === undefined) {
      const number = this.#nextSegment;
      const file = await createSegment(this.#options.dir, number, this.#options.openSegment);
      this.#nextSegment += 1;
      this.#segment = { number, file, bytes: SEGMENT_MAGIC.length };
    }
    return this.#segment;
  }

  /** Ends the segment: what comes goes into another one. */
  async #seal(): Promise<void> {
    const segment = this.#segment;
    if (segment === undefined) return;
    this.#segment = undefined;
    this.#sealed.set(segment.number, this.#lastSeq);
    await segment.file.close();
  }

  /** Leaves a segment whose file failed. What was acknowledged in it before stays and is replayed like any other. */
  async #giveUp(): Promise<void> {
    const number = this.#segment?.number;
    this.#options.onEvent?.(`The journal's disk failed in segment ${number}; a new segment is used from now on.`);
    // Closing a file that failed may fail as well; there is nothing left to lose in it.
    await this.#seal().catch(() => undefined);
  }

  /** A crash before the next append would replay what is done, which changes nothing. */
  #couldNotNote(error: unknown): void {
    this.#options.onEvent?.(`The journal could not note what is done: ${String(error)}`);
  }

  #keep(seq: number, bytes: number, since: number): void {
    this.#live.set(seq, { bytes, since });
    this.#liveBytes += bytes;
  }

  /** Removes segments whose entries are all released, oldest first, in the background. */
  #tidy(): void {
    const over: number[] = [];
    for (const [number, lastSeq] of this.#sealed) {
      if (lastSeq > this.#durableDone) break;
      over.push(number);
    }
    if (over.length === 0) return;
    for (const number of over) this.#sealed.delete(number);
    this.#tidying = this.#tidying.then(() => this.#remove(over));
  }

  async #remove(numbers: readonly number[]): Promise<void> {
    const { dir, onEvent } = this.#options;
    try {
      for (const number of numbers) {
        if (!this.#evidence.has(number)) continue;
        onEvent?.(`The damaged part of the journal is kept as ${await setSegmentAside(dir, number)}.`);
      }
      await removeSegments(
        dir,
        numbers.filter((number) => !this.#evidence.has(number)),
      );
    } catch (error) {
      // What stays is replayed at the next start, which changes nothing.
      onEvent?.(`Old files of the journal in ${dir} could not be removed: ${String(error)}.`);
    }
  }

  /** Takes over the segments that are there. */
  async #adopt(): Promise<void> {
    const { segments, entries, torn, damaged, missing } = this.#scan;
    const { dir, onEvent } = this.#options;
    for (const number of segments) this.#sealed.set(number, 0);
    for (const { segment, seq } of entries) this.#sealed.set(segment, Math.max(this.#sealed.get(segment) ?? 0, seq));
    for (const { segment, wholeBytes, tornBytes } of torn) {
      if (missing > 0) this.#evidence.add(segment);
      else {
        await cutSegment(dir, segment, wholeBytes);
        onEvent?.(`The journal ended in a write that was cut off (${tornBytes} bytes, never acknowledged).`);
      }
    }
    for (const { segment } of damaged) this.#evidence.add(segment);
    if (damaged.length > 0 || missing > 0) {
      const bytes = damaged.reduce((sum, part) => sum + part.bytes, 0);
      onEvent?.(
        `The journal in ${dir} is damaged: ${bytes} bytes cannot be read, ${missing} acknowledged requests are missing. ` +
          "The rest is used; check the disk.",
      );
    }
    this.#done = (entries[0]?.seq ?? this.#lastSeq + 1) - 1;
    this.#durableDone = this.#done;
    this.#tidy();
    await this.#tidying;
  }

  async #readRange(segment: number, from: number, to: number): Promise<Buffer> {
    const file = await open(segmentPath(this.#options.dir, segment), "r");
    try {
      const bytes = Buffer.allocUnsafeSlow(to - from);
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, from + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    } finally {
      await file.close();
    }
  }
}

/** Refs that lie one behind the other in a segment, together. */
function runsOf(refs: readonly EntryRef[]): EntryRef[][] {
  const runs: EntryRef[][] = [];
  let end: { segment: number; offset: number } | undefined;
  for (const ref of refs) {
    if (end?.segment === ref.segment && end.offset === ref.offset) runs.at(-1)?.push(ref);
    else runs.push([ref]);
    end = { segment: ref.segment, offset: ref.offset + HEAD_BYTES + ref.length };
  }
  return runs;
}

function unreadable(dir: string, ref: EntryRef): SightlineError {
  const path = segmentPath(dir, ref.segment);
  return new SightlineError("INTERNAL_ERROR", `Entry ${ref.seq} of the journal ${path} cannot be read back.`);
}
