import { getAttachment } from "@sightline/wire/api/attachments";
import { fillPath } from "@sightline/wire/api/client";
import { writeAttachmentReference } from "@sightline/wire/model/attachment";
import { expect, test } from "vitest";
import { attachmentAddress, describeAttachment, mediaKindOf, referenceIn } from "./attachment-facts.ts";

const attachmentId = "0d9e7a4c-53c1-4b8a-9f5e-7c1f9f0f2a11";
const own = `tr-${"a".repeat(32)}`;
const other = `tr-${"b".repeat(32)}`;

test("the address is that of the endpoint, of the trace that the reference names, else of the span's", () => {
  const reference = { attachmentId, contentType: "image/png" };
  const addressOf = (traceId: string) => fillPath(getAttachment.path, { traceId, attachmentId });
  expect(attachmentAddress(reference, own)).toBe(addressOf(own));
  expect(attachmentAddress({ ...reference, traceId: other }, own)).toBe(addressOf(other));
  expect(attachmentAddress({ ...reference, traceId: "b".repeat(32) }, own)).toBe(addressOf(other));
});

test("types say how bytes are shown, and sizes stand beside them when they are known", () => {
  expect(["image/svg+xml", "AUDIO/wav", "video/mp4", "text/html", "imagination", ""].map(mediaKindOf)).toEqual([
    "image",
    "audio",
    "video",
    "file",
    "file",
    "file",
  ]);
  expect(describeAttachment({ attachmentId, contentType: "audio/webm;codecs=opus", size: 1234 })).toBe(
    "audio/webm, 1.2 kB",
  );
  expect(describeAttachment({ attachmentId, contentType: "text/plain" })).toBe("text/plain");
});

test("only a whole text that is a reference is one", () => {
  const text = writeAttachmentReference({ attachmentId, contentType: "image/png" });
  expect(referenceIn(text)).toEqual({ attachmentId, contentType: "image/png" });
  for (const value of [`see ${text}`, 1, null, { text }]) expect(referenceIn(value)).toBeUndefined();
});
