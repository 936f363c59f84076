/**
 * Attachments in PostgreSQL.
 */
import type { Attachment } from "@sightline/wire/model/attachment";
import { and, asc, count, eq, gt, inArray, lt, sql } from "drizzle-orm";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import type { AttachedTraceQuery } from "../attachment-records.ts";
import { attachments } from "./schema.ts";

type Db = NodePgDatabase;

/** @see AttachmentRecords.addAttachment */
export async function addAttachment(db: Db, { createTime, ...attachment }: Attachment): Promise<Attachment> {
  const { traceId, attachmentId } = attachment;
  // A row that is in the way may be deleted before it is read.
  for (let tries = 0; tries < 10; tries += 1) {
    const [added] = await db
      .insert(attachments)
      .values({ ...attachment, createdAt: new Date(createTime) })
      .onConflictDoNothing()
      .returning();
    if (added) return toAttachment(added);
    const found = await getAttachment(db, traceId, attachmentId);
    if (found) return found;
  }
  throw new Error(`Attachment ${attachmentId} of ${traceId} comes and goes; it could not be added.`);
}

/** @see AttachmentRecords.getAttachment */
export async function getAttachment(db: Db, traceId: string, attachmentId: string): Promise<Attachment | undefined> {
  const [row] = await db
    .select()
    .from(attachments)
    .where(and(eq(attachments.traceId, traceId), eq(attachments.attachmentId, attachmentId)));
  return row && toAttachment(row);
}

/** @see AttachmentRecords.listAttachments */
export async function listAttachments(db: Db, traceIds: readonly string[]): Promise<Attachment[]> {
  if (traceIds.length === 0) return [];
  const rows = await db
    .select()
    .from(attachments)
    .where(inArray(attachments.traceId, [...traceIds]))
    .orderBy(asc(attachments.createdAt), asc(attachments.attachmentId));
  return rows.map(toAttachment);
}

/** @see AttachmentRecords.removeAttachments */
export async function removeAttachments(
  db: Db,
  traceIds: readonly string[],
  { uploadedBeforeMs }: { readonly uploadedBeforeMs?: number } = {},
): Promise<Attachment[]> {
  if (traceIds.length === 0) return [];
  const rows = await db
    .delete(attachments)
    .where(
      and(
        inArray(attachments.traceId, [...traceIds]),
        uploadedBeforeMs === undefined ? undefined : lt(attachments.createdAt, new Date(uploadedBeforeMs)),
      ),
    )
    .returning();
  return rows.map(toAttachment);
}

/** @see AttachmentRecords.findUnusedBlobs */
export async function findUnusedBlobs(db: Db, sha256s: readonly string[]): Promise<string[]> {
  if (sha256s.length === 0) return [];
  const rows = await db
    .selectDistinct({ sha256: attachments.sha256 })
    .from(attachments)
    .where(inArray(attachments.sha256, [...sha256s]));
  const used = new Set(rows.map(({ sha256 }) => sha256));
  return sha256s.filter((sha256) => !used.has(sha256));
}

/** @see AttachmentRecords.listAttachedTraces */
export async function listAttachedTraces(db: Db, query: AttachedTraceQuery): Promise<string[]> {
  const rows = await db
    .selectDistinct({ traceId: attachments.traceId })
    .from(attachments)
    .where(
      and(
        gt(attachments.traceId, query.after),
        lt(attachments.createdAt, new Date(query.uploadedBeforeMs)),
        query.includeConfirmed ? undefined : sql`NOT ${attachments.traceSeen}`,
      ),
    )
    .orderBy(asc(attachments.traceId))
    .limit(query.limit);
  return rows.map(({ traceId }) => traceId);
}

/** @see AttachmentRecords.confirmAttachedTraces */
export async function confirmAttachedTraces(
  db: Db,
  traceIds: readonly string[],
  { uploadedBeforeMs }: { readonly uploadedBeforeMs: number },
): Promise<void> {
  if (traceIds.length === 0) return;
  await db
    .update(attachments)
    .set({ traceSeen: true })
    .where(and(inArray(attachments.traceId, [...traceIds]), lt(attachments.createdAt, new Date(uploadedBeforeMs))));
}

/** @see AttachmentRecords.measureAttachments */
export async function measureAttachments(db: Db): Promise<{ attachments: number; bytes: number }> {
  const blobs = db
    .select({ size: sql<string>`max(${attachments.size})`.as("size"), uses: count().as("uses") })
    .from(attachments)
    .groupBy(attachments.sha256)
    .as("blobs");
  const [row] = await db
    .select({ attachments: sql<string>`coalesce(sum(uses), 0)`, bytes: sql<string>`coalesce(sum(size), 0)` })
    .from(blobs);
  return { attachments: Number(row?.attachments ?? 0), bytes: Number(row?.bytes ?? 0) };
}

function toAttachment(row: typeof attachments.$inferSelect): Attachment {
  const { traceId, attachmentId, contentType, size, sha256, createdAt } = row;
  return { traceId, attachmentId, contentType, size, sha256, createTime: createdAt.toISOString() };
}
