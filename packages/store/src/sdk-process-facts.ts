/**
 * What two reports of a process say together. Every count of a report is a total that only rises, so adding up takes the larger of two
 * and a report that comes twice, late or out of order changes nothing.
 */
import { DROP_REASONS, type DropReason } from "@sightline/wire/model/sdk-process";
import { countSequences, fillGaps, unionSequences } from "@sightline/wire/sequence-ranges";
import { type KeptSdkProcess, MAX_EXPERIMENTS, OVERDUE_MS, type SdkProcessFacts } from "./sdk-processes.ts";

/** Some 60 KB of text. A process that loses spans loses them in runs; so many gaps come of a sender that makes them on purpose. */
const MAX_RANGES = 5000;

/** Both reports are of the same process. */
export function mergeFacts(a: SdkProcessFacts, b: SdkProcessFacts): SdkProcessFacts {
  const later = isLater(a, b) ? a : b;
  const earlier = later === a ? b : a;
  const union = unionSequences(a.received, b.received);
  const received = fillGaps(union, MAX_RANGES);
  return {
    instanceId: a.instanceId,
    service: later.service || earlier.service,
    host: later.host || earlier.host,
    pid: later.pid || earlier.pid,
    runtime: later.runtime || earlier.runtime,
    sdkVersion: later.sdkVersion || earlier.sdkVersion,
    startMs: later.startMs || earlier.startMs,
    lastSeenMs: Math.max(a.lastSeenMs, b.lastSeenMs),
    isFinal: a.isFinal || b.isFinal,
    ended: Math.max(a.ended, b.ended),
    received,
    isExact: a.isExact && b.isExact && received === union,
    dropped: maxOf(a.dropped, b.dropped),
    truncations: Math.max(a.truncations, b.truncations),
    retries: Math.max(a.retries, b.retries),
    failures: Math.max(a.failures, b.failures),
    mode: later.mode,
    overheadMs: Math.max(a.overheadMs, b.overheadMs),
    experimentIds: [...new Set([...earlier.experimentIds, ...later.experimentIds])].slice(0, MAX_EXPERIMENTS),
  };
}

/**
 * By what the process itself counted, not by when it came: requests overtake each other on their way. Of two that say the same the
 * mode decides, so that the order in which they are added up does not.
 */
function isLater(a: SdkProcessFacts, b: SdkProcessFacts): boolean {
  const order = a.overheadMs - b.overheadMs || a.ended - b.ended;
  return order === 0 ? a.mode > b.mode : order > 0;
}

function maxOf(a: SdkProcessFacts["dropped"], b: SdkProcessFacts["dropped"]): Record<DropReason, number> {
  const entries = DROP_REASONS.map((reason) => [reason, Math.max(a[reason], b[reason])] as const);
  // One entry for each reason.
  return Object.fromEntries(entries) as Record<DropReason, number>;
}

/** What was said a while ago: spans that had ended by then and have not come are overdue. */
export interface Settled {
  /** What `ended` was at least {@link OVERDUE_MS} before the latest report; 0 if nothing was known then. */
  readonly settledEnded: number;
  /** What `ended` was at `nextMs`: becomes `settledEnded` when that is long enough ago. */
  readonly nextEnded: number;
  readonly nextMs: number;
}

/**
 * Follows the facts of a process, of which only the latest are kept, in two steps: enough to know a value of a while ago.
 *
 * @param before  undefined = the process is new
 */
export function settle(facts: SdkProcessFacts, before: Settled | undefined): Settled {
  const now = { nextEnded: facts.ended, nextMs: facts.lastSeenMs };
  if (before === undefined) return { settledEnded: 0, ...now };
  return facts.lastSeenMs - before.nextMs < OVERDUE_MS ? before : { settledEnded: before.nextEnded, ...now };
}

/** How many spans did not come. */
export function countUnreceived(
  facts: SdkProcessFacts,
  { settledEnded }: Settled,
): Pick<KeptSdkProcess, "unreceived" | "overdue"> {
  return {
    unreceived: facts.ended - countSequences(facts.received, facts.ended),
    overdue: settledEnded - countSequences(facts.received, settledEnded),
  };
}
