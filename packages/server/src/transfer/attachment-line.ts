/**
 * The bytes of an attachment as one line of JSON: what an export writes and an import reads.
 */
import { createHash } from "node:crypto";
import { inPieces } from "@sightline/store/blobs/blob-rows";
import { check } from "@sightline/wire/api/check";
import { SightlineError } from "@sightline/wire/errors";
import { isTraceId } from "@sightline/wire/ids";
import { preview } from "@sightline/wire/json";
import { type Attachment, MAX_ATTACHMENT_BYTES } from "@sightline/wire/model/attachment";
import { AttachmentLine } from "@sightline/wire/model/trace-line";
import type { Call, Stores } from "../query/stores.ts";

/** A multiple of 3: pieces of base64 can be put together. */
const PIECE_BYTES = 3 * 64 * 1024;

/** The line, in pieces; nothing if the bytes are lost. */
export async function* writeAttachmentLine(
  stores: Stores,
  attachment: Attachment,
  { signal }: Call,
): AsyncGenerator<Uint8Array, void> {
  const blob = await stores.attachments.open(attachment);
  if (blob === undefined) return;
  const { traceId, attachmentId, contentType, size, sha256 } = attachment;
  const head = JSON.stringify({ traceId, attachmentId, contentType, size, sha256 });
  yield Buffer.from(`{"attachment":${head},"data":"`);
  for await (const piece of inPieces(blob.read(), PIECE_BYTES)) {
    signal.throwIfAborted();
    yield Buffer.from(Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString("base64"));
  }
  yield Buffer.from('"}\n');
}

/** Whether a line of JSON is one of an attachment. */
export function isAttachmentLine(value: object): boolean {
  return "attachment" in value && "data" in value;
}

/**
 * Keeps the attachment of a line.
 *
 * @param admitBytes  throws if so many bytes may not be written now
 * @returns why it cannot be kept; undefined if it was
 * @throws STORAGE_FULL, STORE_UNAVAILABLE, and what `admitBytes` throws
 */
export async function importAttachment(
  stores: Stores,
  value: object,
  admitBytes: (bytes: number) => Promise<void>,
): Promise<string | undefined> {
  const result = check(AttachmentLine, value);
  if (!result.ok) return `"${result.problems[0]?.path ?? ""}": ${result.problems[0]?.message ?? "it does not fit"}`;
  // `check` gives what the schema says.
  const { attachment, data } = result.value as AttachmentLine;
  if (!isTraceId(attachment.traceId)) return `"${preview(attachment.traceId, 50)}" is not tr- and 32 hex digits`;
  const bytes = Buffer.from(data, "base64");
  if (bytes.length > MAX_ATTACHMENT_BYTES) return `the attachment is longer than ${MAX_ATTACHMENT_BYTES} bytes`;
  if (createHash("sha256").update(bytes).digest("hex") !== attachment.sha256) {
    return `the bytes of attachment ${attachment.attachmentId} are not those that its sha256 names`;
  }
  await admitBytes(bytes.length);
  try {
    await stores.attachments.keep(
      attachment,
      (async function* () {
        yield bytes;
      })(),
    );
    return undefined;
  } catch (error) {
    if (!(error instanceof SightlineError) || !LINE_ERRORS.has(error.code)) throw error;
    return error.message.replace(/\.$/, "");
  }
}

/** Errors that are about what the line says, or hold for every such line. */
const LINE_ERRORS: ReadonlySet<SightlineError["code"]> = new Set(["ATTACHMENT_EXISTS", "ATTACHMENTS_UNAVAILABLE"]);
