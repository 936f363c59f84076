/**
 * Runs: made, read, changed, deleted, logged to.
 */
import { randomUUID } from "node:crypto";
import type { KeyValue, RunBatch } from "@sightline/store/runs";
import type { EndpointInput } from "@sightline/wire/api/endpoint";
import type {
  createRun as createEndpoint,
  logBatch as logEndpoint,
  updateRun as updateEndpoint,
} from "@sightline/wire/api/runs";
import { SightlineError } from "@sightline/wire/errors";
import { preview } from "@sightline/wire/json";
import { DEFAULT_EXPERIMENT } from "@sightline/wire/model/experiment";
import { isFinalStatus, RUN_LIMITS, RUN_NAME_TAG, type Run } from "@sightline/wire/model/run";
import { checkExperimentName } from "./experiment-name.ts";
import { inventRunName } from "./run-name.ts";
import { checkBatch, checkRunName, checkTags, checkText } from "./run-rules.ts";
import type { Stores } from "./stores.ts";
import { readTime } from "./trace-selection.ts";

type RunStores = Pick<Stores, "entities">;

/** @throws EXPERIMENT_NOT_FOUND, EXPERIMENT_DELETED, INVALID_PARAMETER */
export async function createRun(
  { entities }: RunStores,
  body: EndpointInput<typeof createEndpoint>["body"],
): Promise<Run> {
  const tags = entriesOf(body.tags);
  checkTags(tags);
  const name = nameOf(body.name, body.tags?.[RUN_NAME_TAG]);
  checkRunName(name);
  if (body.userId !== undefined) checkText("user id", body.userId, RUN_LIMITS.keyChars);
  const startMs = readMs("startTime", body.startTime) ?? Date.now();
  return await entities.createRun({
    runId: randomUUID().replaceAll("-", ""),
    experimentId: await experimentOf({ entities }, body.experiment),
    name,
    status: body.status ?? "RUNNING",
    ...(body.userId !== undefined && { userId: body.userId }),
    startMs,
    tags,
  });
}

/** @throws RUN_NOT_FOUND */
export async function getRun({ entities }: RunStores, runId: string): Promise<Run> {
  const run = await entities.getRun(runId);
  if (run !== undefined) return run;
  throw new SightlineError(
    "RUN_NOT_FOUND",
    `No run has the id "${preview(runId, 50)}". POST /api/v1/runs/search lists them.`,
  );
}

/** @throws RUN_NOT_FOUND, RUN_DELETED, INVALID_PARAMETER */
export async function updateRun(
  stores: RunStores,
  runId: string,
  { name, status, endTime }: EndpointInput<typeof updateEndpoint>["body"],
): Promise<Run> {
  if (name !== undefined) checkRunName(name);
  let endMs: number | null | undefined = readMs("endTime", endTime);
  if (endMs === undefined && status !== undefined) {
    const { endTime: known } = await getRun(stores, runId);
    if (!isFinalStatus(status)) endMs = null;
    else if (known === undefined) endMs = Date.now();
  }
  return await stores.entities.updateRun(runId, {
    ...(name !== undefined && { name }),
    ...(status !== undefined && { status }),
    ...(endMs !== undefined && { endMs }),
  });
}

/** @throws RUN_NOT_FOUND */
export async function deleteRun({ entities }: RunStores, runId: string, isPurge: boolean): Promise<void> {
  await entities.deleteRun(runId);
  if (isPurge) await entities.removeRun(runId);
}

/** @throws RUN_NOT_FOUND, RUN_DELETED, PARAM_CHANGED; INVALID_PARAMETER for what breaks MLflow's rules */
export async function logBatch(
  { entities }: RunStores,
  runId: string,
  { metrics = [], params, tags }: EndpointInput<typeof logEndpoint>["body"],
): Promise<void> {
  const now = Date.now();
  const batch: RunBatch = {
    metrics: metrics.map(({ key, value, step = 0, timestampMs = now }) => ({
      key,
      value: Number(value),
      step,
      timestampMs,
    })),
    params: entriesOf(params),
    tags: entriesOf(tags),
  };
  checkBatch(batch);
  checkNameTag(tags);
  await entities.logBatch(runId, batch);
}

/** @throws RUN_NOT_FOUND, RUN_DELETED, INVALID_PARAMETER */
export async function setRunTag({ entities }: RunStores, runId: string, key: string, value: string): Promise<void> {
  const tags = [{ key, value: wellFormed(value) }];
  checkTags(tags);
  checkNameTag({ [key]: value });
  await entities.logBatch(runId, { tags });
}

/** No error if it is not there. @throws RUN_NOT_FOUND, RUN_DELETED */
export async function deleteRunTag({ entities }: RunStores, runId: string, key: string): Promise<void> {
  await entities.deleteRunTag(runId, key);
}

/** The name is in a tag, too: it may be given in either, or in both if they agree. */
function nameOf(name: string | undefined, tag: string | undefined): string {
  // MLflow's clients send an empty name for none.
  const given = name === "" ? undefined : name;
  if (given !== undefined && tag !== undefined && given !== tag) {
    throw new SightlineError(
      "INVALID_PARAMETER",
      `The run is called "${preview(given, 50)}" by its name and "${preview(tag, 50)}" by the tag ${RUN_NAME_TAG}; give one of them.`,
    );
  }
  return wellFormed(given ?? tag ?? inventRunName());
}

function checkNameTag(tags: Readonly<Record<string, string>> = {}): void {
  const name = tags[RUN_NAME_TAG];
  if (name !== undefined) checkRunName(name);
}

/** Its id: of an experiment that is there, or made now by its name. */
async function experimentOf(stores: RunStores, nameOrId = DEFAULT_EXPERIMENT.experimentId as string): Promise<string> {
  const { entities } = stores;
  if (!/^\d{1,18}$/.test(nameOrId)) {
    return (await entities.ensureExperiment(checkExperimentName(nameOrId))).experimentId;
  }
  // Digits that are no id were rather meant as one than as the name of a new experiment.
  const found = (await entities.getExperiment(nameOrId)) ?? (await entities.getExperimentByName(nameOrId));
  return found?.experimentId ?? nameOrId;
}

function readMs(field: string, text: string | undefined): number | undefined {
  const nanos = readTime(field, text);
  return nanos === undefined ? undefined : Number(nanos / 1_000_000n);
}

function entriesOf(record: Readonly<Record<string, string>> = {}): KeyValue[] {
  return Object.entries(record).map(([key, value]) => ({ key, value: wellFormed(value) }));
}

/** Half a surrogate pair becomes U+FFFD here: on the way to PostgreSQL it would anyway, and a param would differ from itself. */
function wellFormed(text: string): string {
  return text.replace(/\p{Cs}/gu, "\ufffd");
}
