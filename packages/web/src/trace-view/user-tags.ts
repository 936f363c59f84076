/**
 * Tags that people set, without those that clients write for themselves.
 */
import type { TraceInfo } from "@sightline/wire/model/trace";

/** MLflow's clients keep notes of their own under this prefix. */
const INTERNAL = /^mlflow\./;

/** Key and value of each tag that is not internal, in the order they were set. */
export function userTags(tags: TraceInfo["tags"]): [key: string, value: string][] {
  return Object.entries(tags).filter(([key]) => !INTERNAL.test(key));
}
