/**
 * Tags that people set, without those that clients write for themselves.
 */
import type { TraceInfo } from "@sightline/wire/model/trace";

/** MLflow's clients keep notes of their own under this prefix. */
const INTERNAL = /^mlflow\./;

/**
 * Key and value of each tag that is not internal. Dotted keys, which instrumentation writes (`service.name`), come after those of
 * people.
 */
export function userTags(tags: TraceInfo["tags"]): [key: string, value: string][] {
  const shown = Object.entries(tags).filter(([key]) => !INTERNAL.test(key));
  const isDotted = ([key]: [string, string]) => key.includes(".");
  return [...shown.filter((tag) => !isDotted(tag)), ...shown.filter(isDotted)];
}
