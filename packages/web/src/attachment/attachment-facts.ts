/**
 * What an attachment is to the page: how it is shown, where its bytes are, and its words. No React here.
 */
import { fillPath } from "@sightline/wire/api/client";
import { type AttachmentReference, parseAttachmentReference } from "@sightline/wire/model/attachment";
import { formatBytes } from "../format/number.ts";

export type MediaKind = "image" | "audio" | "video" | "file";

/** How bytes of a type are shown; the server says the type only of what browsers show and never run. */
export function mediaKindOf(contentType: string): MediaKind {
  const [family = ""] = contentType.toLowerCase().split("/", 1);
  return family === "image" || family === "audio" || family === "video" ? family : "file";
}

/** The reference that a value is; undefined for everything else. */
export function referenceIn(value: unknown): AttachmentReference | undefined {
  return typeof value === "string" ? parseAttachmentReference(value) : undefined;
}

/**
 * Where the bytes are.
 *
 * @param traceId  of the span that has the reference, for references that name no trace
 */
export function attachmentAddress({ attachmentId, traceId: named }: AttachmentReference, traceId: string): string {
  const id = named ?? traceId;
  return fillPath(ATTACHMENT_PATH, { traceId: id.startsWith("tr-") ? id : `tr-${id}`, attachmentId });
}

// That of `getAttachment` in wire/api/attachments, whose schemas a page that only links does not need.
const ATTACHMENT_PATH = "/api/v1/traces/:traceId/attachments/:attachmentId";

/** `image/png, 1.2 kB` */
export function describeAttachment({ contentType, size }: AttachmentReference): string {
  const [type = ""] = contentType.split(";", 1);
  return size === undefined ? type : `${type}, ${formatBytes(size)}`;
}
