/**
 * A trace as one line of an export: the trace as the API shows it, and what it needs to be at home on another server. The bytes of its
 * attachments are lines of their own, behind it.
 */
import * as z from "zod/mini";
import { Attachment } from "./attachment.ts";
import { Span } from "./span.ts";
import { TraceInfo } from "./trace.ts";
import { TraceLink } from "./trace-link.ts";

const ATTACHMENT_FACTS = { attachmentId: true, contentType: true, size: true, sha256: true } as const;

export const TraceLine = z.object({
  /** Name of its experiment: ids differ between servers. */
  experiment: z.optional(z.string()),
  info: TraceInfo,
  spans: z.array(
    z.extend(Span, {
      /** The cost was counted from the price table, and is counted again when prices change. */
      costComputed: z.optional(z.boolean()),
    }),
  ),
  /** Runs and prompts that it is linked to; absent when there are none. */
  links: z.optional(z.array(TraceLink)),
  /** Absent when there are none. Of a trace of several lines the first has them. */
  attachments: z.optional(z.array(z.pick(Attachment, ATTACHMENT_FACTS))),
});
export type TraceLine = z.infer<typeof TraceLine>;

/** The bytes of an attachment. */
export const AttachmentLine = z.object({
  attachment: z.pick(Attachment, { traceId: true, ...ATTACHMENT_FACTS }),
  /** base64 */
  data: z.string(),
});
export type AttachmentLine = z.infer<typeof AttachmentLine>;
