/**
 * Rows of traces as the API shows them.
 */
import { CLIENT_REQUEST_ID_KEY, type TraceInfo } from "@sightline/wire/model/trace";

/** The row without the metadata that is shown as a field of its own. */
export function toTraceInfo(row: TraceInfo): TraceInfo {
  if (!Object.hasOwn(row.metadata, CLIENT_REQUEST_ID_KEY)) return row;
  const { [CLIENT_REQUEST_ID_KEY]: _shown, ...metadata } = row.metadata;
  return { ...row, metadata };
}
