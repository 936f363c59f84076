/**
 * What is said of traces beside their spans, brought over with them: facts that a client gave, assessments, links.
 */
import type { ClientInfo, NewAssessment } from "@sightline/store/trace-parts";
import { SightlineError } from "@sightline/wire/errors";
import { stringifyJson } from "@sightline/wire/json";
import type { Assessment } from "@sightline/wire/model/assessment";
import type { TraceInfo } from "@sightline/wire/model/trace";
import { parseRfc3339 } from "@sightline/wire/time";
import type { Stores } from "../query/stores.ts";
import { toTraceInfo } from "../query/trace-view.ts";
import type { ReadTrace } from "./trace-line.ts";

/** A trace whose spans were just written. */
export interface ImportedTrace {
  /** Number of its line. */
  readonly number: number;
  readonly experimentId: string;
  readonly trace: ReadTrace;
}

/** Errors that are about what a line says. */
const LINE_ERRORS: ReadonlySet<SightlineError["code"]> = new Set([
  "TRACE_NOT_FOUND",
  "ASSESSMENT_NOT_FOUND",
  "INVALID_PARAMETER",
]);

/**
 * Brings the parts of some traces over. Writing them again changes nothing.
 *
 * @param onProblem  told what could not be kept of a line
 */
export async function importParts(
  stores: Stores,
  traces: readonly ImportedTrace[],
  onProblem: (line: number, reason: string) => void,
): Promise<void> {
  const found = new Map(
    (await stores.telemetry.getTraceInfos(traces.map(({ trace }) => trace.line.info.traceId))).map((info) => [
      info.traceId,
      toTraceInfo(info),
    ]),
  );
  for (const imported of traces) {
    try {
      await importTold(stores, imported, found.get(imported.trace.line.info.traceId));
    } catch (error) {
      if (!(error instanceof SightlineError) || !LINE_ERRORS.has(error.code)) throw error;
      onProblem(imported.number, error.message.replace(/\.$/, ""));
    }
  }
  await importLinks(stores, traces);
}

async function importTold(
  stores: Stores,
  { trace, experimentId }: ImportedTrace,
  found: TraceInfo | undefined,
): Promise<void> {
  const { info } = trace.line;
  const told = differences(info, found);
  if (told !== undefined) await stores.telemetry.putClientInfo({ traceId: info.traceId, experimentId, ...told });
  const known = new Map(found?.assessments.map((assessment) => [assessment.assessmentId, judgement(assessment)]));
  // One that corrects another comes after it.
  const inOrder = [...info.assessments].sort((left, right) => (left.createTime < right.createTime ? -1 : 1));
  for (const assessment of inOrder) {
    const valueJson = trace.assessmentValues.get(assessment.assessmentId) ?? "null";
    if (known.get(assessment.assessmentId) === judgement(assessment, valueJson)) continue;
    const { value: _value, valid: _valid, updateTime: _updateTime, createTime, ...rest } = assessment;
    const createTimeUnixNano = parseRfc3339(createTime);
    await stores.telemetry.createAssessment({
      // Parsed JSON has no member that is undefined.
      ...(rest as Omit<NewAssessment, "valueJson" | "createTimeUnixNano">),
      ...(valueJson !== "null" && { valueJson }),
      ...(createTimeUnixNano !== undefined && { createTimeUnixNano }),
    });
  }
}

/** What of an assessment is brought over, as one text. */
function judgement(
  { value, valid: _valid, updateTime: _time, ...rest }: Assessment,
  valueJson = stringifyJson(value),
): string {
  return `${stringifyJson(Object.fromEntries(Object.entries(rest).sort(([left], [right]) => (left < right ? -1 : 1))))} ${valueJson}`;
}

/**
 * What a client must have said, since the spans do not say it; undefined if there is nothing.
 *
 * Only if all spans are there and no others: else the difference is that of the spans, and would be kept for ever.
 */
function differences(
  info: TraceInfo,
  found: TraceInfo | undefined,
): Omit<ClientInfo, "traceId" | "experimentId"> | undefined {
  if (found !== undefined && found.spanCount !== info.spanCount) return undefined;
  const requestTimeUnixNano = parseRfc3339(info.requestTime);
  const told = {
    ...(info.name !== found?.name && { name: info.name }),
    ...(info.state !== found?.state && { state: info.state }),
    ...(info.requestTime !== found?.requestTime && requestTimeUnixNano !== undefined && { requestTimeUnixNano }),
    ...(info.durationMs !== found?.durationMs && { durationNano: BigInt(Math.round(info.durationMs * 1e6)) }),
    ...(info.requestPreview !== undefined &&
      info.requestPreview !== found?.requestPreview && { requestPreview: info.requestPreview }),
    ...(info.responsePreview !== undefined &&
      info.responsePreview !== found?.responsePreview && { responsePreview: info.responsePreview }),
    ...(info.clientRequestId !== undefined &&
      info.clientRequestId !== found?.clientRequestId && { clientRequestId: info.clientRequestId }),
    // Spans carry the others'.
    ...(info.spanCount === 0 && { tags: info.tags, metadata: info.metadata }),
  };
  return Object.keys(told).length === 0 ? undefined : told;
}

async function importLinks(stores: Stores, traces: readonly ImportedTrace[]): Promise<void> {
  const linked = new Map<string, { kind: "run" | "prompt"; target: string; traceIds: string[] }>();
  for (const { trace } of traces) {
    for (const { kind, target } of trace.line.links ?? []) {
      const key = `${kind} ${target}`;
      const link = linked.get(key) ?? { kind, target, traceIds: [] };
      link.traceIds.push(trace.line.info.traceId);
      linked.set(key, link);
    }
  }
  for (const { kind, target, traceIds } of linked.values()) await stores.telemetry.linkTraces(kind, target, traceIds);
}
