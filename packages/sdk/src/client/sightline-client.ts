/**
 * Everything that a program can ask of a server, and spans by hand. Needs no current span and no `init()`.
 */
import type { Assessment } from "@sightline/wire/model/assessment";
import type { Experiment } from "@sightline/wire/model/experiment";
import type { RunStatus } from "@sightline/wire/model/run";
import type { LiveSpan } from "../tracing/live-span.ts";
import {
  type AssessmentChanges,
  type Expectation,
  type Feedback,
  logExpectation,
  logFeedback,
  updateAssessment,
} from "./assessments.ts";
import { type Connection, type ConnectionOptions, connectTo, withoutUndefined } from "./connection.ts";
import {
  deleteExperiment,
  deleteTraces,
  getExperiment,
  getExperimentByName,
  type ListedExperiment,
  listExperiments,
  type TraceDeletion,
} from "./experiments.ts";
import {
  ManualSpans,
  type SpanEnd,
  type StartChildOptions,
  type StartTraceOptions,
  type TraceEnd,
} from "./manual-spans.ts";
import {
  createRun,
  getMetricHistory,
  getRun,
  linkTracesToRun,
  logMetrics,
  logParams,
  type Metric,
  type MetricMoment,
  type MetricPoint,
  type NewRun,
  type ParamValue,
  type Run,
  type RunChanges,
  type RunSearch,
  searchRuns,
  updateRun,
} from "./runs.ts";
import { type FoundTrace, getTrace, iterateTraces, searchTraces, type TraceSearch } from "./search-traces.ts";
import type { Trace } from "./trace.ts";

/** Which server; without a `url` that of `init()`, or of the environment. */
export interface ClientOptions extends ConnectionOptions {}

/**
 * A client of one server.
 *
 * ```ts
 * const client = new SightlineClient({ url: "http://127.0.0.1:5500" });
 * const root = client.startTrace({ name: "import", inputs: { file } });
 * const step = client.startSpan({ name: "parse", parent: root });
 * client.endSpan(step, { outputs: rows.length });
 * client.endTrace(root);
 * const failed = await client.searchTraces({ filter: "status = 'ERROR'" });
 * ```
 *
 * Methods that ask the server reject with the server's own error (`error.code`, e.g. TRACE_NOT_FOUND), SERVER_UNREACHABLE when there is
 * no answer, and BAD_SETTING when no server is set. Those that begin and end spans never throw. Before a question about traces
 * everything that this program has recorded is sent; for one about a trace that still runs here, what there is of it.
 */
export class SightlineClient {
  readonly #connection: Connection;
  readonly #spans: ManualSpans;

  constructor(options: ClientOptions = {}) {
    this.#connection = connectTo(options);
    this.#spans = new ManualSpans(options);
  }

  /** Begins a trace with its first span, whatever span is current. It ends with {@link SightlineClient.endTrace}. */
  startTrace(options: StartTraceOptions): LiveSpan {
    return this.#spans.startTrace(options);
  }

  /** Begins a span below another. It ends with {@link SightlineClient.endSpan}, in any order. */
  startSpan(options: StartChildOptions): LiveSpan {
    return this.#spans.startSpan(options);
  }

  /** Ends a span; a second call does nothing. */
  endSpan(span: LiveSpan, end?: SpanEnd): void {
    this.#spans.endSpan(span, end);
  }

  /** Ends a trace with its first span. Spans of it that this client began and that still run end with it. */
  endTrace(root: LiveSpan, end?: TraceEnd): void {
    this.#spans.endTrace(root, end);
  }

  /**
   * Traces that match, as many as `maxResults` (default 100), newest first.
   *
   * @throws BAD_FILTER with the position, EXPERIMENT_NOT_FOUND
   */
  searchTraces<const Search extends TraceSearch = TraceSearch>(search?: Search): Promise<FoundTrace<Search>[]> {
    return searchTraces(this.#connection, search ?? ({} as Search));
  }

  /** The same one after another, a page in memory at a time; without `maxResults` all. */
  iterateTraces<const Search extends TraceSearch = TraceSearch>(
    search?: Search,
  ): AsyncGenerator<FoundTrace<Search>, void, undefined> {
    return iterateTraces(this.#connection, search ?? ({} as Search));
  }

  /** A trace with all its spans. @throws TRACE_NOT_FOUND */
  getTrace(traceId: string): Promise<Trace> {
    return getTrace(this.#connection, traceId);
  }

  /**
   * Deletes traces, and waits until they are gone.
   *
   * @returns how many there were; with `dryRun` how many there are
   * @throws INVALID_PARAMETER if nothing says which traces are meant
   */
  deleteTraces(deletion: TraceDeletion): Promise<number> {
    return deleteTraces(this.#connection, deletion);
  }

  /** Sets a tag on a running or finished trace. @throws TRACE_NOT_FOUND, INVALID_PARAMETER */
  async setTraceTag(traceId: string, key: string, value: string): Promise<void> {
    await this.#connection.aboutTraces((api) => api.setTraceTag({ params: { traceId, key }, body: { value } }));
  }

  /** Removes a tag; one that is not there is no error. @throws TRACE_NOT_FOUND */
  async deleteTraceTag(traceId: string, key: string): Promise<void> {
    await this.#connection.aboutTraces((api) => api.deleteTraceTag({ params: { traceId, key } }));
  }

  /** Says how good a trace or a span is. @throws TRACE_NOT_FOUND, ASSESSMENT_NOT_FOUND for an unknown id in `overrides` */
  logFeedback(feedback: Feedback): Promise<Assessment> {
    return logFeedback(this.#connection, feedback);
  }

  /** Says what the right answer would have been. @throws TRACE_NOT_FOUND */
  logExpectation(expectation: Expectation): Promise<Assessment> {
    return logExpectation(this.#connection, expectation);
  }

  /** Changes an assessment; what is absent stays. @throws TRACE_NOT_FOUND, ASSESSMENT_NOT_FOUND */
  updateAssessment(traceId: string, assessmentId: string, changes: AssessmentChanges): Promise<Assessment> {
    return updateAssessment(this.#connection, traceId, assessmentId, changes);
  }

  /** Deletes an assessment; the one that it corrected counts again. @throws TRACE_NOT_FOUND, ASSESSMENT_NOT_FOUND */
  async deleteAssessment(traceId: string, assessmentId: string): Promise<void> {
    await this.#connection.aboutTraces((api) => api.deleteAssessment({ params: { traceId, assessmentId } }));
  }

  /** @throws EXPERIMENT_EXISTS, also if the one that has the name is deleted; INVALID_PARAMETER */
  async createExperiment(name: string): Promise<Experiment> {
    const api = await this.#connection.api();
    return (await api.createExperiment({ body: { name } })).experiment;
  }

  /** By its id; a deleted one has a `deleteTime`. @throws EXPERIMENT_NOT_FOUND */
  getExperiment(experimentId: string): Promise<ListedExperiment> {
    return getExperiment(this.#connection, experimentId);
  }

  /** Undefined if none has the name; a deleted one has a `deleteTime`. */
  getExperimentByName(name: string): Promise<ListedExperiment | undefined> {
    return getExperimentByName(this.#connection, name);
  }

  /** `Default` first, then by name. */
  listExperiments(options: { readonly includeDeleted?: boolean | undefined } = {}): Promise<ListedExperiment[]> {
    return listExperiments(this.#connection, options);
  }

  /** Renames an experiment, or sets for how many days its traces are kept. @throws EXPERIMENT_NOT_FOUND, EXPERIMENT_EXISTS */
  async updateExperiment(
    experimentId: string,
    changes: { readonly name?: string | undefined; readonly retentionDays?: number | null | "default" | undefined },
  ): Promise<Experiment> {
    const api = await this.#connection.api();
    return (await api.updateExperiment({ params: { experimentId }, body: withoutUndefined(changes) })).experiment;
  }

  /**
   * Hides an experiment with its traces and runs; it can be restored for 30 days. With `purge` it is deleted for good, and the call
   * waits for that.
   *
   * @throws EXPERIMENT_NOT_FOUND
   */
  deleteExperiment(experimentId: string, options: { readonly purge?: boolean | undefined } = {}): Promise<void> {
    return deleteExperiment(this.#connection, experimentId, options);
  }

  /** @throws EXPERIMENT_NOT_FOUND */
  async restoreExperiment(experimentId: string): Promise<Experiment> {
    const api = await this.#connection.api();
    return (await api.restoreExperiment({ params: { experimentId } })).experiment;
  }

  /** Starts a run. It ends with {@link SightlineClient.endRun}. @throws EXPERIMENT_NOT_FOUND, EXPERIMENT_DELETED, INVALID_PARAMETER */
  createRun(run: NewRun = {}): Promise<Run> {
    return createRun(this.#connection, run);
  }

  /** A deleted one has a `deleteTime`. @throws RUN_NOT_FOUND */
  getRun(runId: string): Promise<Run> {
    return getRun(this.#connection, runId);
  }

  /** @throws RUN_NOT_FOUND, RUN_DELETED, INVALID_PARAMETER */
  updateRun(runId: string, changes: RunChanges): Promise<Run> {
    return updateRun(this.#connection, runId, changes);
  }

  /** Ends a run now. @throws RUN_NOT_FOUND, RUN_DELETED */
  endRun(runId: string, status: Extract<RunStatus, "FINISHED" | "FAILED" | "KILLED"> = "FINISHED"): Promise<Run> {
    return updateRun(this.#connection, runId, { status });
  }

  /** Hides a run; it can be restored for 30 days. @throws RUN_NOT_FOUND */
  async deleteRun(runId: string): Promise<void> {
    const api = await this.#connection.api();
    await api.deleteRun({ params: { runId } });
  }

  /** Brings a deleted run back. @throws RUN_NOT_FOUND; EXPERIMENT_DELETED if its experiment is deleted */
  async restoreRun(runId: string): Promise<Run> {
    const api = await this.#connection.api();
    await api.restoreRun({ params: { runId } });
    return getRun(this.#connection, runId);
  }

  /** Runs that match, as many as `maxResults` (default 100), newest first. @throws BAD_FILTER, EXPERIMENT_NOT_FOUND */
  searchRuns(search: RunSearch = {}): Promise<Run[]> {
    return searchRuns(this.#connection, search);
  }

  /** Adds a point to a metric of a run. @throws RUN_NOT_FOUND, RUN_DELETED, INVALID_PARAMETER for a key that cannot be one */
  logMetric(runId: string, key: string, value: number, moment: MetricMoment = {}): Promise<void> {
    return logMetrics(this.#connection, runId, [{ key, value }], moment);
  }

  /**
   * Adds points to metrics of a run: one each by key, or any list. A thousand go at once, all or none.
   *
   * @param moment  for those that say nothing else
   * @throws RUN_NOT_FOUND, RUN_DELETED, INVALID_PARAMETER
   */
  logMetrics(
    runId: string,
    metrics: Readonly<Record<string, number>> | readonly Metric[],
    moment: MetricMoment = {},
  ): Promise<void> {
    return logMetrics(this.#connection, runId, metrics, moment);
  }

  /** All points of a metric, by time. None if the run has no such metric. @throws RUN_NOT_FOUND */
  getMetricHistory(runId: string, key: string): Promise<MetricPoint[]> {
    return getMetricHistory(this.#connection, runId, key);
  }

  /** Logs what went into a run. The same value again is fine. @throws PARAM_CHANGED for another one; RUN_NOT_FOUND, RUN_DELETED */
  logParam(runId: string, key: string, value: ParamValue): Promise<void> {
    return logParams(this.#connection, runId, { [key]: value });
  }

  /** A hundred go at once, all or none. @throws PARAM_CHANGED, RUN_NOT_FOUND, RUN_DELETED, INVALID_PARAMETER */
  logParams(runId: string, params: Readonly<Record<string, ParamValue>>): Promise<void> {
    return logParams(this.#connection, runId, params);
  }

  /** @throws RUN_NOT_FOUND, RUN_DELETED, INVALID_PARAMETER */
  async setRunTag(runId: string, key: string, value: string): Promise<void> {
    const api = await this.#connection.api();
    await api.setRunTag({ params: { runId, key }, body: { value } });
  }

  /** Removes a tag; one that is not there is no error. @throws RUN_NOT_FOUND, RUN_DELETED */
  async deleteRunTag(runId: string, key: string): Promise<void> {
    const api = await this.#connection.api();
    await api.deleteRunTag({ params: { runId, key } });
  }

  /** Says that traces belong to a run; they are found by the filter `run = '…'`. @throws TRACE_NOT_FOUND if one is missing */
  linkTracesToRun(runId: string, traceIds: readonly string[]): Promise<void> {
    return linkTracesToRun(this.#connection, runId, traceIds);
  }
}
