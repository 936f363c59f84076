/**
 * Attachments of traces: kept, found, listed. They go with their trace; nothing else takes them away.
 */
import type { OpenBlob } from "@sightline/store/blob-store";
import { SightlineError } from "@sightline/wire/errors";
import { isOtelTraceId, type TraceId, toOtelTraceId, toTraceId } from "@sightline/wire/ids";
import { type Attachment, DEFAULT_CONTENT_TYPE, MAX_ATTACHMENT_BYTES } from "@sightline/wire/model/attachment";
import { findTrace, findTraceIfThere, readTraceId } from "./find-trace.ts";
import type { Call, Stores } from "./stores.ts";

/** Longer types are no types. */
const MAX_TYPE_CHARS = 200;

export interface NewAttachment {
  readonly traceId: string;
  /** A UUID, lower case. */
  readonly attachmentId: string;
  /** As the sender named it; what is no media type counts as bytes. */
  readonly contentType: string | null;
  /** How many bytes there will be, if that is known. */
  readonly length: number | undefined;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Says whether bytes may be written now. */
export interface DiskGate {
  /** @throws STORAGE_FULL */
  admitBytes(bytes: number): Promise<void>;
}

/**
 * Keeps an attachment; it may come before its trace. On disk when this resolves.
 *
 * @throws INVALID_PARAMETER for what is no id of a trace; BODY_TOO_LARGE, STORAGE_FULL, ATTACHMENTS_UNAVAILABLE; ATTACHMENT_EXISTS if
 *   the trace has other bytes under this id; what `bytes` throws
 */
export async function putAttachment(stores: Stores, given: NewAttachment, gate: DiskGate): Promise<Attachment> {
  const traceId = readNewTraceId(given.traceId);
  if (given.length !== undefined && given.length > MAX_ATTACHMENT_BYTES) throw tooLarge(`has ${given.length} bytes`);
  await gate.admitBytes(given.length ?? MAX_ATTACHMENT_BYTES);
  const contentType = readContentType(given.contentType);
  return await stores.attachments.keep(
    { traceId, attachmentId: given.attachmentId, contentType },
    limited(given.bytes),
  );
}

/** An attachment that is to be read. */
export interface FoundAttachment {
  readonly attachment: Attachment;
  /** To be read or closed. */
  readonly blob: OpenBlob;
}

/**
 * An attachment with its bytes; also of a trace that has not come yet.
 *
 * @throws TRACE_NOT_FOUND if its experiment is deleted; ATTACHMENT_NOT_FOUND
 */
export async function getAttachment(
  stores: Stores,
  id: { readonly traceId: string; readonly attachmentId: string },
  call?: Call,
): Promise<FoundAttachment> {
  const traceId = readTraceId(id.traceId);
  const attachment = await stores.attachments.find(traceId, id.attachmentId);
  if (attachment === undefined)
    throw notFound(id, "does not exist. It may not have been uploaded yet, or was deleted with its trace.");
  await findTraceIfThere(stores, traceId, call);
  const blob = await stores.attachments.open(attachment);
  if (blob === undefined)
    throw notFound(id, "has lost its bytes. POST /api/v1/storage/check says what else is missing.");
  return { attachment, blob };
}

/**
 * The attachments of a trace, those that came first first.
 *
 * @throws TRACE_NOT_FOUND, also if its experiment is deleted; not for a trace that has only attachments so far
 */
export async function listAttachments(stores: Stores, traceId: string, call?: Call): Promise<Attachment[]> {
  const attachments = await stores.attachments.list([readTraceId(traceId)]);
  if (attachments.length === 0) await findTrace(stores, traceId, call);
  else await findTraceIfThere(stores, traceId, call);
  return attachments;
}

async function* limited(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let size = 0;
  for await (const piece of bytes) {
    size += piece.length;
    if (size > MAX_ATTACHMENT_BYTES) throw tooLarge("is longer");
    yield piece;
  }
}

function tooLarge(what: string): SightlineError {
  return new SightlineError(
    "BODY_TOO_LARGE",
    `The attachment ${what}; the limit is ${MAX_ATTACHMENT_BYTES} bytes (64 MiB). Keep it elsewhere and put its address into the span.`,
  );
}

/** @throws INVALID_PARAMETER */
function readNewTraceId(text: string): TraceId {
  const id = toOtelTraceId(text).toLowerCase();
  if (isOtelTraceId(id)) return toTraceId(id);
  throw new SightlineError(
    "INVALID_PARAMETER",
    `"${text.slice(0, 50)}" is not the id of a trace: tr- and 32 hex digits are.`,
  );
}

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1 */
function readContentType(text: string | null): string {
  const type = text?.trim() ?? "";
  const isType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(\s*;\s*[\w.-]+=("[^"\\\r\n]*"|[\w.+-]+))*$/.test(type);
  return isType && type.length <= MAX_TYPE_CHARS ? type : DEFAULT_CONTENT_TYPE;
}

function notFound({ traceId, attachmentId }: { traceId: string; attachmentId: string }, why: string): SightlineError {
  return new SightlineError(
    "ATTACHMENT_NOT_FOUND",
    `Attachment "${attachmentId}" of trace "${traceId.slice(0, 50)}" ${why}`,
  );
}
