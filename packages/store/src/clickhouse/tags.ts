/**
 * Tags and metadata that people set on traces: kept apart from those that spans and clients carry, and laid over them when read.
 */
import type { CallOptions } from "../telemetry-store.ts";
import type { Queries } from "./queries.ts";
import { param, sql } from "./sql.ts";

/** The tables of edits: one row for each trace and key. */
export type EditTable = "trace_tags" | "trace_metadata";

/** One edit of an entry; undefined = removed. */
export type Edits = ReadonlyMap<string, string | undefined>;

/** The edits of these traces, by trace id. */
export async function readEdits(
  queries: Queries,
  table: EditTable,
  traceIds: readonly string[],
  options: CallOptions = {},
): Promise<ReadonlyMap<string, Edits>> {
  const edits = new Map<string, Map<string, string | undefined>>();
  await queries.eachOfIds(
    traceIds,
    (ids) => sql`SELECT trace_id, key, value, removed FROM ${queries.table(table)} FINAL
      WHERE trace_id IN ${param(ids, "Array(String)")}`,
    ([traceId, key, value, removed]) => {
      const ofTrace = edits.get(String(traceId)) ?? new Map<string, string | undefined>();
      ofTrace.set(String(key), Number(removed) === 1 ? undefined : String(value));
      edits.set(String(traceId), ofTrace);
    },
    options,
  );
  return edits;
}

/** The entries that a trace shows: those that were sent with the edits laid over. */
export function overlayEdits(
  sent: Readonly<Record<string, string>>,
  edits: Edits | undefined,
): Readonly<Record<string, string>> {
  if (edits === undefined) return sent;
  const entries = new Map(Object.entries(sent));
  for (const [key, value] of edits) {
    if (value === undefined) entries.delete(key);
    else entries.set(key, value);
  }
  return Object.fromEntries(entries);
}
