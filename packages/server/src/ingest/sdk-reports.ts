/**
 * What Sightline's SDK says of itself beside its spans: read from the resource, which comes from outside. Pure.
 */
import type { SdkProcessFacts } from "@sightline/store/sdk-processes";
import { parseJson, preview } from "@sightline/wire/json";
import { INSTANCE_ID_KEY, SDK_REPORT_KEY, SdkReport } from "@sightline/wire/model/sdk-process";
import type { Attributes, OtlpSpan } from "@sightline/wire/otlp/span";
import { countSequences, parseSequences, withoutPlaces } from "@sightline/wire/sequence-ranges";

/** A report without the time at which it came. */
export type SentReport = Omit<SdkProcessFacts, "lastSeenMs">;

export interface SentReports {
  readonly reports: readonly SentReport[];
  /** Those that cannot be used. */
  readonly malformed: number;
}

/** Characters of a report. A request of 4,096 spans with every second one elsewhere has some 15,000. */
const MAX_CHARS = 256 * 1024;
const MAX_RANGES = 20_000;
const MAX_TEXT_CHARS = 200;
/** The end of the year 9999, beyond which times have no RFC 3339 form. */
const MAX_TIME_MS = 253_402_300_799_999;

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;

/** Gathers the reports of a request while its spans are walked: a span that is refused here has not come. */
export class ReportGatherer {
  readonly #reports: SentReport[] = [];
  #malformed = 0;
  #resource: Attributes | undefined;
  #report: SentReport | undefined;
  /** Ended spans of the resource. */
  #ended = 0;
  /** Places of the refused ones among them. */
  #refused: number[] = [];

  /** Begins a group of spans; the groups of a resource come one after another. */
  enter(resource: Attributes, experimentId: string): void {
    if (resource === this.#resource) return;
    this.#leave();
    this.#resource = resource;
    if (!hasSdkReport(resource)) return;
    this.#report = readSdkReport(resource, experimentId);
    if (this.#report === undefined) this.#malformed += 1;
  }

  /** Counts a span of the group. */
  count(span: Pick<OtlpSpan, "endTimeUnixNano">, isRefused: boolean): void {
    // Running ones have no sequence number.
    if (span.endTimeUnixNano === 0n) return;
    if (isRefused) this.#refused.push(this.#ended);
    this.#ended += 1;
  }

  /** What was sent, once the last span was counted. */
  finish(): SentReports {
    this.#leave();
    return { reports: this.#reports, malformed: this.#malformed };
  }

  #leave(): void {
    if (this.#report !== undefined) this.#reports.push(this.#withoutRefused(this.#report));
    this.#report = undefined;
    this.#ended = 0;
    this.#refused = [];
  }

  /** The SDK numbers spans in the order in which it sends them. A request that somebody on the way has cut is left as it is. */
  #withoutRefused(report: SentReport): SentReport {
    const isWhole = this.#refused.length > 0 && countSequences(report.received) === this.#ended;
    return isWhole ? { ...report, received: withoutPlaces(report.received, this.#refused) } : report;
  }
}

/** Whether Sightline's SDK speaks in this resource. */
export function hasSdkReport(resource: Attributes): boolean {
  return Object.hasOwn(resource, SDK_REPORT_KEY);
}

/** The report of a resource; undefined if it cannot be used. What it says is bounded, whoever made it. */
export function readSdkReport(resource: Attributes, experimentId: string): SentReport | undefined {
  const text = resource[SDK_REPORT_KEY];
  const id = resource[INSTANCE_ID_KEY];
  if (typeof text !== "string" || text.length > MAX_CHARS || typeof id !== "string") return undefined;
  const instanceId = id.toLowerCase();
  const parsed = SdkReport.safeParse(parseJson(text));
  if (!UUID.test(instanceId) || !parsed.success) return undefined;
  const report = parsed.data;
  const received = parseSequences(report.seq, MAX_RANGES);
  if (received === undefined) return undefined;
  const service = resource["service.name"];
  return {
    instanceId,
    service: typeof service === "string" ? cleanText(service) : "",
    host: cleanText(report.host),
    pid: report.pid,
    runtime: cleanText(report.runtime),
    sdkVersion: cleanText(report.sdk),
    startMs: report.startTime > 0 && report.startTime <= MAX_TIME_MS ? Math.floor(report.startTime) : 0,
    isFinal: report.final,
    // A span that is here has ended.
    ended: Math.max(report.ended, received.at(-1)?.[1] ?? 0),
    received,
    isExact: true,
    dropped: report.dropped,
    truncations: report.truncations,
    retries: report.retries,
    failures: report.failures,
    mode: report.mode,
    overheadMs: report.overheadMs,
    experimentIds: [experimentId],
  };
}

/** PostgreSQL keeps no NUL, and half of a surrogate pair is no character. */
function cleanText(text: string): string {
  return preview(text, MAX_TEXT_CHARS).replaceAll(/[\p{Cc}\p{Surrogate}]/gu, "\ufffd");
}
