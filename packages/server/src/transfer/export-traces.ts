/**
 * All traces of a selection as lines of JSON, one trace a line, newest first.
 */
import type { TraceSelection } from "@sightline/store/telemetry-store";
import type { ParquetTable, TracePart } from "@sightline/store/trace-transfer";
import type { Attachment } from "@sightline/wire/model/attachment";
import { countChars, toSpan } from "../query/span-view.ts";
import type { Call, Stores } from "../query/stores.ts";
import { toTraceInfo } from "../query/trace-view.ts";
import { writeAttachmentLine } from "./attachment-line.ts";
import { writeTraceLine } from "./trace-line.ts";

/** Traces whose links are read at once, and characters of their spans that are held meanwhile. */
const TRACES_AT_ONCE = 500;
const CHARS_AT_ONCE = 4 * 1024 * 1024;
/** Lines are handed over in pieces of about this many characters: a piece a line would be a system call each. */
const PIECE_CHARS = 128 * 1024;

/** How many traces there are to export. */
export async function countSelected(stores: Stores, selection: TraceSelection, call: Call): Promise<number> {
  if (selection.experimentIds?.length === 0) return 0;
  const { total } = await stores.telemetry.countTraces({ ...selection, limit: 0xffff_ffff }, call);
  return total;
}

/** The spans or traces as one Parquet file; without rows when nothing is selected. */
export async function* exportParquet(
  stores: Stores,
  selection: TraceSelection,
  table: ParquetTable,
  call: Call,
): AsyncGenerator<Uint8Array, void> {
  const experimentNames = await namesOfExperiments(stores);
  yield* stores.telemetry.readParquet(selection, table, { ...call, experimentNames });
}

async function namesOfExperiments(stores: Stores): Promise<ReadonlyMap<string, string>> {
  const experiments = await stores.entities.listExperiments();
  return new Map(experiments.map(({ experimentId, name }) => [experimentId, name]));
}

/**
 * The lines, in pieces; a trace of more than 32 MiB goes on in the next line with the same `info`.
 *
 * No more is read than the reader takes.
 */
export async function* exportTraces(
  stores: Stores,
  selection: TraceSelection,
  call: Call & { readonly withAttachments?: boolean },
): AsyncGenerator<Uint8Array, void> {
  // No experiment named at all is a question about nothing, not about everything.
  if (selection.experimentIds?.length === 0) return;
  const names = await namesOfExperiments(stores);
  let parts: TracePart[] = [];
  let chars = 0;
  let latest = "";
  const write = async function* () {
    yield* writeLines(stores, parts, { ...call, names, latest });
    latest = parts.at(-1)?.info.traceId ?? latest;
    parts = [];
    chars = 0;
  };
  for await (const part of stores.telemetry.readTraces(selection, call)) {
    parts.push(part);
    chars += part.spans.reduce((sum, span) => sum + countChars(span), 0);
    if (parts.length < TRACES_AT_ONCE && chars < CHARS_AT_ONCE) continue;
    yield* write();
  }
  yield* write();
}

interface LineOptions extends Call {
  /** Of experiments, by id. */
  readonly names: ReadonlyMap<string, string>;
  /** The trace whose parts were written last: its attachments were, too. */
  readonly latest: string;
  readonly withAttachments?: boolean;
}

async function* writeLines(
  stores: Stores,
  parts: readonly TracePart[],
  { names, latest, withAttachments, ...call }: LineOptions,
): AsyncGenerator<Uint8Array, void> {
  const traceIds = [...new Set(parts.map(({ info }) => info.traceId))];
  const [links, attachments] = await Promise.all([
    stores.telemetry.getTraceLinks(traceIds, call),
    listByTrace(stores, traceIds),
  ]);
  let piece = "";
  let before = latest;
  for (const { info, spans } of parts) {
    const experiment = names.get(info.experimentId);
    const attached = info.traceId === before ? undefined : attachments.get(info.traceId);
    before = info.traceId;
    const linked = links.get(info.traceId);
    const line = writeTraceLine({
      ...(experiment !== undefined && { experiment }),
      info: toTraceInfo(info),
      spans: spans.map((span) => ({ ...toSpan(span), ...(span.isCostComputed && { costComputed: true }) })),
      ...(linked && { links: linked }),
      ...(attached && { attachments: attached }),
    });
    piece += `${line}\n`;
    if (attached !== undefined && withAttachments) {
      yield Buffer.from(piece);
      piece = "";
      for (const attachment of attached) yield* writeAttachmentLine(stores, attachment, call);
    }
    if (piece.length < PIECE_CHARS) continue;
    yield Buffer.from(piece);
    piece = "";
  }
  if (piece !== "") yield Buffer.from(piece);
}

async function listByTrace(stores: Stores, traceIds: readonly string[]): Promise<Map<string, Attachment[]>> {
  const found = new Map<string, Attachment[]>();
  for (const attachment of await stores.attachments.list(traceIds)) {
    found.set(attachment.traceId, [...(found.get(attachment.traceId) ?? []), attachment]);
  }
  return found;
}
