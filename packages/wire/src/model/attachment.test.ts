import { expect, test } from "vitest";
import { parseAttachmentReference, writeAttachmentReference } from "./attachment.ts";

const attachmentId = "0d9e7a4c-53c1-4b8a-9f5e-7c1f9f0f2a11";
const traceId = `tr-${"0af7651916cd43dd8448eb211c80319c"}`;

test("a reference is written as MLflow writes it, and read back", () => {
  const reference = { attachmentId, contentType: "image/png", traceId, size: 123 };
  const text = writeAttachmentReference(reference);
  expect(text).toBe(`mlflow-attachment://${attachmentId}?content_type=image%2Fpng&trace_id=${traceId}&size=123`);
  expect(parseAttachmentReference(text)).toEqual(reference);
});

test("a reference may leave out everything but the id", () => {
  expect(parseAttachmentReference(`mlflow-attachment://${attachmentId.toUpperCase()}`)).toEqual({
    attachmentId,
    contentType: "application/octet-stream",
  });
});

test("what is no reference is none, and a reference never names what cannot be an address", () => {
  for (const text of [
    "",
    "mlflow-attachment://",
    "mlflow-attachment://../../x",
    `see mlflow-attachment://${attachmentId}`,
  ]) {
    expect(parseAttachmentReference(text)).toBeUndefined();
  }
  const odd = parseAttachmentReference(`mlflow-attachment://${attachmentId}?trace_id=../../etc&size=-1&content_type=`);
  expect(odd).toEqual({ attachmentId, contentType: "application/octet-stream" });
});
