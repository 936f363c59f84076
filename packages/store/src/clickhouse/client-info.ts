/**
 * What clients said of whole traces: kept as a row a trace, put together from the calls, and read back for the trace's row.
 */
import type { ClientInfo } from "../trace-parts.ts";
import { type Mappings, propertiesOf, rowReader, rowWriter, text, textMap } from "./columns.ts";
import type { Queries } from "./queries.ts";
import { storedNanos, time } from "./rows.ts";
import { param, sql } from "./sql.ts";

/** What is kept of a trace's client infos. Facts that were never said are absent. */
export interface KnownClientInfo {
  readonly facts: ClientFacts;
  readonly tags: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** When the first call came, in microseconds since the epoch: the trace's place in time while nothing else says it. */
  readonly receivedUs: bigint;
}

/** Plain JSON: times and durations are decimal strings in microseconds. */
export interface ClientFacts {
  readonly name?: string;
  readonly state?: NonNullable<ClientInfo["state"]>;
  readonly requestTimeUs?: string;
  readonly durationUs?: string;
  readonly requestPreview?: string;
  readonly responsePreview?: string;
  readonly clientRequestId?: string;
}

interface ClientInfoRow extends KnownClientInfo {
  readonly experimentId: string;
  readonly traceId: string;
}

const clientInfoMappings: Mappings<ClientInfoRow> = {
  experimentId: text("experiment_id"),
  traceId: text("trace_id"),
  facts: {
    columns: ["facts"],
    write: (value) => [JSON.stringify(value)],
    // The column holds only what `write` put there.
    read: ([cell]) => JSON.parse(String(cell)) as ClientFacts,
  },
  tags: textMap("tags"),
  metadata: textMap("metadata"),
  receivedUs: time("received_time", "Micro"),
};

const writeRow = rowWriter(clientInfoMappings, propertiesOf(clientInfoMappings), ["version"]);
const readRow = rowReader(clientInfoMappings, propertiesOf(clientInfoMappings));

/** The row of a trace's client info as JSON text. */
export function clientInfoText(row: ClientInfoRow, version: number): string {
  return writeRow(row, [version]);
}

/** Looks client infos up by trace id; traces without one are absent. */
export async function readClientInfos(
  queries: Queries,
  traceIds: readonly string[],
): Promise<ReadonlyMap<string, ClientInfoRow>> {
  const infos = new Map<string, ClientInfoRow>();
  await queries.eachOfIds(
    traceIds,
    (ids) => sql`SELECT ${readRow.select} FROM ${queries.table("client_infos")} FINAL
      WHERE trace_id IN ${param(ids, "Array(String)")}`,
    (cells) => {
      const row = readRow.read(cells);
      infos.set(row.traceId, row);
    },
  );
  return infos;
}

/**
 * What is known after one more call: facts it says replace earlier ones, tags and metadata key by key.
 *
 * @param nowUs  time of the call, microseconds since the epoch
 */
export function joinClientInfo(known: KnownClientInfo | undefined, said: ClientInfo, nowUs: bigint): KnownClientInfo {
  const { requestTimeUnixNano, durationNano } = said;
  const facts = {
    name: said.name,
    state: said.state,
    requestTimeUs: requestTimeUnixNano === undefined ? undefined : String(storedNanos(requestTimeUnixNano) / 1000n),
    durationUs: durationNano === undefined ? undefined : String(storedNanos(durationNano) / 1000n),
    requestPreview: said.requestPreview,
    responsePreview: said.responsePreview,
    clientRequestId: said.clientRequestId,
  };
  // What was not said must not hide what was said before.
  const saidFacts: ClientFacts = Object.fromEntries(Object.entries(facts).filter(([, fact]) => fact !== undefined));
  return {
    facts: { ...known?.facts, ...saidFacts },
    tags: { ...known?.tags, ...said.tags },
    metadata: { ...known?.metadata, ...said.metadata },
    receivedUs: known?.receivedUs ?? nowUs,
  };
}
