/**
 * Tags that people set on traces: kept apart from those that spans carry, and laid over them when read.
 */
import type { CallOptions } from "../telemetry-store.ts";
import type { Queries } from "./queries.ts";
import { param, sql } from "./sql.ts";

/** One edit of a tag; undefined = removed. */
export type TagEdits = ReadonlyMap<string, string | undefined>;

/** The edits of the tags of these traces, by trace id. */
export async function readTagEdits(
  queries: Queries,
  traceIds: readonly string[],
  options: CallOptions = {},
): Promise<ReadonlyMap<string, TagEdits>> {
  const edits = new Map<string, Map<string, string | undefined>>();
  await queries.eachOfIds(
    traceIds,
    (ids) => sql`SELECT trace_id, key, value, removed FROM ${queries.table("trace_tags")} FINAL
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

/** The tags that a trace shows: those its spans carry with the edits laid over. */
export function overlayTags(
  carried: Readonly<Record<string, string>>,
  edits: TagEdits | undefined,
): Readonly<Record<string, string>> {
  if (edits === undefined) return carried;
  const tags = new Map(Object.entries(carried));
  for (const [key, value] of edits) {
    if (value === undefined) tags.delete(key);
    else tags.set(key, value);
  }
  return Object.fromEntries(tags);
}
