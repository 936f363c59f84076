/**
 * Export requests as Sightline's SDK sends them: spans, and a report of the process beside them. Made by hand.
 */
import { encodeExportRequest } from "@sightline/wire/otlp/protobuf";
import type { Attributes, OtlpSpan } from "@sightline/wire/otlp/span";
import { makeSpan } from "./spans.ts";

/** The fields of a report that a test is about; the rest is zero. */
export type ReportFields = Readonly<Record<string, unknown>> & { readonly seq: string; readonly ended: number };

/** A process that sends reports. */
export class FakeSdkProcess {
  readonly instanceId = crypto.randomUUID();
  readonly service: string;

  constructor(service = "checkout") {
    this.service = service;
  }

  /** The body of a request with spans (default: one) and a report. */
  request(fields: ReportFields, spans: readonly OtlpSpan[] = [makeSpan()], others: Attributes = {}): Uint8Array {
    const report = {
      v: 1,
      startTime: 1_795_508_000_000,
      pid: 4242,
      host: "web-1",
      runtime: "node 20.20.0",
      sdk: "0.1.0",
      dropped: { queueFull: 0, refused: 0, unsentAtExit: 0, broken: 0 },
      truncations: 0,
      retries: 0,
      failures: 0,
      mode: "full",
      overheadMs: 0,
      final: false,
      ...fields,
    };
    const resource = {
      "service.name": this.service,
      "service.instance.id": this.instanceId,
      "sightline.sdk.report": JSON.stringify(report),
      ...others,
    };
    return encodeExportRequest([{ resource, scope: { name: "@sightline/sdk", version: "0.1.0" }, spans }]);
  }
}
