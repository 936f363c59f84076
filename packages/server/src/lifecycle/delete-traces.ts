/**
 * Deleting traces by ids, filter, experiments and time, as a job.
 */
import type { EndpointInput, EndpointOutput } from "@sightline/wire/api/endpoint";
import type { deleteTraces as endpoint } from "@sightline/wire/api/storage";
import { SightlineError } from "@sightline/wire/errors";
import { isOtelTraceId, toOtelTraceId, toTraceId } from "@sightline/wire/ids";
import * as z from "zod/mini";
import type { JobKind } from "../jobs/job-kind.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Call, Stores } from "../query/stores.ts";
import { readFilter, readSelection, readTime } from "../query/trace-selection.ts";
import { removeInSteps } from "./remove-in-steps.ts";

export const DELETE_TRACES = "delete-traces";

/** ClickHouse counts no further in one go: more traces than anyone has. */
const COUNT_LIMIT = 4_000_000_000;

type Input = EndpointInput<typeof endpoint>["body"];

/**
 * Starts the job, or counts what it would delete.
 *
 * @throws BAD_FILTER, EXPERIMENT_NOT_FOUND; INVALID_PARAMETER for a wrong time or id, and if nothing says which traces are meant
 */
export async function deleteTraces(
  parts: { readonly stores: Stores; readonly jobs: Pick<Jobs, "start"> },
  input: Input,
  call?: Call,
): Promise<EndpointOutput<typeof endpoint>> {
  const { stores, jobs } = parts;
  if (input.traceIds !== undefined) {
    const traceIds = readTraceIds(input);
    if (!input.dryRun) return { job: await jobs.start(DELETE_TRACES, { traceIds }) };
    return { traces: (await stores.telemetry.getTraceInfos(traceIds, call)).length };
  }
  const { experiments, filter, from, to } = input;
  // An empty request would be everything there is: too easy to send by mistake.
  if (experiments === undefined && filter === undefined && from === undefined && to === undefined) {
    throw new SightlineError(
      "INVALID_PARAMETER",
      "The request does not say which traces to delete; give traceIds, experiments, filter, from or to.",
    );
  }
  const selection = await readSelection(stores, { experiments, filter, from, to });
  if (selection.experimentIds?.length === 0) throw new SightlineError("INVALID_PARAMETER", `"experiments" names none.`);
  if (input.dryRun)
    return { traces: (await stores.telemetry.countTraces({ ...selection, limit: COUNT_LIMIT }, call)).total };
  const job = await jobs.start(DELETE_TRACES, {
    // By id: a name may be another experiment's when the job runs.
    ...(selection.experimentIds && { experimentIds: selection.experimentIds }),
    ...(filter !== undefined && { filter }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  });
  return { job };
}

/** @throws INVALID_PARAMETER */
function readTraceIds({ traceIds = [], experiments, filter, from, to }: Input): string[] {
  if (experiments !== undefined || filter !== undefined || from !== undefined || to !== undefined) {
    throw new SightlineError(
      "INVALID_PARAMETER",
      `"traceIds" says which traces to delete; leave the other fields out.`,
    );
  }
  return traceIds.map((text) => {
    const id = toOtelTraceId(text).toLowerCase();
    if (isOtelTraceId(id)) return toTraceId(id);
    throw new SightlineError("INVALID_PARAMETER", `"${text.slice(0, 50)}" in "traceIds" is not the id of a trace.`);
  });
}

const Params = z.strictObject({
  traceIds: z.optional(z.array(z.string())),
  experimentIds: z.optional(z.array(z.string())),
  filter: z.optional(z.string()),
  from: z.optional(z.string()),
  to: z.optional(z.string()),
});

/** @see removeInSteps for its counts and for which traces it deletes */
export function deleteTracesJob(stores: Stores): JobKind<z.infer<typeof Params>> {
  return {
    kind: DELETE_TRACES,
    params: Params,
    async run({ traceIds, experimentIds, filter, from, to }, context) {
      const parsed = readFilter(filter);
      const [start, end] = [readTime("from", from), readTime("to", to)];
      return await removeInSteps(stores, {
        removalId: context.jobId,
        selection: {
          ...(traceIds && { traceIds }),
          ...(experimentIds && { experimentIds }),
          ...(parsed && { filter: parsed }),
          ...(start !== undefined && { from: start }),
          ...(end !== undefined && { to: end }),
        },
        context,
      });
    },
  };
}
