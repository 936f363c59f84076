/**
 * Endpoints about attachments.
 */
import type * as endpoints from "@sightline/wire/api/attachments";
import { safeHeaders } from "../../http/content-safety.ts";
import { replyFile } from "../../http/file-answer.ts";
import { contentLength } from "../../http/raw-body.ts";
import type { Handlers } from "../../http/route.ts";
import { type DiskGate, getAttachment, listAttachments, putAttachment } from "../../query/attachments.ts";
import type { Stores } from "../../query/stores.ts";

export function attachmentHandlers(stores: Stores, disk: DiskGate): Handlers<typeof endpoints> {
  return {
    putAttachment: async ({ params, body }, { request }) => ({
      attachment: await putAttachment(
        stores,
        {
          ...params,
          contentType: request.headers.get("content-type"),
          length: contentLength(request),
          bytes: body,
        },
        disk,
      ),
    }),
    getAttachment: async ({ params }, { request, signal }) => {
      const { attachment, blob } = await getAttachment(stores, params, { signal });
      return await replyFile(request, {
        size: blob.size,
        tag: attachment.sha256,
        headers: {
          ...safeHeaders(attachment.contentType, attachment.attachmentId),
          // Never changed, but deleted with its trace: asked for again each time, which the tag makes cheap.
          "cache-control": "private, no-cache",
        },
        read: (start, end) => blob.read(start, end),
        close: () => blob.close(),
      });
    },
    listAttachments: async ({ params }, call) => ({
      attachments: await listAttachments(stores, params.traceId, call),
    }),
  };
}
