/**
 * The calls of {@link SightlineClient} that programs make most, on the server of `init()` or of the environment.
 */
import type { Assessment } from "@sightline/wire/model/assessment";
import type { Expectation, Feedback } from "./assessments.ts";
import type { FoundTrace, TraceSearch } from "./search-traces.ts";
import { SightlineClient } from "./sightline-client.ts";
import type { Trace } from "./trace.ts";

/** Holds no connection and no state: where it goes is looked up at each call. */
const client = new SightlineClient();

/**
 * Traces that match, as many as `maxResults` (default 100), newest first.
 *
 * ```ts
 * const traces = await searchTraces({ filter: "status = 'ERROR'", include: ["spans"] });
 * ```
 *
 * @throws BAD_FILTER with the position, EXPERIMENT_NOT_FOUND, SERVER_UNREACHABLE, BAD_SETTING when no server is set
 */
export function searchTraces<const Search extends TraceSearch = TraceSearch>(
  search?: Search,
): Promise<FoundTrace<Search>[]> {
  return client.searchTraces(search);
}

/**
 * The same one after another, a page in memory at a time; without `maxResults` all.
 *
 * ```ts
 * for await (const trace of iterateTraces({ experiments: ["prod"], include: ["spans"] })) count(trace.spans);
 * ```
 */
export function iterateTraces<const Search extends TraceSearch = TraceSearch>(
  search?: Search,
): AsyncGenerator<FoundTrace<Search>, void, undefined> {
  return client.iterateTraces(search);
}

/**
 * A trace with all its spans.
 *
 * @param traceId  `tr-` + 32 hex digits
 * @throws TRACE_NOT_FOUND, SERVER_UNREACHABLE, BAD_SETTING when no server is set
 */
export function getTrace(traceId: string): Promise<Trace> {
  return client.getTrace(traceId);
}

/**
 * Sets a tag on a running or finished trace.
 *
 * @throws TRACE_NOT_FOUND, INVALID_PARAMETER, SERVER_UNREACHABLE, BAD_SETTING when no server is set
 */
export function setTraceTag(traceId: string, key: string, value: string): Promise<void> {
  return client.setTraceTag(traceId, key, value);
}

/**
 * Removes a tag; one that is not there is no error.
 *
 * @throws TRACE_NOT_FOUND, SERVER_UNREACHABLE, BAD_SETTING when no server is set
 */
export function deleteTraceTag(traceId: string, key: string): Promise<void> {
  return client.deleteTraceTag(traceId, key);
}

/**
 * Says how good a trace or a span is.
 *
 * ```ts
 * await logFeedback({ traceId, name: "helpful", value: true, source: { type: "HUMAN", id: "ada" }, rationale: "Right at once." });
 * ```
 *
 * @returns the assessment as it is kept
 * @throws TRACE_NOT_FOUND, SERVER_UNREACHABLE, BAD_SETTING when no server is set
 */
export function logFeedback(feedback: Feedback): Promise<Assessment> {
  return client.logFeedback(feedback);
}

/**
 * Says what the right answer would have been.
 *
 * ```ts
 * await logExpectation({ traceId, name: "expected_response", value: "Paris" });
 * ```
 *
 * @returns the assessment as it is kept
 * @throws TRACE_NOT_FOUND, SERVER_UNREACHABLE, BAD_SETTING when no server is set
 */
export function logExpectation(expectation: Expectation): Promise<Assessment> {
  return client.logExpectation(expectation);
}
