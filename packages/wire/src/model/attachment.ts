/**
 * Attachments: images, sounds and files of a trace, kept beside it. A span has a reference in the place of the bytes.
 *
 * @see mlflow/tracing/attachments.py, which writes the same references
 */
import * as z from "zod/mini";

/** Most bytes of one attachment: 64 MiB. */
export const MAX_ATTACHMENT_BYTES = 64 * 1024 * 1024;

/** What is taken for an attachment whose sender names no type. */
export const DEFAULT_CONTENT_TYPE = "application/octet-stream";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A UUID, lower case. */
export const AttachmentId = z.string().check(z.toLowerCase(), z.regex(UUID));

export const Attachment = z.object({
  /** `tr-` + 32 hex digits. The trace need not be there yet. */
  traceId: z.string(),
  attachmentId: AttachmentId,
  /** As its sender named it, e.g. `image/png`. */
  contentType: z.string(),
  /** Bytes. */
  size: z.number(),
  /** Of the bytes, 64 hex digits. */
  sha256: z.string(),
  /** RFC 3339, when it was uploaded. */
  createTime: z.string(),
});
export type Attachment = z.infer<typeof Attachment>;

/** What a reference says. */
export interface AttachmentReference {
  readonly attachmentId: string;
  readonly contentType: string;
  /** Absent in references that do not name it: then it is the trace of the span. */
  readonly traceId?: string;
  /** Bytes, if the reference says so. */
  readonly size?: number;
}

const SCHEME = "mlflow-attachment://";
/** Longer texts are no references: they are not looked through. */
const MAX_REFERENCE_CHARS = 1000;

/** The text that stands in a span for an attachment: `mlflow-attachment://<uuid>?content_type=image%2Fpng&trace_id=tr-…&size=123`. */
export function writeAttachmentReference({ attachmentId, contentType, traceId, size }: AttachmentReference): string {
  const query = new URLSearchParams({
    content_type: contentType,
    ...(traceId !== undefined && { trace_id: traceId }),
    ...(size !== undefined && { size: String(size) }),
  });
  return `${SCHEME}${attachmentId}?${query}`;
}

/** What a reference says; undefined for any other text. */
export function parseAttachmentReference(text: string): AttachmentReference | undefined {
  if (!text.startsWith(SCHEME) || text.length > MAX_REFERENCE_CHARS) return undefined;
  const [id = "", search = ""] = text.slice(SCHEME.length).split("?", 2);
  const attachmentId = id.toLowerCase();
  if (!UUID.test(attachmentId)) return undefined;
  const query = new URLSearchParams(search);
  const traceId = query.get("trace_id");
  const size = query.get("size");
  return {
    attachmentId,
    contentType: query.get("content_type") || DEFAULT_CONTENT_TYPE,
    ...(traceId !== null && /^(tr-)?[0-9a-f]{32}$/.test(traceId) && { traceId }),
    ...(size !== null && /^\d{1,15}$/.test(size) && { size: Number(size) }),
  };
}
