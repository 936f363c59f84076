/**
 * Measurements → what an SDK costs, with the untraced run of the same rounds taken off.
 */
import { median, quantile } from "../measure/statistics.ts";
import type { Measurement, ServerState } from "./measure.ts";
import type { PayloadName } from "./payloads.ts";
import type { VariantName } from "./variants.ts";

export interface Summary {
  readonly variant: VariantName;
  readonly payload: PayloadName;
  readonly server: ServerState;
  /** Milliseconds added to the call, over the calls of all rounds. */
  readonly minMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** p50 of each round. */
  readonly roundsP50Ms: readonly number[];
  /** Longest later hold of the event loop above the untraced run's: median of the rounds. */
  readonly holdMs: number;
  /** CPU of the whole process for a call, until it was delivered: median of the rounds. */
  readonly cpuMsPerCall: number;
  /** Most memory above the untraced run's: median of the rounds. */
  readonly peakMib: number;
  readonly calls: number;
  readonly delivered: number;
  /** Calls that neither came, nor wait, nor are counted as dropped; undefined if the SDK does not count. */
  readonly unaccounted: number | undefined;
  readonly dropped: number | undefined;
  /** The most that waited at the end of a round, as the SDK counts it. */
  readonly queuedMib: number | undefined;
}

/** One summary for each SDK, payload and state of the server, in the order of the measurements; none for the untraced run. */
export function summarize(measurements: readonly Measurement[]): Summary[] {
  const groups = new Map<string, Measurement[]>();
  for (const measurement of measurements) {
    const { variant, payload, server } = measurement;
    const key = `${variant} ${payload} ${server}`;
    groups.set(key, [...(groups.get(key) ?? []), measurement]);
  }
  const summaries: Summary[] = [];
  for (const rounds of groups.values()) {
    const { variant, payload, server } = rounds[0] as Measurement; // groups are not empty
    const untraced = groups.get(`untraced ${payload} ${server}`);
    if (variant === "untraced" || untraced === undefined) continue;
    summaries.push(summarizeRounds(rounds, untraced));
  }
  return summaries;
}

function summarizeRounds(rounds: readonly Measurement[], untraced: readonly Measurement[]): Summary {
  const { variant, payload, server } = rounds[0] as Measurement; // groups are not empty
  const baseMs = median(untraced.flatMap(({ callMs }) => callMs));
  const added = rounds.flatMap(({ callMs }) => callMs.map((ms) => ms - baseMs));
  const above = (pick: (of: Measurement) => number) => median(rounds.map(pick)) - median(untraced.map(pick));
  const sum = (pick: (of: Measurement) => number) => rounds.reduce((total, round) => total + pick(round), 0);
  const hasAccounts = rounds.every(({ accounts }) => accounts !== undefined);
  const calls = sum((round) => round.calls);
  return {
    variant,
    payload,
    server,
    minMs: Math.min(...added),
    p50Ms: median(added),
    p99Ms: quantile(added, 0.99),
    roundsP50Ms: rounds.map(({ callMs }) => median(callMs) - baseMs),
    holdMs: Math.max(
      0,
      above(({ longestHoldMs }) => longestHoldMs),
    ),
    cpuMsPerCall: above(({ cpuMs, callMs }) => cpuMs / callMs.length),
    peakMib: above(({ peakMib }) => peakMib),
    calls,
    delivered: sum(({ delivered }) => delivered),
    unaccounted: hasAccounts
      ? sum(({ accounts, calls: made }) =>
          accounts === undefined ? 0 : Math.abs(made - accounts.sent - accounts.dropped - accounts.queued),
        )
      : undefined,
    dropped: hasAccounts ? sum(({ accounts }) => accounts?.dropped ?? 0) : undefined,
    queuedMib: hasAccounts
      ? Math.max(...rounds.map(({ accounts }) => (accounts?.queuedBytes ?? 0) / 2 ** 20))
      : undefined,
  };
}
