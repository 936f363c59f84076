/**
 * The table of Sightline beside its peers with our targets, as Markdown. One row a measure; a new one is a row here.
 */
import type { QueryName } from "../systems/system.ts";
import type { SystemResult } from "./measure-everything.ts";
import type { IngestLoad, IngestResult } from "./measure-ingest.ts";
import { formatNumber, median } from "./statistics.ts";

/** Results by name of the system; `sightline` is one of them. */
export type SystemResults = Readonly<Record<string, SystemResult>>;

interface Row {
  readonly measure: string;
  /** What stands in a system's cell. */
  readonly cell: (result: SystemResult) => string;
  readonly target: string;
  /** Undefined: not measured in this run. */
  readonly isMet: (ours: SystemResult, peers: readonly SystemResult[]) => boolean | undefined;
}

const rows: readonly Row[] = [
  {
    measure: "512 spans a request, stored spans/s",
    cell: (result) => formatNumber(ingest(result, "bulk", (load) => load.storedSpansPerSecond)),
    target: "≥ 20 x the best peer",
    isMet: (ours, peers) => isTimesBest(ours, peers, "bulk", 20),
  },
  {
    measure: "server CPU µs/span, same load",
    cell: (result) => formatNumber(ingest(result, "bulk", (load) => load.cpuMicrosPerSpan)),
    target: "≤ 60",
    isMet: (ours) => ingest(ours, "bulk", (load) => load.cpuMicrosPerSpan) <= 60,
  },
  {
    measure: "1 trace a request, stored spans/s",
    cell: (result) => formatNumber(ingest(result, "single", (load) => load.storedSpansPerSecond)),
    target: "≥ 20 x the best peer",
    isMet: (ours, peers) => isTimesBest(ours, peers, "single", 20),
  },
  {
    measure: "server CPU µs/span, same load",
    cell: (result) => formatNumber(ingest(result, "single", (load) => load.cpuMicrosPerSpan)),
    target: "≤ 150",
    isMet: (ours) => ingest(ours, "single", (load) => load.cpuMicrosPerSpan) <= 150,
  },
  {
    measure: "1 trace a request, acknowledgement p50 / p99 ms",
    cell: (result) =>
      `${formatNumber(ingest(result, "single", (load) => load.ackP50Ms))} / ` +
      `${formatNumber(ingest(result, "single", (load) => load.ackP99Ms))}${refusals(result)}`,
    target: "p99 ≤ 60, on disk and readable",
    isMet: (ours) => ingest(ours, "single", (load) => load.ackP99Ms) <= 60,
  },
  {
    measure: "acknowledged traces lost at kill -9",
    cell: ({ kill }) =>
      `${kill.reduce((sum, { lost }) => sum + lost, 0)} of ${kill.reduce((sum, { acknowledged }) => sum + acknowledged, 0)} (${kill.length} rounds)`,
    target: "0",
    isMet: ({ kill }) => kill.every(({ lost, doubledSpans }) => lost === 0 && doubledSpans === 0),
  },
  {
    measure: "spans in the store for the rows below",
    cell: ({ querySpans }) => formatNumber(querySpans),
    target: "",
    isMet: () => undefined,
  },
  queryRow("newest 50 traces, p50 (CPU) ms", ["newest"], [10]),
  queryRow("tag 10 % / rare tag / status filter, p50 (CPU) ms", ["tag", "rareTag", "status"], [10, 10, 10]),
  queryRow("text in payloads: rare / absent word, p50 (CPU) ms", ["rareWordAll", "absentWordAll"], [60, 60]),
  {
    measure: "the same while 2,000 spans/s arrive, p50 ms",
    cell: ({ searchUnderLoad }) =>
      searchUnderLoad?.paced.map(({ p50Ms }) => formatNumber(p50Ms)).join(" / ") ?? "not measured",
    target: "≤ 60 / ≤ 60",
    isMet: ({ searchUnderLoad }) => searchUnderLoad?.paced.every(({ p50Ms }) => p50Ms <= 60),
  },
  {
    measure: "ingest beside searches, % of alone",
    cell: ({ searchUnderLoad }) => (searchUnderLoad ? formatNumber(searchUnderLoad.ingestRatio * 100) : "not measured"),
    target: "not slowed (≥ 90)",
    isMet: ({ searchUnderLoad }) => searchUnderLoad && searchUnderLoad.ingestRatio >= 0.9,
  },
  queryRow("whole trace of 8 / 2,000 spans, p50 (CPU) ms", ["trace", "trace2000"], [12, 80]),
  queryRow("latency percentiles by hour, last day, p50 (CPU) ms", ["percentilesDay"], [15]),
  {
    measure: "memory (PSS, all processes) idle / loaded MiB",
    cell: ({ idleMib, loadedMib }) => `${formatNumber(idleMib)} / ${formatNumber(loadedMib)}`,
    target: "≤ 350 / ≤ 600",
    isMet: ({ idleMib, loadedMib }) => idleMib <= 350 && loadedMib <= 600,
  },
  {
    measure: "bytes on disk a span, above the empty store",
    cell: ({ bytesPerSpan: { live, all } }) =>
      formatNumber(live) + (all > live ? ` (${formatNumber(all)} until merged files are removed)` : ""),
    target: "≤ 350",
    isMet: ({ bytesPerSpan }) => bytesPerSpan.live <= 350,
  },
  {
    measure: "start to first answer, warm, s",
    cell: ({ warmStartSeconds }) => formatNumber(median(warmStartSeconds)),
    target: "≤ 1.5",
    isMet: ({ warmStartSeconds }) => median(warmStartSeconds) <= 1.5,
  },
];

/** The table, with the best peer's factor beside our figure where a target is one. */
export function comparisonTable(results: SystemResults): string {
  const { sightline, ...others } = results;
  if (!sightline) throw new Error("there are no results of Sightline");
  const peers = Object.values(others);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const head = ["measure", ...peers.map(({ title }) => title), "Sightline", "target", "met"];
  const verdict = (row: Row) => {
    const isMet = row.isMet(sightline, peers);
    return isMet === undefined ? "" : isMet ? "met" : "**missed**";
  };
  return [
    line(head),
    `|${"---|".repeat(head.length)}`,
    ...rows.map((row) => line([row.measure, ...peers.map(row.cell), row.cell(sightline), row.target, verdict(row)])),
  ].join("\n");
}

function queryRow(measure: string, names: readonly QueryName[], limits: readonly number[]): Row {
  const find = (result: SystemResult, name: QueryName) => result.queries.find(({ query }) => query === name);
  return {
    measure,
    cell: (result) =>
      names
        .map((name) => {
          const found = find(result, name);
          if (!found) return "–";
          if (!Number.isFinite(found.p50Ms)) return (found.failure ?? "–").slice(0, 20);
          return `${formatNumber(found.p50Ms)} (${formatNumber(found.cpuMs)})${found.failure ? " wrong" : ""}`;
        })
        .join(" / "),
    target: limits.map((limit) => `≤ ${limit}`).join(" / "),
    isMet: (ours) =>
      names.every((name, at) => {
        const found = find(ours, name);
        return found !== undefined && found.failure === undefined && found.p50Ms <= (limits[at] as number);
      }),
  };
}

/** Median of the rounds of a load. */
function ingest(result: SystemResult, load: IngestLoad, pick: (load: IngestResult) => number): number {
  return median(result.ingest.filter((round) => round.load === load).map(pick));
}

function isTimesBest(
  ours: SystemResult,
  peers: readonly SystemResult[],
  load: IngestLoad,
  times: number,
): boolean | undefined {
  if (peers.length === 0) return undefined;
  const rate = (result: SystemResult) => ingest(result, load, ({ storedSpansPerSecond }) => storedSpansPerSecond);
  return rate(ours) >= times * Math.max(...peers.map(rate));
}

function refusals(result: SystemResult): string {
  const refused = result.ingest.reduce((sum, { refusedRequests }) => sum + refusedRequests, 0);
  const late = Math.max(...result.ingest.map(({ drainSeconds }) => drainSeconds));
  return (
    (refused > 0 ? `, ${formatNumber(refused)} refused` : "") +
    (late > 1 ? `, readable ${formatNumber(late)} s later` : "")
  );
}
