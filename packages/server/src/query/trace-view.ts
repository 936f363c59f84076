/**
 * Rows of traces as the API shows them.
 */
import { CLIENT_REQUEST_ID_KEY, TRACE_STATE_KEY, type TraceInfo } from "@sightline/wire/model/trace";

/** The row without the metadata that is shown as a field of its own. */
export function toTraceInfo(row: TraceInfo): TraceInfo {
  const isPlain = !Object.hasOwn(row.metadata, CLIENT_REQUEST_ID_KEY) && !Object.hasOwn(row.metadata, TRACE_STATE_KEY);
  if (isPlain) return row;
  const { [CLIENT_REQUEST_ID_KEY]: _shown, [TRACE_STATE_KEY]: _shownToo, ...metadata } = row.metadata;
  return { ...row, metadata };
}
