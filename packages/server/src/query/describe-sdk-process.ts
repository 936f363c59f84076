/**
 * What the facts of an SDK process mean: whether it runs, what of its spans is lost, and the sentence that says so. Pure.
 */
import { type KeptSdkProcess, SILENT_AFTER_MS } from "@sightline/store/sdk-processes";
import { DROP_REASONS, type DropReason, type SdkProcess } from "@sightline/wire/model/sdk-process";
import { formatRfc3339Micros } from "@sightline/wire/time";

const REASON_WORDS = {
  queueFull: "the queue was full",
  refused: "the server refused them",
  unsentAtExit: "the process ended before they were sent",
  broken: "they could not be encoded",
} as const satisfies Record<DropReason, string>;

const count = new Intl.NumberFormat("en-US");

/** @param nowMs  milliseconds since the epoch */
export function describeSdkProcess(process: KeptSdkProcess, nowMs: number): SdkProcess {
  const { received, lastSeenMs, startMs, isFinal, isExact, ended, dropped, unreceived, overdue, ...same } = process;
  const isQuiet = lastSeenMs <= nowMs - SILENT_AFTER_MS;
  const state = isFinal ? "ended" : isQuiet ? "silent" : "running";
  const droppedInAll = DROP_REASONS.reduce((sum, reason) => sum + dropped[reason], 0);
  const explained = Math.min(unreceived, droppedInAll);
  const rest = unreceived - explained;
  const mayStillCome = state === "running" ? Math.min(rest, unreceived - overdue) : 0;
  const missing = {
    spans: unreceived,
    dropped: explained,
    unexplained: rest - mayStillCome,
    mayStillCome,
    isExact,
  };
  const { instanceId, service, host, pid, runtime, sdkVersion, experimentIds, mode, overheadMs } = same;
  const { truncations, retries, failures } = same;
  return {
    instanceId,
    service,
    host,
    pid,
    runtime,
    sdkVersion,
    ...(startMs > 0 && { startTime: timeOf(startMs) }),
    lastSeenTime: timeOf(lastSeenMs),
    state,
    spansEnded: ended,
    spansReceived: ended - unreceived,
    missing,
    dropped,
    truncations,
    retries,
    failures,
    mode,
    overheadMs,
    experimentIds: [...experimentIds],
    hasProblem: missing.dropped + missing.unexplained > 0 || droppedInAll > 0 || mode !== "full",
    summary: `${nameOf(process)}: ${sentence(ended, missing, dropped)}`,
  };
}

function timeOf(ms: number): string {
  return formatRfc3339Micros(BigInt(ms) * 1_000_000n);
}

/** `Process checkout (pid 42 on web-1)` */
function nameOf({ service, pid, host, instanceId }: KeptSdkProcess): string {
  const place = [pid > 0 ? `pid ${pid}` : "", host === "" ? "" : `on ${host}`].filter((part) => part !== "").join(" ");
  return `Process ${service === "" ? instanceId.slice(0, 8) : service}${place === "" ? "" : ` (${place})`}`;
}

function sentence(ended: number, missing: SdkProcess["missing"], dropped: SdkProcess["dropped"]): string {
  const lost = missing.dropped + missing.unexplained;
  const waiting = missing.mayStillCome > 0 ? `${count.format(missing.mayStillCome)} may still come` : "";
  if (ended === 0) return "no span has ended yet.";
  if (lost === 0) {
    const came = missing.spans === 0 ? "all" : `${count.format(ended - missing.spans)} of`;
    return `${came} ${spans(ended)} came${waiting && `, ${waiting}`}.`;
  }
  const atLeast = missing.isExact ? "" : "at least ";
  const why = reasons(missing, dropped);
  return `${atLeast}${count.format(lost)} of ${spans(ended)} never came: ${why}${waiting && `; ${waiting}`}.`;
}

/** `2 because the queue was full, 1 for no known reason` */
function reasons({ dropped: explained, unexplained }: SdkProcess["missing"], dropped: SdkProcess["dropped"]): string {
  const parts: string[] = [];
  let left = explained;
  for (const reason of DROP_REASONS) {
    // A dropped span may have come all the same, e.g. from the spool of a process that was killed: no more than are missing are told.
    const told = Math.min(left, dropped[reason]);
    if (told > 0) parts.push(`${count.format(told)} because ${REASON_WORDS[reason]}`);
    left -= told;
  }
  if (unexplained > 0) parts.push(`${count.format(unexplained)} for no known reason`);
  return parts.join(", ");
}

function spans(number: number): string {
  return `${count.format(number)} ${number === 1 ? "span" : "spans"}`;
}
