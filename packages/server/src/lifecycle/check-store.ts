/**
 * Does everything that is stored belong to something?
 */
import type { Inconsistency } from "@sightline/store/trace-removal";
import * as z from "zod/mini";
import type { JobKind } from "../jobs/job-kind.ts";
import type { Call, Stores } from "../query/stores.ts";

export const CHECK_STORE = "check-store";

/** What does not fit together; empty in a healthy store. Reads every key: a job or a test may ask, a request should not. */
export async function checkStore(stores: Stores, call?: Call): Promise<Inconsistency[]> {
  const found = await stores.telemetry.findInconsistencies(call);
  // Sizes first: an experiment that is made in between is known then.
  const sizes = await stores.telemetry.experimentSizes();
  const known = new Set(
    (await stores.entities.listExperiments({ includeDeleted: true })).map(({ experimentId }) => experimentId),
  );
  const unknown = [...sizes].filter(([experimentId]) => !known.has(experimentId));
  if (unknown.length === 0) return found;
  const count = unknown.reduce((sum, [, { traces }]) => sum + traces, 0);
  return [...found, { name: "traces-of-unknown-experiments", count, examples: unknown.map(([id]) => id).slice(0, 10) }];
}

const Params = z.strictObject({});

/** Counts: `problems`, and each problem by its name. */
export function checkStoreJob(stores: Stores, onEvent: (sentence: string) => void): JobKind<z.infer<typeof Params>> {
  return {
    kind: CHECK_STORE,
    params: Params,
    async run(_params, { signal }) {
      const found = await checkStore(stores, { signal });
      for (const { name, count, examples } of found) {
        onEvent(`The check of the store found ${count} ${name.replaceAll("-", " ")}, e.g. ${examples.join(", ")}.`);
      }
      return { problems: found.length, ...Object.fromEntries(found.map(({ name, count }) => [name, count])) };
    },
  };
}
