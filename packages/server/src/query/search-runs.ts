/**
 * Runs that match a filter, and the points of a metric, one page at a time.
 */
import { createHash } from "node:crypto";
import { isRunCursor, type MetricCursor } from "@sightline/store/runs";
import type { EndpointInput, EndpointOutput } from "@sightline/wire/api/endpoint";
import {
  type getMetricHistory as historyEndpoint,
  MAX_POINTS_IN_PAGE,
  type searchRuns as searchEndpoint,
} from "@sightline/wire/api/runs";
import { SightlineError } from "@sightline/wire/errors";
import { parseRunFilter, parseRunOrder, type RunCondition, type RunOrder } from "@sightline/wire/filter/run-filter";
import { parseJson, stringifyJson } from "@sightline/wire/json";
import { toMetricValue } from "@sightline/wire/model/metric-number";
import { getRun } from "./runs.ts";
import type { Stores } from "./stores.ts";
import { findExperiments } from "./trace-selection.ts";

type RunStores = Pick<Stores, "entities">;

/** Keys of an order; more make a sort slow and help nobody. */
const MAX_ORDER_KEYS = 4;

/** @throws BAD_FILTER with the position, BAD_PAGE_TOKEN, EXPERIMENT_NOT_FOUND, INVALID_PARAMETER */
export async function searchRuns(
  stores: RunStores,
  { experiments, filter, orderBy, maxResults, pageToken, view }: EndpointInput<typeof searchEndpoint>["body"],
): Promise<EndpointOutput<typeof searchEndpoint>> {
  const conditions = readConditions(filter);
  const order = readOrder(orderBy);
  const includeDeleted = view !== "active";
  const experimentIds = experiments && (await findExperiments(stores, experiments, { includeDeleted }));
  const search = fingerprint([experimentIds && [...experimentIds].sort(), conditions, order, view]);
  const after = pageToken === undefined ? undefined : decodeToken(pageToken, search);
  if (after !== undefined && !isRunCursor(order, after)) throw notOurs();
  const { runs, next } = await stores.entities.searchRuns({
    ...(experimentIds && { experimentIds }),
    conditions,
    order,
    view,
    limit: maxResults,
    ...(after && { after }),
  });
  return { runs: [...runs], ...(next && { nextPageToken: encodeToken(next, search) }) };
}

/** @throws RUN_NOT_FOUND, BAD_PAGE_TOKEN, INVALID_PARAMETER */
export async function getMetricHistory(
  stores: RunStores,
  { runId, key }: EndpointInput<typeof historyEndpoint>["params"],
  { maxResults, pageToken }: EndpointInput<typeof historyEndpoint>["query"],
): Promise<EndpointOutput<typeof historyEndpoint>> {
  const limit = maxResults === undefined ? MAX_POINTS_IN_PAGE : readLimit(maxResults);
  const search = fingerprint([runId, key]);
  const after = pageToken === undefined ? undefined : readPoint(decodeToken(pageToken, search));
  await getRun(stores, runId);
  const { points, next } = await stores.entities.getMetricHistory(runId, key, { limit, ...(after && { after }) });
  return {
    points: points.map((point) => ({ ...point, value: toMetricValue(point.value) })),
    ...(next && { nextPageToken: encodeToken([next.timestampMs, next.step, String(next.value)], search) }),
  };
}

function readConditions(text = ""): readonly RunCondition[] {
  const result = parseRunFilter(text);
  if (result.ok) return result.conditions;
  const { message, ...details } = result.error;
  throw new SightlineError("BAD_FILTER", message, { details });
}

function readOrder(orderBy: readonly string[] = []): RunOrder[] {
  if (orderBy.length > MAX_ORDER_KEYS) {
    throw new SightlineError(
      "INVALID_PARAMETER",
      `"orderBy" has ${orderBy.length} keys; give at most ${MAX_ORDER_KEYS}.`,
    );
  }
  return orderBy.map((text) => {
    const result = parseRunOrder(text);
    if (!result.ok) throw new SightlineError("INVALID_PARAMETER", `"orderBy": ${result.error.message}`);
    return result.order;
  });
}

function readLimit(text: string): number {
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= MAX_POINTS_IN_PAGE) return limit;
  throw new SightlineError(
    "INVALID_PARAMETER",
    `"maxResults" is "${text.slice(0, 50)}"; give 1 to ${MAX_POINTS_IN_PAGE}.`,
  );
}

function readPoint(place: unknown): MetricCursor {
  const [timestampMs, step, value]: unknown[] = Array.isArray(place) ? place : [];
  const isOurs =
    Number.isSafeInteger(timestampMs) &&
    Number.isSafeInteger(step) &&
    typeof value === "string" &&
    (value === "NaN" || !Number.isNaN(Number(value)));
  if (!isOurs) throw notOurs();
  return { timestampMs: Number(timestampMs), step: Number(step), value: Number(value) };
}

/** A short text that differs between questions: a token must not continue another one. */
function fingerprint(question: unknown): string {
  return createHash("sha256").update(stringifyJson(question)).digest("base64url").slice(0, 16);
}

function encodeToken(place: unknown, search: string): string {
  return Buffer.from(JSON.stringify([search, place])).toString("base64url");
}

/** @throws BAD_PAGE_TOKEN if it is not ours or belongs to another search */
function decodeToken(token: string, search: string): unknown {
  const parts = parseJson(Buffer.from(token, "base64url").toString("utf8"));
  if (!Array.isArray(parts) || parts.length !== 2) throw notOurs();
  if (parts[0] === search) return parts[1];
  throw new SightlineError(
    "BAD_PAGE_TOKEN",
    "The page token belongs to another search: what is asked for differs. Start at the first page.",
  );
}

function notOurs(): SightlineError {
  return new SightlineError(
    "BAD_PAGE_TOKEN",
    "The page token is not one that this server gave. Start at the first page.",
  );
}
