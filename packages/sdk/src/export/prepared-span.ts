/**
 * Spans that are ready to be sent: protobuf, masked, with what was lifted out of them.
 */

/** Bytes that were taken out of a payload and are uploaded on their own. */
export interface LiftedAttachment {
  /** 32 hex digits. */
  readonly traceId: string;
  /** A UUID. */
  readonly attachmentId: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

export interface PreparedSpan {
  /** One `ScopeSpans.spans` field, protobuf, in chunks. */
  readonly bytes: readonly Uint8Array[];
  /** Of the ended span; 0 while it runs. */
  readonly sequence: number;
  /** Name of the experiment; undefined = the server's default. */
  readonly experiment: string | undefined;
  /** Not its last word: it was still running and will come again. Such spans are not counted. */
  readonly isRunning: boolean;
  readonly attachments: readonly LiftedAttachment[];
}

/** Bytes of a prepared span, attachments included. */
export function preparedBytes({ bytes, attachments }: PreparedSpan): number {
  let sum = 0;
  for (const chunk of bytes) sum += chunk.length;
  for (const attachment of attachments) sum += attachment.bytes.length;
  return sum;
}

/** The same of several. */
export function spanBytes(spans: readonly PreparedSpan[]): number {
  return spans.reduce((sum, span) => sum + preparedBytes(span), 0);
}
