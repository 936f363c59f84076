/**
 * The trace that a page shows, for what lies deep in its payloads: references to attachments need not name it.
 */
import { createContext, useContext } from "react";

const TraceIdContext = createContext("");

export const TraceIdProvider = TraceIdContext.Provider;

/** Id of the trace around; "" outside of one. */
export function useTraceId(): string {
  return useContext(TraceIdContext);
}
