/**
 * Runs: started, logged to, ended, found.
 */
import { toMetricValue } from "@sightline/wire/model/metric-number";
import type { RunStatus, Run as WireRun } from "@sightline/wire/model/run";
import { type SpanTime, toMillis } from "../tracing/span-time.ts";
import { type Connection, toTimeText, withoutUndefined } from "./connection.ts";

/** One measurement. */
export interface MetricPoint {
  /** May be NaN or infinite. */
  readonly value: number;
  /** A whole number, whatever the program counts. */
  readonly step: number;
  /** Milliseconds since the epoch. */
  readonly timestampMs: number;
}

/** A run as the server has it. */
export interface Run extends Omit<WireRun, "metrics"> {
  /** The latest point of each metric: the one of the highest step, of these the one of the latest time. */
  readonly metrics: Readonly<Record<string, MetricPoint>>;
}

/** A run that starts. */
export interface NewRun {
  /** Name or id; a name is made on first use. Default: that of `init()`, else `Default`. */
  readonly experiment?: string | undefined;
  /** Default: two words and a number. */
  readonly name?: string | undefined;
  /** Default: now. */
  readonly startTime?: Date | string | undefined;
  /** Who starts it. */
  readonly userId?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Logged once; see `logParams`. */
  readonly params?: Readonly<Record<string, ParamValue>> | undefined;
}

/** Params are texts; numbers and booleans are written as JavaScript does. */
export type ParamValue = string | number | boolean;

/** What changes on a run; what is absent stays. */
export interface RunChanges {
  readonly name?: string | undefined;
  /** One that is an end sets the end time to now, unless there is one. */
  readonly status?: RunStatus | undefined;
  readonly endTime?: Date | string | undefined;
}

/** When a metric was measured. */
export interface MetricMoment {
  /** Default 0. */
  readonly step?: number | undefined;
  /** Default: now. */
  readonly time?: SpanTime | undefined;
}

export interface Metric extends MetricMoment {
  readonly key: string;
  readonly value: number;
}

/** Which runs to get, and in what order. */
export interface RunSearch {
  /** Names or ids; default: all. */
  readonly experiments?: readonly string[] | undefined;
  /** E.g. `metrics.accuracy > 0.9 AND params.model = 'gpt-4o' AND status = 'FINISHED'`. */
  readonly filter?: string | undefined;
  /** Up to four keys, e.g. `["metrics.accuracy DESC"]`; default: newest first. */
  readonly orderBy?: readonly string[] | undefined;
  /** Most runs to get; default 100, `Infinity` = all. */
  readonly maxResults?: number | undefined;
  /** Default `active`. Runs of deleted experiments count as deleted. */
  readonly view?: "active" | "deleted" | "all" | undefined;
}

/** The server takes at most so many at once. */
const METRICS_AT_ONCE = 1000;
const PARAMS_AT_ONCE = 100;
const TRACES_AT_ONCE = 1000;
const PAGE_SIZE = 1000;

/** @see SightlineClient.createRun */
export async function createRun(connection: Connection, run: NewRun): Promise<Run> {
  const { experiment = connection.experiment(), name, startTime, userId, tags, params } = run;
  const client = await connection.api();
  const { run: made } = await client.createRun({
    body: withoutUndefined({
      experiment,
      name,
      startTime: startTime && toTimeText(startTime),
      userId,
      tags: tags && { ...tags },
    }),
  });
  if (params === undefined) return toRun(made);
  await logParams(connection, made.runId, params);
  return await getRun(connection, made.runId);
}

/** @see SightlineClient.getRun */
export async function getRun(connection: Connection, runId: string): Promise<Run> {
  const client = await connection.api();
  return toRun((await client.getRun({ params: { runId } })).run);
}

/** @see SightlineClient.updateRun */
export async function updateRun(connection: Connection, runId: string, changes: RunChanges): Promise<Run> {
  const { name, status, endTime } = changes;
  const client = await connection.api();
  const body = withoutUndefined({ name, status, endTime: endTime && toTimeText(endTime) });
  return toRun((await client.updateRun({ params: { runId }, body })).run);
}

/** @see SightlineClient.searchRuns */
export async function searchRuns(connection: Connection, search: RunSearch): Promise<Run[]> {
  const { experiments, filter, orderBy, maxResults = 100, view } = search;
  const found: Run[] = [];
  if (maxResults <= 0) return found;
  const client = await connection.api();
  let pageToken: string | undefined;
  do {
    const page = await client.searchRuns({
      body: {
        ...withoutUndefined({
          experiments: experiments && [...experiments],
          filter,
          orderBy: orderBy && [...orderBy],
          view,
          pageToken,
        }),
        maxResults: Math.min(PAGE_SIZE, maxResults - found.length),
      },
    });
    found.push(...page.runs.map(toRun));
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined && found.length < maxResults);
  return found;
}

/** @see SightlineClient.logMetrics */
export async function logMetrics(
  connection: Connection,
  runId: string,
  metrics: Readonly<Record<string, number>> | readonly Metric[],
  moment: MetricMoment,
): Promise<void> {
  // The time is set here: a batch that is sent again adds no second point.
  const now = Date.now();
  const list: readonly Metric[] = isList(metrics)
    ? metrics
    : Object.entries(metrics).map(([key, value]) => ({ key, value }));
  const points = list.map(({ key, value, step = moment.step ?? 0, time = moment.time }) => ({
    key,
    value: toMetricValue(value),
    step,
    timestampMs: Math.floor((time === undefined ? undefined : toMillis(time)) ?? now),
  }));
  const client = await connection.api();
  for (const part of partsOf(points, METRICS_AT_ONCE)) {
    await client.logBatch({ params: { runId }, body: { metrics: part } });
  }
}

/** @see SightlineClient.logParams */
export async function logParams(
  connection: Connection,
  runId: string,
  params: Readonly<Record<string, ParamValue>>,
): Promise<void> {
  const client = await connection.api();
  for (const part of partsOf(Object.entries(params), PARAMS_AT_ONCE)) {
    const texts = Object.fromEntries(part.map(([key, value]) => [key, String(value)]));
    await client.logBatch({ params: { runId }, body: { params: texts } });
  }
}

/** @see SightlineClient.getMetricHistory */
export async function getMetricHistory(connection: Connection, runId: string, key: string): Promise<MetricPoint[]> {
  const client = await connection.api();
  const points: MetricPoint[] = [];
  let pageToken: string | undefined;
  do {
    const page = await client.getMetricHistory({
      params: { runId, key },
      query: pageToken === undefined ? {} : { pageToken },
    });
    points.push(...page.points.map((point) => ({ ...point, value: Number(point.value) })));
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  return points;
}

/** @see SightlineClient.linkTracesToRun */
export async function linkTracesToRun(
  connection: Connection,
  runId: string,
  traceIds: readonly string[],
): Promise<void> {
  for (const part of partsOf(traceIds, TRACES_AT_ONCE)) {
    await connection.aboutTraces((api) => api.linkTraces({ body: { kind: "run", target: runId, traceIds: part } }));
  }
}

function toRun(run: WireRun): Run {
  const metrics = Object.entries(run.metrics).map(([key, point]) => [key, { ...point, value: Number(point.value) }]);
  return { ...run, metrics: Object.fromEntries(metrics) as Run["metrics"] };
}

function isList(metrics: Readonly<Record<string, number>> | readonly Metric[]): metrics is readonly Metric[] {
  return Array.isArray(metrics);
}

function* partsOf<Item>(items: readonly Item[], size: number): Generator<Item[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
