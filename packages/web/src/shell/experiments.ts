/**
 * Which experiment an address means, and how an experiment is written in one.
 */
import type { useExperiments } from "../data/queries.ts";

/** An experiment with its trace count, as the API lists it. */
export type ListedExperiment = NonNullable<ReturnType<typeof useExperiments>["data"]>[number];

/** The experiment with this id, else with this name. */
export function findExperiment(
  experiments: readonly ListedExperiment[],
  idOrName: string,
): ListedExperiment | undefined {
  return (
    experiments.find((experiment) => experiment.experimentId === idOrName) ??
    experiments.find((experiment) => experiment.name === idOrName)
  );
}

/** Its name, which can be read; its id when the name could be taken for the id of another one. */
export function experimentInUrl(experiment: { readonly experimentId: string; readonly name: string }): string {
  return /^\d+$/.test(experiment.name) || experiment.name === "" ? experiment.experimentId : experiment.name;
}

/** Experiments worth showing: the built-in one counts only when it is used or alone. Those with the newest traces first. */
export function shownExperiments(experiments: readonly ListedExperiment[]): ListedExperiment[] {
  const used = experiments.filter((experiment) => experiment.experimentId !== "0" || experiment.traces > 0);
  const shown = used.length > 0 ? used : [...experiments];
  return shown.sort((a, b) => (b.lastTraceTime ?? b.createTime).localeCompare(a.lastTraceTime ?? a.createTime));
}
