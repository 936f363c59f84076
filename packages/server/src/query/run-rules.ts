/**
 * What may be logged to a run: MLflow's rules for names, sizes and batches.
 *
 * @see mlflow/utils/validation.py
 */
import type { KeyValue, Metric, RunBatch } from "@sightline/store/runs";
import { SightlineError } from "@sightline/wire/errors";
import { preview } from "@sightline/wire/json";
import { RUN_LIMITS } from "@sightline/wire/model/run";

/** Python's `\w`, and what MLflow lets stand beside it. */
const NAME = /^[/\p{L}\p{N}_.\-: ]+$/u;

/**
 * Holds a batch to the rules.
 *
 * @throws INVALID_PARAMETER
 */
export function checkBatch({ metrics = [], params = [], tags = [] }: RunBatch): void {
  checkCount("metrics", metrics.length, RUN_LIMITS.metricsInBatch);
  checkCount("params", params.length, RUN_LIMITS.paramsInBatch);
  checkCount("tags", tags.length, RUN_LIMITS.tagsInBatch);
  checkCount("entries", metrics.length + params.length + tags.length, RUN_LIMITS.entriesInBatch);
  for (const metric of metrics) checkMetric(metric);
  for (const { key, value } of params) {
    checkKey("param", key);
    checkText(`value of the param "${preview(key, 50)}"`, value, RUN_LIMITS.paramChars);
  }
  if (new Set(params.map(({ key }) => key)).size < params.length) {
    throw new SightlineError("INVALID_PARAMETER", "A param is given twice in one batch; give each once.");
  }
  checkTags(tags);
}

/** @throws INVALID_PARAMETER */
export function checkTags(tags: readonly KeyValue[]): void {
  for (const { key, value } of tags) {
    checkKey("tag", key);
    checkText(`value of the tag "${preview(key, 50)}"`, value, RUN_LIMITS.tagChars);
  }
}

/** @throws INVALID_PARAMETER */
export function checkRunName(name: string): void {
  if (name === "") throw new SightlineError("INVALID_PARAMETER", "The name of a run cannot be empty.");
  checkText("name of the run", name, RUN_LIMITS.nameChars);
}

/**
 * Holds a text to its limit in characters (code points), and to what PostgreSQL can keep.
 *
 * @param what  for the message
 * @throws INVALID_PARAMETER
 */
export function checkText(what: string, text: string, limit: number): void {
  if (text.includes("\u0000")) {
    throw new SightlineError("INVALID_PARAMETER", `The ${what} holds a NUL character; leave it out.`);
  }
  // Most texts are short: code points are counted only where it may matter.
  if (text.length <= limit || [...text].length <= limit) return;
  throw new SightlineError(
    "INVALID_PARAMETER",
    `The ${what} has ${[...text].length} characters; the limit is ${limit}.`,
  );
}

function checkMetric({ key, step, timestampMs }: Metric): void {
  checkKey("metric", key);
  if (Number.isSafeInteger(step) && Number.isSafeInteger(timestampMs) && timestampMs >= 0) return;
  throw new SightlineError(
    "INVALID_PARAMETER",
    `The metric "${preview(key, 50)}" has step ${step} and time ${timestampMs}; both are whole numbers, the time is from 0 on.`,
  );
}

/** Names may become names of files: they must not lead anywhere else. */
function checkKey(what: "metric" | "param" | "tag", key: string): void {
  checkText(`key of the ${what}`, key, RUN_LIMITS.keyChars);
  const parts = key.split("/");
  if (NAME.test(key) && parts.every((part) => part !== "" && part !== "." && part !== "..")) return;
  throw new SightlineError(
    "INVALID_PARAMETER",
    `"${preview(key, 50)}" cannot be the key of a ${what}; use letters, digits, "_", "-", ".", ":", blanks, and "/" between two of them.`,
  );
}

function checkCount(what: string, count: number, limit: number): void {
  if (count <= limit) return;
  throw new SightlineError(
    "INVALID_PARAMETER",
    `The batch holds ${count} ${what}; the limit is ${limit}. Send them in several batches.`,
  );
}
