/**
 * Which traces a search or count means: experiments, filter and time range, read from a request.
 */
import type { TraceSelection } from "@sightline/store/telemetry-store";
import { SightlineError } from "@sightline/wire/errors";
import { parseFilter } from "@sightline/wire/filter/parser";
import { parseRfc3339 } from "@sightline/wire/time";
import type { Stores } from "./stores.ts";

export interface SelectionInput {
  /** Names or ids; undefined = all. */
  readonly experiments?: readonly string[] | undefined;
  readonly filter?: string | undefined;
  /** RFC 3339, inclusive. */
  readonly from?: string | undefined;
  /** RFC 3339, exclusive. */
  readonly to?: string | undefined;
}

/** @throws BAD_FILTER with the position, EXPERIMENT_NOT_FOUND, INVALID_PARAMETER for a time that is none */
export async function readSelection(stores: Stores, input: SelectionInput): Promise<TraceSelection> {
  const filter = readFilter(input.filter);
  const from = readTime("from", input.from);
  const to = readTime("to", input.to);
  const experimentIds = await (input.experiments === undefined
    ? visibleExperiments(stores)
    : findExperiments(stores, input.experiments));
  return {
    ...(experimentIds && { experimentIds }),
    ...(filter && { filter }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  };
}

/** @throws BAD_FILTER with the position */
export function readFilter(text: string | undefined): TraceSelection["filter"] {
  if (text === undefined) return undefined;
  const result = parseFilter(text);
  if (result.ok) return result.filter;
  const { message, ...details } = result.error;
  throw new SightlineError("BAD_FILTER", message, { details });
}

/** Nanoseconds since the epoch. @throws INVALID_PARAMETER */
export function readTime(name: string, text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const time = parseRfc3339(text);
  if (time === undefined) {
    throw new SightlineError(
      "INVALID_PARAMETER",
      `"${text.slice(0, 50)}" in "${name}" is not a time; write it as 2026-11-24T08:25:09Z (RFC 3339).`,
    );
  }
  return time;
}

/** All but the deleted ones, whose traces are hidden with them; undefined = all, which is cheaper to ask for. */
async function visibleExperiments(stores: Stores): Promise<string[] | undefined> {
  const experiments = await stores.entities.listExperiments({ includeDeleted: true });
  const visible = experiments.filter((experiment) => experiment.deleteTime === undefined);
  return visible.length === experiments.length ? undefined : visible.map((experiment) => experiment.experimentId);
}

/**
 * Ids in the order of the names, each once. An id wins over an experiment that is named like it.
 *
 * @throws EXPERIMENT_NOT_FOUND, also for deleted ones, unless they are asked for
 */
export async function findExperiments(
  stores: Pick<Stores, "entities">,
  namesOrIds: readonly string[],
  { includeDeleted = false }: { readonly includeDeleted?: boolean } = {},
): Promise<string[]> {
  const ids = await Promise.all(
    [...new Set(namesOrIds)].map(async (text) => {
      const byId = /^\d{1,19}$/.test(text) ? await stores.entities.getExperiment(text) : undefined;
      const experiment = byId ?? (await stores.entities.getExperimentByName(text));
      if (experiment && (includeDeleted || experiment.deleteTime === undefined)) return experiment.experimentId;
      const state = experiment ? "is deleted; restore it to see what is in it" : "does not exist";
      throw new SightlineError(
        "EXPERIMENT_NOT_FOUND",
        `Experiment "${text.slice(0, 100)}" ${state}. GET /api/v1/experiments lists them.`,
      );
    }),
  );
  return [...new Set(ids)];
}
