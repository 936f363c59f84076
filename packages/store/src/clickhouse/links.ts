/**
 * Links of traces to runs and prompts ⇄ rows.
 */
import type { TraceLink, TraceLinkKind } from "@sightline/wire/model/trace-link";
import type { CallOptions } from "../telemetry-store.ts";
import { type Mappings, propertiesOf, rowReader, rowWriter, text } from "./columns.ts";
import type { Queries } from "./queries.ts";
import { param, sql } from "./sql.ts";

interface LinkRow {
  readonly experimentId: string;
  readonly traceId: string;
  readonly kind: TraceLinkKind;
  readonly target: string;
}

const linkMappings: Mappings<LinkRow> = {
  experimentId: text("experiment_id"),
  traceId: text("trace_id"),
  kind: text("kind"),
  target: text("target"),
};

const writeRow = rowWriter(linkMappings, propertiesOf(linkMappings), ["version", "is_deleted"]);
const readRow = rowReader(linkMappings, ["traceId", "kind", "target"]);

/** The row of a link as JSON text; one that was taken away is a tombstone. */
export function linkText(row: LinkRow, version: number, isGone: boolean): string {
  return writeRow(row, [version, isGone ? 1 : 0]);
}

/** @see TraceParts.getTraceLinks */
export async function readLinks(
  queries: Queries,
  traceIds: readonly string[],
  options: CallOptions = {},
): Promise<Map<string, TraceLink[]>> {
  const links = new Map<string, TraceLink[]>();
  await queries.eachOfIds(
    [...new Set(traceIds)],
    (ids) => sql`SELECT ${readRow.select} FROM ${queries.table("trace_links")} FINAL
      WHERE trace_id IN ${param(ids, "Array(String)")} ORDER BY kind, target`,
    (cells) => {
      const { traceId, ...link } = readRow.read(cells);
      const ofTrace = links.get(traceId);
      if (ofTrace === undefined) links.set(traceId, [link]);
      else ofTrace.push(link);
    },
    options,
  );
  return links;
}
