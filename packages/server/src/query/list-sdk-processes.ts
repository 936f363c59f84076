/**
 * Processes of the SDK, one page at a time.
 */
import {
  type SdkProcessCursor,
  type SdkProcessSelection,
  type SdkProcessSums,
  SILENT_AFTER_MS,
} from "@sightline/store/sdk-processes";
import type { EndpointInput, EndpointOutput } from "@sightline/wire/api/endpoint";
import type { listSdkProcesses as endpoint } from "@sightline/wire/api/sdk-processes";
import { SightlineError } from "@sightline/wire/errors";
import { parseJson } from "@sightline/wire/json";
import { describeSdkProcess } from "./describe-sdk-process.ts";
import type { Stores } from "./stores.ts";
import { findExperiments, readTime } from "./trace-selection.ts";

const DEFAULT_PAGE = 100;

/**
 * @param nowMs  milliseconds since the epoch
 * @throws BAD_PAGE_TOKEN, EXPERIMENT_NOT_FOUND, INVALID_PARAMETER for a time that is none
 */
export async function listSdkProcesses(
  { entities }: Pick<Stores, "entities">,
  query: EndpointInput<typeof endpoint>["query"],
  nowMs: number,
): Promise<EndpointOutput<typeof endpoint>> {
  const since = readTime("since", query.since);
  const [experimentId] = query.experiment === undefined ? [] : await findExperiments({ entities }, [query.experiment]);
  const selection: SdkProcessSelection = {
    silentBeforeMs: nowMs - SILENT_AFTER_MS,
    ...(query.service !== undefined && { service: query.service }),
    ...(experimentId !== undefined && { experimentId }),
    ...(since !== undefined && { sinceMs: Number(since / 1_000_000n) }),
  };
  const after = query.pageToken === undefined ? undefined : decodeToken(query.pageToken);
  const [page, sums] = await Promise.all([
    entities.listSdkProcesses({
      ...selection,
      onlyProblems: query.problems === "true",
      limit: Number(query.maxResults ?? DEFAULT_PAGE),
      ...(after && { after }),
    }),
    entities.sumSdkProcesses(selection),
  ]);
  return {
    processes: page.processes.map((process) => describeSdkProcess(process, nowMs)),
    totals: { problems: sums.problems, spansLost: sums.lost, running: sums.running },
    ...(page.next && { nextPageToken: encodeToken(page.next) }),
  };
}

/** Totals over all processes. @param nowMs  milliseconds since the epoch */
export function sumSdkProcesses({ entities }: Pick<Stores, "entities">, nowMs: number): Promise<SdkProcessSums> {
  return entities.sumSdkProcesses({ silentBeforeMs: nowMs - SILENT_AFTER_MS });
}

function encodeToken({ hasProblem, lastSeenMs, instanceId }: SdkProcessCursor): string {
  return Buffer.from(JSON.stringify([hasProblem, lastSeenMs, instanceId])).toString("base64url");
}

/** @throws BAD_PAGE_TOKEN if it is not ours */
function decodeToken(token: string): SdkProcessCursor {
  const parts = parseJson(Buffer.from(token, "base64url").toString("utf8"));
  const [hasProblem, lastSeenMs, instanceId]: unknown[] = Array.isArray(parts) ? parts : [];
  const isTime = typeof lastSeenMs === "number" && Number.isInteger(lastSeenMs) && Math.abs(lastSeenMs) < 1e14;
  if (
    typeof hasProblem === "boolean" &&
    isTime &&
    typeof instanceId === "string" &&
    /^[\da-f-]{36}$/.test(instanceId)
  ) {
    return { hasProblem, lastSeenMs, instanceId };
  }
  throw new SightlineError(
    "BAD_PAGE_TOKEN",
    "The page token is not one that this server gave. Start at the first page.",
  );
}
