/**
 * The part of the entity port about attachments: which trace has which bytes. The bytes themselves are in the blob store.
 */
import type { Attachment } from "@sightline/wire/model/attachment";

/** Which traces a look through all attachments asks for. */
export interface AttachedTraceQuery {
  /** Only those with an attachment that was uploaded before; milliseconds since the epoch. */
  readonly uploadedBeforeMs: number;
  /** Also traces that were found once (`confirmAttachedTraces`). */
  readonly includeConfirmed: boolean;
  /** Those behind this trace id; "" = from the beginning. */
  readonly after: string;
  readonly limit: number;
}

export interface AttachmentRecords {
  /** Keeps an attachment. If the trace has one of this id, that one is given and nothing changes. */
  addAttachment(attachment: Attachment): Promise<Attachment>;

  /** Undefined if the trace has none of this id. */
  getAttachment(traceId: string, attachmentId: string): Promise<Attachment | undefined>;

  /** The attachments of some traces, in the order in which they were uploaded. */
  listAttachments(traceIds: readonly string[]): Promise<Attachment[]>;

  /** Takes attachments of some traces away: all of them, or those uploaded before a time. @returns what there was */
  removeAttachments(
    traceIds: readonly string[],
    options?: { readonly uploadedBeforeMs?: number },
  ): Promise<Attachment[]>;

  /** Which of these blobs no attachment has. */
  findUnusedBlobs(sha256s: readonly string[]): Promise<string[]>;

  /** Ids of traces that have attachments, in order. */
  listAttachedTraces(query: AttachedTraceQuery): Promise<string[]>;

  /** Notes that traces are there, so that they are not looked for again. */
  confirmAttachedTraces(traceIds: readonly string[], options: { readonly uploadedBeforeMs: number }): Promise<void>;

  /** How many attachments there are, and the bytes of their blobs, each blob once. */
  measureAttachments(): Promise<{ attachments: number; bytes: number }>;
}
