/**
 * The port to what people make and edit: experiments, runs, settings and jobs now; datasets, scorers, prompts and users later.
 *
 * Docstrings are promises; `contract/entity-store.ts` holds every engine to them.
 */
import type { Experiment } from "@sightline/wire/model/experiment";
import type { AttachmentRecords } from "./attachment-records.ts";
import type { JobRecords } from "./job-records.ts";
import type { ModelPrices } from "./model-prices.ts";
import type { Runs } from "./runs.ts";
import type { SdkProcesses } from "./sdk-processes.ts";

/** What may be changed of an experiment. */
export interface ExperimentChanges {
  readonly name?: string;
  /** Days; null = for ever; "default" = as set for all experiments. */
  readonly retentionDays?: number | null | "default";
}

export interface EntityStore extends AttachmentRecords, JobRecords, ModelPrices, Runs, SdkProcesses {
  /** All experiments that are not deleted, `Default` (id `0`) first, then by name; with the deleted ones when asked for. */
  listExperiments(options?: { readonly includeDeleted?: boolean }): Promise<Experiment[]>;

  /** Undefined if no experiment has this id. A deleted one is found, with its `deleteTime`. */
  getExperiment(experimentId: string): Promise<Experiment | undefined>;

  /** Undefined if no experiment has this name. A deleted one is found, with its `deleteTime`. */
  getExperimentByName(name: string): Promise<Experiment | undefined>;

  /**
   * The experiment of this name, made now if there is none. Callers at the same moment get the same one.
   *
   * @throws INVALID_PARAMETER for a name that cannot be one; EXPERIMENT_DELETED if it is deleted: what was deleted does not come back
   *   because a program still writes to it
   */
  ensureExperiment(name: string): Promise<Experiment>;

  /** @throws EXPERIMENT_EXISTS, also if the one that has the name is deleted; INVALID_PARAMETER for a name that cannot be one */
  createExperiment(name: string): Promise<Experiment>;

  /**
   * @throws EXPERIMENT_NOT_FOUND, EXPERIMENT_DELETED; EXPERIMENT_EXISTS if another one has the name; INVALID_PARAMETER for a name that
   *   cannot be one, or another name for `Default`
   */
  updateExperiment(experimentId: string, changes: ExperimentChanges): Promise<Experiment>;

  /** Marks it as deleted; no change if it is. @throws EXPERIMENT_NOT_FOUND; INVALID_PARAMETER for `Default` */
  deleteExperiment(experimentId: string): Promise<Experiment>;

  /** Takes the mark away; no change if there is none. @throws EXPERIMENT_NOT_FOUND */
  restoreExperiment(experimentId: string): Promise<Experiment>;

  /** Removes a deleted experiment for good, with its runs; nothing happens if it is not deleted (any more) or not there. */
  removeExperiment(experimentId: string): Promise<void>;

  /** The JSON object that was put under this name; undefined if none was. */
  getSetting(name: string): Promise<unknown>;

  /** Puts a JSON object under a name; the latest wins. */
  putSetting(name: string, value: object): Promise<void>;

  /** Bytes on disk. */
  bytesOnDisk(): Promise<number>;

  /** Resolves if the engine answers; rejects with STORE_UNAVAILABLE. */
  ping(): Promise<void>;

  close(): Promise<void>;
}
