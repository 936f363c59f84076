/**
 * The table of SDKs side by side with our targets, as Markdown: one for each state of the server. One row a measure; a new one is a
 * row here.
 */
import { formatNumber } from "../measure/statistics.ts";
import type { ServerState } from "./measure.ts";
import { type PayloadName, payloadKinds } from "./payloads.ts";
import type { Summary } from "./summary.ts";
import { type VariantName, variants } from "./variants.ts";

/** The queue's bound, `init({ maxQueueBytes })`. */
const QUEUE_MIB = 64;
/** Longest later hold that is fine. */
const HOLD_MS = 20;

interface Row {
  readonly measure: string;
  readonly cell: (of: Summary) => string;
  readonly target?: (of: Summary) => string;
  readonly isMet?: (of: Summary) => boolean;
  /** Absent = in the tables of all states. */
  readonly server?: "up" | "not up";
}

const rows: readonly Row[] = [
  {
    measure: "added to the call, min / p50 / p99 ms",
    cell: ({ minMs, p50Ms, p99Ms }) => [minMs, p50Ms, p99Ms].map(formatMs).join(" / "),
    target: ({ payload }) => `p50 ≤ ${payloadKinds[payload].targetMs}`,
    isMet: ({ p50Ms, payload }) => p50Ms <= payloadKinds[payload].targetMs,
  },
  {
    measure: "p99 / p50",
    cell: ({ p50Ms, p99Ms }) => formatNumber(p99Ms / p50Ms),
    target: () => "≤ 4",
    isMet: ({ p50Ms, p99Ms }) => p99Ms <= 4 * p50Ms,
  },
  {
    // Where p50 is far below its target, the ratio alone would ask for more than anybody can notice.
    measure: "p99 ms, against the p50 that is allowed",
    cell: ({ p99Ms }) => formatMs(p99Ms),
    target: ({ payload }) => `≤ 4 x ${payloadKinds[payload].targetMs}`,
    isMet: ({ p99Ms, payload }) => p99Ms <= 4 * payloadKinds[payload].targetMs,
  },
  {
    measure: "longest later hold of the event loop, ms",
    cell: ({ holdMs }) => formatNumber(holdMs),
    target: () => `≤ ${HOLD_MS}`,
    isMet: ({ holdMs }) => holdMs <= HOLD_MS,
  },
  { measure: "CPU a call until delivered, ms", cell: ({ cpuMsPerCall }) => formatMs(cpuMsPerCall), server: "up" },
  { measure: "CPU a call, ms", cell: ({ cpuMsPerCall }) => formatMs(cpuMsPerCall), server: "not up" },
  { measure: "most memory, MiB", cell: ({ peakMib }) => formatNumber(peakMib) },
  {
    measure: "delivered of calls",
    cell: ({ delivered, calls }) => `${formatNumber(delivered)} of ${formatNumber(calls)}`,
    target: () => "all",
    isMet: ({ delivered, calls }) => delivered === calls,
    server: "up",
  },
  {
    measure: "waiting at the end, MiB; dropped; not accounted for",
    cell: ({ queuedMib, dropped, unaccounted }) =>
      queuedMib === undefined ? "not told" : `${formatNumber(queuedMib)}; ${dropped}; ${unaccounted}`,
    target: () => `≤ ${QUEUE_MIB}; counted; 0`,
    isMet: ({ queuedMib = 0, unaccounted }) => queuedMib <= QUEUE_MIB && unaccounted === 0,
    server: "not up",
  },
];

/** The table for one state of the server; the SDKs are columns, Sightline the last. */
export function overheadTable(summaries: readonly Summary[], server: ServerState): string {
  const ofServer = summaries.filter((summary) => summary.server === server);
  const names = unique(ofServer.map(({ variant }) => variant)).filter((name) => name !== "sightline");
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const head = ["inputs + outputs", "measure", ...names.map(titleOf), titleOf("sightline"), "target", "met"];
  const lines = [line(head), `|${"---|".repeat(head.length)}`];
  for (const payload of unique(ofServer.map((summary) => summary.payload))) {
    const of = (name: VariantName) =>
      ofServer.find((summary) => summary.variant === name && summary.payload === payload);
    for (const row of rows.filter((candidate) => isShown(candidate, server))) {
      const ours = of("sightline");
      const cell = (name: VariantName) => {
        const summary = of(name);
        return summary === undefined ? "" : row.cell(summary);
      };
      lines.push(
        line([
          payloadKinds[payload].title,
          row.measure,
          ...names.map(cell),
          cell("sightline"),
          ours ? (row.target?.(ours) ?? "") : "",
          ours && row.isMet ? (row.isMet(ours) ? "met" : "**missed**") : "",
        ]),
      );
    }
  }
  return lines.join("\n");
}

/** What missed its target, a line each. */
export function missedTargets(summaries: readonly Summary[]): string[] {
  return summaries
    .filter(({ variant }) => variant === "sightline")
    .flatMap((ours) =>
      rows
        .filter((row) => isShown(row, ours.server) && row.isMet?.(ours) === false)
        .map(
          (row) =>
            `server ${ours.server}, ${titleOfPayload(ours.payload)}: ${row.measure} is ${row.cell(ours)}, ` +
            `target ${row.target?.(ours)}`,
        ),
    );
}

function isShown({ server }: Row, state: ServerState): boolean {
  return server === undefined || (server === "up") === (state === "up");
}

function titleOf(name: VariantName): string {
  return variants[name].title;
}

function titleOfPayload(name: PayloadName): string {
  return payloadKinds[name].title;
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

/** Milliseconds from microseconds to seconds, two significant digits at least. */
function formatMs(ms: number): string {
  return Math.abs(ms) < 1 ? ms.toFixed(Math.abs(ms) < 0.1 ? 4 : 3) : formatNumber(ms);
}
