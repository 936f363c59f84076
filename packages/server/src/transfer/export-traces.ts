/**
 * All traces of a selection as lines of JSON, one trace a line, newest first.
 */
import type { TraceSelection } from "@sightline/store/telemetry-store";
import type { ParquetTable } from "@sightline/store/trace-transfer";
import { toSpan } from "../query/span-view.ts";
import type { Call, Stores } from "../query/stores.ts";
import { toTraceInfo } from "../query/trace-view.ts";
import { writeTraceLine } from "./trace-line.ts";

/** Lines are handed over in pieces of about this many characters: a piece a line would be a system call each. */
const PIECE_CHARS = 128 * 1024;

/** How many traces there are to export. */
export async function countSelected(stores: Stores, selection: TraceSelection, call: Call): Promise<number> {
  if (selection.experimentIds?.length === 0) return 0;
  const { total } = await stores.telemetry.countTraces({ ...selection, limit: 0xffff_ffff }, call);
  return total;
}

/** The spans or traces as one Parquet file; without rows when nothing is selected. */
export function exportParquet(
  stores: Stores,
  selection: TraceSelection,
  table: ParquetTable,
  call: Call,
): AsyncGenerator<Uint8Array, void> {
  return stores.telemetry.readParquet(selection, table, call);
}

/**
 * The lines, in pieces; a trace of more than 32 MiB goes on in the next line with the same `info`.
 *
 * No more is read than the reader takes.
 */
export async function* exportTraces(
  stores: Stores,
  selection: TraceSelection,
  call: Call,
): AsyncGenerator<Uint8Array, void> {
  // No experiment named at all is a question about nothing, not about everything.
  if (selection.experimentIds?.length === 0) return;
  const names = new Map(
    (await stores.entities.listExperiments()).map(({ experimentId, name }) => [experimentId, name]),
  );
  let piece = "";
  for await (const { info, spans } of stores.telemetry.readTraces(selection, call)) {
    const experiment = names.get(info.experimentId);
    piece += `${writeTraceLine({
      ...(experiment !== undefined && { experiment }),
      info: toTraceInfo(info),
      spans: spans.map(toSpan),
    })}\n`;
    if (piece.length < PIECE_CHARS) continue;
    yield Buffer.from(piece);
    piece = "";
  }
  if (piece !== "") yield Buffer.from(piece);
}
