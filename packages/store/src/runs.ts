/**
 * The part of the entity port about runs: their params, metrics and tags.
 *
 * Limits of names and values are the server's to check (`query/run-rules.ts`); here they only have to fit into a column.
 */
import type { RunCondition, RunOrder } from "@sightline/wire/filter/run-filter";
import { typeOfRunField } from "@sightline/wire/filter/run-grammar";
import type { Run, RunStatus } from "@sightline/wire/model/run";

export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

export interface NewRun {
  /** 32 hex digits, not given before. */
  readonly runId: string;
  readonly experimentId: string;
  readonly name: string;
  readonly status: RunStatus;
  readonly userId?: string;
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  /** The tag with its name is added. */
  readonly tags: readonly KeyValue[];
}

/** What may be changed of a run; what is absent stays. */
export interface RunChanges {
  readonly name?: string;
  readonly status?: RunStatus;
  /** Milliseconds since the epoch; null = it has not ended. */
  readonly endMs?: number | null;
}

/** A measurement. NaN and infinities are values like others. */
export interface Metric {
  readonly key: string;
  readonly value: number;
  /** A safe integer. */
  readonly step: number;
  /** Milliseconds since the epoch. */
  readonly timestampMs: number;
}

export interface RunBatch {
  readonly metrics?: readonly Metric[];
  /** Each key once. */
  readonly params?: readonly KeyValue[];
  /** Of a key that is given twice the last counts. */
  readonly tags?: readonly KeyValue[];
}

/** Which runs a search means. A run of a deleted experiment counts as deleted. */
export type RunView = "active" | "deleted" | "all";

/** Where a page ended: what the run there has under each key of the order, then its start and its id. */
export type RunCursor = readonly (string | number)[];

/** Whether a value is a place in this order: tokens come from outside. */
export function isRunCursor(order: readonly RunOrder[], value: unknown): value is RunCursor {
  if (!Array.isArray(value)) return false;
  const isInteger = (part: unknown) => Number.isSafeInteger(part);
  const isText = (part: unknown) => typeof part === "string";
  const isDouble = (part: unknown) => typeof part === "number" || part === "Infinity" || part === "-Infinity";
  const kinds = order.flatMap(({ field }) => {
    const { type } = typeOfRunField(field);
    return [isInteger, type === "text" ? isText : type === "time" ? isInteger : isDouble];
  });
  kinds.push(isInteger, isText);
  return value.length === kinds.length && kinds.every((fits, index) => fits(value[index]));
}

export interface RunSearch {
  /** Absent = all. */
  readonly experimentIds?: readonly string[];
  readonly conditions: readonly RunCondition[];
  readonly order: readonly RunOrder[];
  readonly view: RunView;
  readonly limit: number;
  readonly after?: RunCursor;
}

export interface RunPage {
  readonly runs: readonly Run[];
  /** Where the next page begins; absent at the end. */
  readonly next?: RunCursor;
}

/** Where a page of points ended. */
export type MetricCursor = Pick<Metric, "timestampMs" | "step" | "value">;

export interface MetricPage {
  readonly points: readonly MetricCursor[];
  readonly next?: MetricCursor;
}

export interface Runs {
  /** @throws EXPERIMENT_NOT_FOUND, EXPERIMENT_DELETED */
  createRun(run: NewRun): Promise<Run>;

  /** Undefined if no run has this id. A deleted one, or one of a deleted experiment, is found with its `deleteTime`. */
  getRun(runId: string): Promise<Run | undefined>;

  /** A new name is written to the tag `mlflow.runName`, too. @throws RUN_NOT_FOUND, RUN_DELETED */
  updateRun(runId: string, changes: RunChanges): Promise<Run>;

  /** Marks it as deleted; no change if it is. @throws RUN_NOT_FOUND */
  deleteRun(runId: string): Promise<Run>;

  /** Takes the mark away; no change if there is none. @throws RUN_NOT_FOUND; EXPERIMENT_DELETED if its experiment is deleted */
  restoreRun(runId: string): Promise<Run>;

  /** Removes a run that is marked as deleted for good, with everything of it. @returns whether there was one */
  removeRun(runId: string): Promise<boolean>;

  /** Removes those that were marked before a time. Runs of experiments go with {@link EntityStore.removeExperiment}. @returns how many */
  removeRunsDeletedBefore(time: Date): Promise<number>;

  /**
   * Adds to a run, in one transaction. The same batch again changes nothing. A tag `mlflow.runName` renames the run.
   *
   * @throws RUN_NOT_FOUND, RUN_DELETED; PARAM_CHANGED if the run has a param with another value
   */
  logBatch(runId: string, batch: RunBatch): Promise<void>;

  /** @returns whether there was one. @throws RUN_NOT_FOUND, RUN_DELETED */
  deleteRunTag(runId: string, key: string): Promise<boolean>;

  /** Points by time, step and value. None for an unknown run or metric. */
  getMetricHistory(
    runId: string,
    key: string,
    page: { readonly limit: number; readonly after?: MetricCursor },
  ): Promise<MetricPage>;

  /** Runs in the order asked for, then newest first, then by id. */
  searchRuns(search: RunSearch): Promise<RunPage>;
}
