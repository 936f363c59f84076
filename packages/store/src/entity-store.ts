/**
 * The port to what people make and edit: experiments now; runs, datasets, scorers, prompts and users later.
 *
 * Docstrings are promises; `contract/entity-store.ts` holds every engine to them.
 */
import type { Experiment } from "@sightline/wire/model/experiment";
import type { JobRecords } from "./job-records.ts";

export interface EntityStore extends JobRecords {
  /** All experiments that are not deleted, `Default` (id `0`) first, then by name. */
  listExperiments(): Promise<Experiment[]>;

  /** Undefined if no experiment has this id. */
  getExperiment(experimentId: string): Promise<Experiment | undefined>;

  /** Undefined if no experiment has this name. */
  getExperimentByName(name: string): Promise<Experiment | undefined>;

  /** The experiment of this name, made now if there is none. Callers at the same moment get the same one. */
  ensureExperiment(name: string): Promise<Experiment>;

  /** Bytes on disk. */
  bytesOnDisk(): Promise<number>;

  /** Resolves if the engine answers; rejects with STORE_UNAVAILABLE. */
  ping(): Promise<void>;

  close(): Promise<void>;
}
