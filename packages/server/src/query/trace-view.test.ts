import type { TraceInfo } from "@sightline/wire/model/trace";
import { expect, test } from "vitest";
import { toTraceInfo } from "./trace-view.ts";

test("metadata that is shown as fields of the trace is not shown twice", () => {
  const row: TraceInfo = {
    traceId: "tr-0af7651916cd43dd8448eb211c80319c",
    experimentId: "0",
    name: "chat",
    state: "ERROR",
    requestTime: "2026-01-01T00:00:00.000000Z",
    durationMs: 1,
    tags: {},
    metadata: { "sightline.clientRequestId": "r", "sightline.state": "ERROR", kept: "yes" },
    clientRequestId: "r",
    spanCount: 1,
    assessments: [],
  };
  expect(toTraceInfo(row)).toEqual({ ...row, metadata: { kept: "yes" } });
});
