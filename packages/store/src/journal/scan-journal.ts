/**
 * What a journal holds when it is opened: the entries to replay, in order, and what is wrong with its files.
 */
import { type FoundEntry, SEGMENT_MAGIC, scanSegment } from "./entry-format.ts";
import { listSegments, readSegment } from "./segment-files.ts";

/** Where an entry lies. */
export interface EntryRef {
  readonly seq: number;
  readonly segment: number;
  /** Of its head. */
  readonly offset: number;
  /** Of its payload, in bytes. */
  readonly length: number;
  readonly type: number;
}

export interface Damage {
  readonly segment: number;
  /** Bytes that are no entry, with entries behind them. */
  readonly bytes: number;
}

export interface JournalScan {
  /** All segments, rising. */
  readonly segments: readonly number[];
  /** What has to be replayed, in order; each sequence number once. */
  readonly entries: readonly EntryRef[];
  /** The highest sequence number in use; 0 when there is none. */
  readonly lastSeq: number;
  /** Segments that end with a write which a crash cut off, and the length of what is whole. */
  readonly torn: readonly { readonly segment: number; readonly wholeBytes: number; readonly tornBytes: number }[];
  /** Segments with bytes in their middle that cannot be read. */
  readonly damaged: readonly Damage[];
  /** Acknowledged entries that are missing: damage, or a file that somebody removed. */
  readonly missing: number;
  /** Segments in a format of a newer version. */
  readonly foreign: readonly number[];
}

/** Reads all segments of a folder; one at a time is in memory. */
export async function scanJournal(dir: string): Promise<JournalScan> {
  const segments = await listSegments(dir);
  const found = new Map<number, EntryRef>();
  const torn: { segment: number; wholeBytes: number; tornBytes: number }[] = [];
  const damaged: Damage[] = [];
  const foreign: number[] = [];
  let synced = 0;
  let done = 0;
  let lastSeq = 0;
  for (const segment of segments) {
    const bytes = await readSegment(dir, segment);
    if (!bytes.subarray(0, SEGMENT_MAGIC.length).equals(SEGMENT_MAGIC)) {
      // Cut off while it was made: nothing was promised of it. A whole head of another kind is not ours to judge.
      if (bytes.length >= SEGMENT_MAGIC.length && bytes.some((byte) => byte !== 0)) foreign.push(segment);
      continue;
    }
    const { entries, gaps } = scanSegment(bytes);
    for (const entry of entries) {
      // A sequence number is given again if the write that had it first failed: the later one counts.
      found.delete(entry.seq);
      found.set(entry.seq, refOf(entry, segment));
      synced = Math.max(synced, entry.synced);
      done = Math.max(done, entry.done);
      lastSeq = Math.max(lastSeq, entry.seq);
    }
    for (const gap of gaps) {
      if (gap.atEnd) torn.push({ segment, wholeBytes: gap.offset, tornBytes: gap.length });
      else damaged.push({ segment, bytes: gap.length });
    }
  }
  const entries = [...found.values()].filter(({ seq }) => seq > done).sort((left, right) => left.seq - right.seq);
  return {
    segments,
    entries: entries.filter(({ type }) => type !== 0),
    lastSeq: Math.max(lastSeq, synced),
    torn,
    damaged,
    missing: Math.max(0, synced - done) - entries.filter(({ seq }) => seq <= synced).length,
    foreign,
  };
}

function refOf({ seq, offset, length, type }: FoundEntry, segment: number): EntryRef {
  return { seq, segment, offset, length, type };
}
