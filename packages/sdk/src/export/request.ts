/**
 * Prepared spans → export requests: one for each experiment, since a header of the request names it.
 */
import type { PreparedSpan } from "./prepared-span.ts";

/** Spans of one experiment each, experiments in order of their first span; one empty group if there are no spans. */
export function groupByExperiment(spans: readonly PreparedSpan[]): PreparedSpan[][] {
  const groups = new Map<string | undefined, PreparedSpan[]>();
  for (const span of spans) {
    const group = groups.get(span.experiment);
    if (group === undefined) groups.set(span.experiment, [span]);
    else group.push(span);
  }
  return groups.size === 0 ? [[]] : [...groups.values()];
}

/** How many of them count: those that ended. */
export function countEnded(spans: readonly PreparedSpan[]): number {
  return spans.reduce((count, { isRunning }) => (isRunning ? count : count + 1), 0);
}

/** Headers of an export request with a gzipped protobuf body. */
export function exportHeaders(experiment: string | undefined): Record<string, string> {
  return {
    "content-type": "application/x-protobuf",
    "content-encoding": "gzip",
    ...(experiment !== undefined && { "x-sightline-experiment": encodeHeader(experiment) }),
  };
}

/** Header values are ASCII; names of experiments are any text. The server undoes percent-encoding. */
function encodeHeader(text: string): string {
  return /^[\x20-\x24\x26-\x7e]*$/.test(text) ? text : encodeURIComponent(text);
}
