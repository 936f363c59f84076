/**
 * What the server is told of this process with every request: who it is, which spans the request holds, how many have ended, and
 * what was dropped. With it the server knows what never came.
 */
import { hostname } from "node:os";
import type { SdkReport } from "@sightline/wire/model/sdk-process";
import type { Attributes } from "@sightline/wire/otlp/span";
import { formatSequences } from "@sightline/wire/sequence-ranges";
import type { PreparedSpan } from "./prepared-span.ts";

/** Attribute of the resource: JSON text of an `SdkReport`. Not imported: that file brings a schema library along. */
const REPORT_KEY = "sightline.sdk.report";
const INSTANCE_ID_KEY = "service.instance.id";

/** A process as the server lists it. */
export interface ProcessIdentity {
  /** A UUID for each exporter and process. */
  readonly instanceId: string;
  /** Milliseconds since the epoch. */
  readonly startTime: number;
  readonly pid: number;
  readonly host: string;
  /** E.g. `node 20.20.0`. */
  readonly runtime: string;
  /** Version of the SDK. */
  readonly sdk: string;
  /** Attributes of the resource, without what this module adds. */
  readonly resource: Readonly<Record<string, string>>;
}

/** Totals since the process began. */
export type ReportNumbers = Pick<
  SdkReport,
  "ended" | "dropped" | "truncations" | "retries" | "failures" | "mode" | "overheadMs"
>;

/** This process, as the sender of spans. */
export function identify(instanceId: string, resource: Readonly<Record<string, string>>, sdk: string): ProcessIdentity {
  const { bun, deno, node } = process.versions;
  const runtime = bun ? `bun ${bun}` : deno ? `deno ${deno}` : `node ${node}`;
  const startTime = Math.round(performance.timeOrigin);
  return { instanceId, startTime, pid: process.pid, host: hostname(), runtime, sdk, resource };
}

/**
 * The attributes of a request's resource.
 *
 * @param spans  of the request
 * @param isFinal  whether nothing will come after it
 */
export function resourceWithReport(
  { resource, ...who }: ProcessIdentity,
  numbers: ReportNumbers,
  spans: readonly PreparedSpan[],
  isFinal: boolean,
): Attributes {
  const { instanceId, ...process } = who;
  const report = { v: 1, seq: sequencesOf(spans), ...process, ...numbers, final: isFinal } satisfies SdkReport;
  return { ...resource, [INSTANCE_ID_KEY]: instanceId, [REPORT_KEY]: JSON.stringify(report) };
}

/** `1-512,514`: the numbers of the spans that have ended. */
function sequencesOf(spans: readonly PreparedSpan[]): string {
  const numbers = spans.filter(({ isRunning }) => !isRunning).map(({ sequence }) => sequence);
  const ranges: [first: number, last: number][] = [];
  for (const number of numbers.sort((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range !== undefined && number <= range[1] + 1) range[1] = number;
    else ranges.push([number, number]);
  }
  return formatSequences(ranges);
}
