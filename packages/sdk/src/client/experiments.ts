/**
 * Experiments, and the deletion of many traces at once.
 */
import { SightlineError } from "@sightline/wire/errors";
import type { Experiment } from "@sightline/wire/model/experiment";
import type { Job } from "@sightline/wire/model/job";
import { type Connection, toTimeText, withoutUndefined } from "./connection.ts";

/** An experiment with what happened in it. */
export interface ListedExperiment extends Experiment {
  /** How many it has. */
  readonly traces: number;
  /** RFC 3339; absent when it has none. */
  readonly lastTraceTime?: string | undefined;
}

/** Which traces to delete: by their ids, or all that match the rest together. */
export interface TraceDeletion {
  readonly traceIds?: readonly string[] | undefined;
  /** Names or ids. */
  readonly experiments?: readonly string[] | undefined;
  readonly filter?: string | undefined;
  /** Started at or after; RFC 3339. */
  readonly from?: Date | string | undefined;
  /** Started before; RFC 3339. */
  readonly to?: Date | string | undefined;
  /** Only counts them. */
  readonly dryRun?: boolean | undefined;
}

/** Longest that one request waits for a job; then it is asked again. */
const WAIT_SECONDS = "30";

/** @see SightlineClient.listExperiments */
export async function listExperiments(
  connection: Connection,
  { includeDeleted = false }: { readonly includeDeleted?: boolean | undefined },
): Promise<ListedExperiment[]> {
  const client = await connection.apiWithTraces();
  const { experiments } = await client.listExperiments({
    query: { includeDeleted: includeDeleted ? "true" : "false" },
  });
  return experiments;
}

/** @see SightlineClient.getExperiment */
export async function getExperiment(connection: Connection, experimentId: string): Promise<ListedExperiment> {
  const all = await listExperiments(connection, { includeDeleted: true });
  const found = all.find((experiment) => experiment.experimentId === experimentId);
  if (found !== undefined) return found;
  throw new SightlineError("EXPERIMENT_NOT_FOUND", `No experiment has the id "${experimentId.slice(0, 50)}".`);
}

/** @see SightlineClient.getExperimentByName */
export async function getExperimentByName(connection: Connection, name: string): Promise<ListedExperiment | undefined> {
  const all = await listExperiments(connection, { includeDeleted: true });
  return all.find((experiment) => experiment.name === name);
}

/** @see SightlineClient.deleteExperiment */
export async function deleteExperiment(
  connection: Connection,
  experimentId: string,
  { purge = false }: { readonly purge?: boolean | undefined },
): Promise<void> {
  const client = await connection.apiWithTraces();
  const { job } = await client.deleteExperiment({
    params: { experimentId },
    query: { purge: purge ? "true" : "false" },
  });
  if (job !== undefined) await ended(connection, job);
}

/** @see SightlineClient.deleteTraces */
export async function deleteTraces(connection: Connection, deletion: TraceDeletion): Promise<number> {
  const { traceIds, experiments, filter, from, to, dryRun } = deletion;
  const client = await connection.apiWithTraces();
  const { traces, job } = await client.deleteTraces({
    body: withoutUndefined({
      traceIds: traceIds && [...traceIds],
      experiments: experiments && [...experiments],
      filter,
      from: from && toTimeText(from),
      to: to && toTimeText(to),
      dryRun,
    }),
  });
  if (job === undefined) return traces ?? 0;
  return (await ended(connection, job)).counts.traces ?? 0;
}

/** Waits for a job. @throws its error, or JOB_ENDED if it was cancelled */
async function ended(connection: Connection, { jobId }: Job): Promise<Job> {
  const client = await connection.api();
  for (;;) {
    const { job } = await client.getJob({ params: { jobId }, query: { waitSeconds: WAIT_SECONDS } });
    if (job.state === "succeeded") return job;
    if (job.state === "cancelled") throw new SightlineError("JOB_ENDED", `The job ${jobId} was cancelled.`);
    if (job.state === "failed") {
      throw new SightlineError(
        "INTERNAL_ERROR",
        `The job ${jobId} failed: ${job.error?.message ?? "it does not say why"}`,
      );
    }
  }
}
