/**
 * Endpoints about attachments: the bytes that were lifted out of the payloads of a trace.
 */
import * as z from "zod/mini";
import { Attachment, AttachmentId } from "../model/attachment.ts";
import { endpoint } from "./endpoint.ts";

const AttachmentParams = z.object({ traceId: z.string(), attachmentId: AttachmentId });

export const putAttachment = endpoint({
  id: "putAttachment",
  method: "PUT",
  path: "/api/v1/traces/:traceId/attachments/:attachmentId",
  summary:
    "Keeps an attachment of a trace, up to 64 MiB of any type; it may come before its trace. Sending the same bytes again changes nothing.",
  params: AttachmentParams,
  body: "bytes",
  response: z.object({ attachment: Attachment }),
  errors: [
    "TRACE_NOT_FOUND",
    "INVALID_PARAMETER",
    "ATTACHMENT_EXISTS",
    "BODY_TOO_LARGE",
    "UNSUPPORTED_MEDIA_TYPE",
    "ATTACHMENTS_UNAVAILABLE",
    "STORAGE_FULL",
  ],
});

export const getAttachment = endpoint({
  id: "getAttachment",
  method: "GET",
  path: "/api/v1/traces/:traceId/attachments/:attachmentId",
  summary:
    "The bytes of an attachment, or a range of them. Types that browsers would run come as application/octet-stream.",
  params: AttachmentParams,
  response: "bytes",
  errors: ["TRACE_NOT_FOUND", "ATTACHMENT_NOT_FOUND", "INVALID_PARAMETER", "RANGE_NOT_SATISFIABLE"],
});

export const listAttachments = endpoint({
  id: "listAttachments",
  method: "GET",
  path: "/api/v1/traces/:traceId/attachments",
  summary: "The attachments of a trace, those that came first first.",
  params: z.object({ traceId: z.string() }),
  response: z.object({ attachments: z.array(Attachment) }),
  errors: ["TRACE_NOT_FOUND"],
});
