/**
 * The part of the entity port about processes of the SDK: what they said of their spans, and what of them came.
 */
import type { DropReason, SDK_MODES } from "@sightline/wire/model/sdk-process";
import type { Sequences } from "@sightline/wire/sequence-ranges";

/** What is known of a process from its reports: one, or several added up. */
export interface SdkProcessFacts {
  /** UUID. */
  readonly instanceId: string;
  readonly service: string;
  readonly host: string;
  readonly pid: number;
  readonly runtime: string;
  readonly sdkVersion: string;
  /** Milliseconds since the epoch; 0 = not known. */
  readonly startMs: number;
  /** When the latest report came, in milliseconds since the epoch. */
  readonly lastSeenMs: number;
  readonly isFinal: boolean;
  /** Highest sequence number given to an ended span. */
  readonly ended: number;
  /** Sequence numbers of the spans that came. */
  readonly received: Sequences;
  /** Whether `received` has exactly what came; else small gaps were filled because there were too many. */
  readonly isExact: boolean;
  /** Totals since the process began. */
  readonly dropped: Readonly<Record<DropReason, number>>;
  readonly truncations: number;
  readonly retries: number;
  readonly failures: number;
  readonly mode: (typeof SDK_MODES)[number];
  readonly overheadMs: number;
  /** At most {@link MAX_EXPERIMENTS} of them. */
  readonly experimentIds: readonly string[];
}

/** A process as it is kept. */
export interface KeptSdkProcess extends SdkProcessFacts {
  /** Ended spans that did not come. */
  readonly unreceived: number;
  /** Those of them that ended at least {@link OVERDUE_MS} before the latest report. */
  readonly overdue: number;
}

export interface SdkProcessSelection {
  readonly service?: string;
  readonly experimentId?: string;
  /** Only those that something came of at this time or later, in milliseconds since the epoch. */
  readonly sinceMs?: number;
  /** A process that nothing came of since then is taken for silent: nothing is to be expected of it. */
  readonly silentBeforeMs: number;
}

/** Where a page ended. */
export interface SdkProcessCursor {
  readonly hasProblem: boolean;
  readonly lastSeenMs: number;
  readonly instanceId: string;
}

export interface SdkProcessSums {
  /** Processes that have a problem. */
  readonly problems: number;
  /** Spans of them that never came, also those that the process says it dropped. */
  readonly lost: number;
  /** Those of them that no drop explains. */
  readonly unexplained: number;
  /** As the processes count them. */
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** Processes that run. */
  readonly running: number;
}

export interface SdkProcesses {
  /**
   * Adds reports to what is known. Reports that were added before change nothing, and their order does not matter; all of them are kept
   * or none.
   */
  mergeSdkProcesses(facts: readonly SdkProcessFacts[]): Promise<void>;

  /** Those with a problem first, then the latest. Between two pages a process of which something comes may change its place. */
  listSdkProcesses(
    query: SdkProcessSelection & {
      readonly onlyProblems: boolean;
      readonly limit: number;
      readonly after?: SdkProcessCursor;
    },
  ): Promise<{ readonly processes: readonly KeptSdkProcess[]; readonly next?: SdkProcessCursor }>;

  /** Over all that fit. */
  sumSdkProcesses(selection: SdkProcessSelection): Promise<SdkProcessSums>;

  /** Forgets processes that nothing came of since `before`. @returns how many */
  trimSdkProcesses(before: Date): Promise<number>;
}

/** A span that has not come this long after it ended will not come, also of a process that runs. */
export const OVERDUE_MS = 5 * 60_000;

/**
 * A process that has something to send tries to at least once a minute. One that was not heard of for so long has nothing to send, or
 * is gone.
 */
export const SILENT_AFTER_MS = 5 * 60_000;

/** Of one process; more are not remembered. */
export const MAX_EXPERIMENTS = 20;
