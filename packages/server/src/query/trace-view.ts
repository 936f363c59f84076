/**
 * Rows of traces as the API shows them.
 */
import { CLIENT_REQUEST_ID_KEY, type TraceInfo } from "@sightline/wire/model/trace";

/** The row with the facts that are kept as metadata in fields of their own. */
export function toTraceInfo(row: TraceInfo): TraceInfo {
  const { [CLIENT_REQUEST_ID_KEY]: clientRequestId, ...metadata } = row.metadata;
  return clientRequestId === undefined ? row : { ...row, metadata, clientRequestId };
}
