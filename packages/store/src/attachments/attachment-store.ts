/**
 * Attachments with their bytes: rows of the entity store over blobs, kept so that none is without the other.
 *
 * A blob is written before its first row and removed after its last, one at a time for each blob. What a crash leaves between the two
 * is a blob that nobody names, which a sweep takes away. This process is the only one that changes the blobs: its data directory is
 * locked.
 */

import { SightlineError } from "@sightline/wire/errors";
import { type Attachment, DEFAULT_CONTENT_TYPE } from "@sightline/wire/model/attachment";
import type { AttachmentRecords } from "../attachment-records.ts";
import type { BlobStore, OpenBlob } from "../blob-store.ts";
import { KeyedLock } from "../clickhouse/keyed-lock.ts";
import type { CallOptions } from "../telemetry-store.ts";
import type { Inconsistency } from "../trace-removal.ts";

/** Attachments may come before their trace; what has none after a day will not get one. */
const TRACE_PATIENCE_MS = 24 * 3600 * 1000;
/** A blob without a row is an upload that is just being finished, or was cut. */
const UPLOAD_PATIENCE_MS = 3600 * 1000;
/** Traces and blobs that are asked about at once. */
const AT_ONCE = 1000;
const EXAMPLES = 10;

export interface AttachmentStoreParts {
  readonly records: AttachmentRecords;
  /** Undefined without a data directory: then no attachment is kept. */
  readonly blobs: BlobStore | undefined;
  /** Milliseconds since the epoch; default: the machine's. */
  readonly now?: () => number;
}

/** Ids of those that no trace has. @see TraceRemoval.findMissingTraces */
export type FindMissingTraces = (traceIds: readonly string[], options: CallOptions) => Promise<string[]>;

export interface Removed {
  readonly attachments: number;
  /** Of blobs whose last attachment it was. */
  readonly bytesFreed: number;
}

export class AttachmentStore {
  readonly #records: AttachmentRecords;
  readonly #blobs: BlobStore | undefined;
  readonly #now: () => number;
  readonly #locks = new KeyedLock();
  /** Who wants every blob to stay for now, and the blobs that would have gone. */
  #holds = 0;
  readonly #held = new Set<string>();
  #usage: Promise<{ attachments: number; bytes: number }> | undefined;

  constructor({ records, blobs, now = Date.now }: AttachmentStoreParts) {
    this.#records = records;
    this.#blobs = blobs;
    this.#now = now;
  }

  /** Whether attachments can be kept. */
  get isAvailable(): boolean {
    return this.#blobs !== undefined;
  }

  /** The bytes, for backups and restores; undefined if there is no place for them. */
  get blobs(): BlobStore | undefined {
    return this.#blobs;
  }

  /**
   * Keeps an attachment; when this resolves it is on disk. The same bytes again change nothing.
   *
   * @throws ATTACHMENTS_UNAVAILABLE; ATTACHMENT_EXISTS if the trace has other bytes under this id; STORAGE_FULL; what `bytes` throws
   */
  async keep(
    { traceId, attachmentId, contentType }: { traceId: string; attachmentId: string; contentType?: string },
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<Attachment> {
    const draft = await this.#requireBlobs().receive(bytes);
    try {
      const { sha256, size } = draft;
      const kept = await this.#locks.run([sha256], async () => {
        const known = await this.#records.getAttachment(traceId, attachmentId);
        if (known !== undefined && known.sha256 !== sha256) return known;
        await draft.keep();
        return (
          known ??
          (await this.#records.addAttachment({
            ...{ traceId, attachmentId, sha256, size },
            contentType: contentType ?? DEFAULT_CONTENT_TYPE,
            createTime: new Date(this.#now()).toISOString(),
          }))
        );
      });
      this.#usage = undefined;
      if (kept.sha256 === sha256) return kept;
      // Two uploads at once: this one was kept as a blob, and the other one's row was faster.
      await this.#dropUnused([sha256]);
      throw new SightlineError(
        "ATTACHMENT_EXISTS",
        `Attachment "${attachmentId}" of trace "${traceId}" has other bytes (${kept.size} of ${kept.contentType}), and an attachment does not change; use another id.`,
      );
    } finally {
      await draft.discard();
    }
  }

  /** Undefined if the trace has none of this id. */
  async find(traceId: string, attachmentId: string): Promise<Attachment | undefined> {
    return await this.#records.getAttachment(traceId, attachmentId);
  }

  /** Those of some traces, in the order in which they were uploaded. */
  async list(traceIds: readonly string[]): Promise<Attachment[]> {
    return await this.#records.listAttachments(traceIds);
  }

  /** The bytes of an attachment; undefined if they are lost. */
  async open({ sha256 }: Pick<Attachment, "sha256">): Promise<OpenBlob | undefined> {
    return await this.#blobs?.open(sha256);
  }

  /** Takes the attachments of some traces away, and the blobs that nobody else has. */
  async removeOfTraces(traceIds: readonly string[]): Promise<Removed> {
    return await this.#remove(traceIds, {});
  }

  /**
   * Takes away what belongs to nothing: attachments whose trace has not come within a day, blobs without attachments and remains of
   * uploads after an hour.
   *
   * @param findMissing  says which traces are not there
   * @param isThorough  looks for every trace, also for those that were found by an earlier sweep
   */
  async sweep(
    findMissing: FindMissingTraces,
    { signal, isThorough = false }: CallOptions & { readonly isThorough?: boolean } = {},
  ): Promise<Removed> {
    const uploadedBeforeMs = this.#now() - TRACE_PATIENCE_MS;
    let [attachments, bytesFreed] = [0, 0];
    for await (const traceIds of this.#tracePages(uploadedBeforeMs, isThorough)) {
      signal?.throwIfAborted();
      const missing = await findMissing(traceIds, callOf(signal));
      const removed = await this.#remove(missing, { uploadedBeforeMs });
      attachments += removed.attachments;
      bytesFreed += removed.bytesFreed;
      const gone = new Set(missing);
      const found = traceIds.filter((traceId) => !gone.has(traceId));
      await this.#records.confirmAttachedTraces(found, { uploadedBeforeMs });
    }
    for await (const unused of this.#unusedBlobs()) {
      signal?.throwIfAborted();
      bytesFreed += await this.#dropUnused(unused.map(({ sha256 }) => sha256));
    }
    bytesFreed += (await this.#blobs?.removeDrafts(this.#now() - UPLOAD_PATIENCE_MS)) ?? 0;
    return { attachments, bytesFreed };
  }

  /** Whether attachments wait for a sweep to look for their traces. */
  async isSweepDue(): Promise<boolean> {
    const uploadedBeforeMs = this.#now() - TRACE_PATIENCE_MS;
    const query = { uploadedBeforeMs, includeConfirmed: false, after: "", limit: 1 };
    return (await this.#records.listAttachedTraces(query)).length > 0;
  }

  /** What does not fit together; empty in a healthy store. */
  async findInconsistencies(findMissing: FindMissingTraces, { signal }: CallOptions = {}): Promise<Inconsistency[]> {
    const withoutTrace = new Finding("attachments-without-trace");
    const withoutBytes = new Finding("attachments-without-bytes");
    const unnamed = new Finding("blobs-without-attachment");
    for await (const traceIds of this.#tracePages(this.#now() - TRACE_PATIENCE_MS, true)) {
      signal?.throwIfAborted();
      for (const traceId of await findMissing(traceIds, callOf(signal))) withoutTrace.add(traceId);
    }
    for await (const traceIds of this.#tracePages(Number.MAX_SAFE_INTEGER / 1000, true)) {
      signal?.throwIfAborted();
      for (const attachment of await this.#records.listAttachments(traceIds)) {
        if (!(await this.#isWhole(attachment))) withoutBytes.add(attachment.traceId);
      }
    }
    for await (const unused of this.#unusedBlobs()) for (const { sha256 } of unused) unnamed.add(sha256);
    return [withoutTrace, withoutBytes, unnamed].flatMap((finding) => finding.result());
  }

  /** How many attachments there are, and the bytes of their blobs, each blob once. Asks again only if something has changed. */
  async measure(): Promise<{ attachments: number; bytes: number }> {
    this.#usage ??= this.#records.measureAttachments();
    const asked = this.#usage;
    try {
      return await asked;
    } catch (error) {
      if (this.#usage === asked) this.#usage = undefined;
      throw error;
    }
  }

  /** Lets no blob go until the returned function is called: what a backup lists, it can read. */
  holdBlobs(): () => Promise<void> {
    this.#holds += 1;
    let isHeld = true;
    return async () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holds -= 1;
      if (this.#holds > 0) return;
      const waiting = [...this.#held];
      this.#held.clear();
      await this.#dropUnused(waiting);
    };
  }

  async #remove(traceIds: readonly string[], options: { readonly uploadedBeforeMs?: number }): Promise<Removed> {
    const removed = await this.#records.removeAttachments(traceIds, options);
    if (removed.length === 0) return { attachments: 0, bytesFreed: 0 };
    this.#usage = undefined;
    return {
      attachments: removed.length,
      bytesFreed: await this.#dropUnused([...new Set(removed.map(({ sha256 }) => sha256))]),
    };
  }

  /** Removes those of the blobs that no attachment has. @returns bytes */
  async #dropUnused(sha256s: readonly string[]): Promise<number> {
    const blobs = this.#blobs;
    if (blobs === undefined) return 0;
    let bytes = 0;
    for (let from = 0; from < sha256s.length; from += AT_ONCE) {
      const part = sha256s.slice(from, from + AT_ONCE);
      // No upload of the same bytes may put its row between the question and the removal.
      await this.#locks.run(part, async () => {
        for (const sha256 of await this.#records.findUnusedBlobs(part)) {
          if (this.#holds > 0) this.#held.add(sha256);
          else bytes += await blobs.remove(sha256);
        }
      });
    }
    return bytes;
  }

  async *#tracePages(uploadedBeforeMs: number, includeConfirmed: boolean): AsyncGenerator<readonly string[], void> {
    for (let after = ""; ; ) {
      const query = { uploadedBeforeMs, includeConfirmed, after, limit: AT_ONCE };
      const traceIds = await this.#records.listAttachedTraces(query);
      const last = traceIds.at(-1);
      if (last === undefined) return;
      yield traceIds;
      after = last;
    }
  }

  /** Blobs that have been there for a while and have no attachment. */
  async *#unusedBlobs(): AsyncGenerator<readonly { readonly sha256: string }[], void> {
    if (this.#blobs === undefined) return;
    const writtenBeforeMs = this.#now() - UPLOAD_PATIENCE_MS;
    for await (const listed of this.#blobs.list()) {
      const old = listed.filter(({ writtenMs }) => writtenMs < writtenBeforeMs);
      const unused = await this.#records.findUnusedBlobs(old.map(({ sha256 }) => sha256));
      if (unused.length > 0) yield unused.map((sha256) => ({ sha256 }));
    }
  }

  async #isWhole(attachment: Attachment): Promise<boolean> {
    const blob = await this.open(attachment);
    await blob?.close();
    return blob?.size === attachment.size;
  }

  /** @throws ATTACHMENTS_UNAVAILABLE */
  #requireBlobs(): BlobStore {
    if (this.#blobs !== undefined) return this.#blobs;
    throw new SightlineError(
      "ATTACHMENTS_UNAVAILABLE",
      "This server keeps no attachments: both of its engines are external, and it has no data directory. Leave SIGHTLINE_CLICKHOUSE_URL or SIGHTLINE_DATABASE_URL out, or send payloads with init({ attachments: false }).",
    );
  }
}

function callOf(signal: AbortSignal | undefined): CallOptions {
  return signal === undefined ? {} : { signal };
}

/** Something wrong, counted, with examples. */
class Finding {
  readonly #name: string;
  readonly #examples: string[] = [];
  #count = 0;

  constructor(name: string) {
    this.#name = name;
  }

  add(example: string): void {
    this.#count += 1;
    if (this.#examples.length < EXAMPLES) this.#examples.push(example);
  }

  result(): Inconsistency[] {
    return this.#count === 0 ? [] : [{ name: this.#name, count: this.#count, examples: this.#examples }];
  }
}
