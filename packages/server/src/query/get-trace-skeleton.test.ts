import type { SpanOutline } from "@sightline/store/telemetry-store";
import { expect, test } from "vitest";
import { toColumns } from "./get-trace-skeleton.ts";

function outline(
  spanId: string,
  parentSpanId: string,
  start: bigint,
  end: bigint,
  more: Partial<SpanOutline> = {},
): SpanOutline {
  return {
    spanId,
    parentSpanId,
    name: `span ${spanId}`,
    spanType: "TOOL",
    startTimeUnixNano: start,
    endTimeUnixNano: end,
    statusCode: "OK",
    statusMessage: "",
    ...more,
  };
}

test("parents are indexes; roots, missing parents, running spans and failures are told apart", () => {
  const columns = toColumns(
    [
      outline("a", "", 1_000_000_500n, 1_000_009_999n),
      outline("b", "a", 1_000_002_000n, 0n),
      outline("c", "gone", 1_000_003_000n, 1_000_001_000n, { statusCode: "ERROR", statusMessage: "boom" }),
      outline("d", "b", 1_000_004_000n, 1_000_004_999n, {
        usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 },
        costUsd: 0.5,
        statusMessage: "a message of a span that did not fail",
      }),
    ],
    1_000_000n,
  );
  expect(columns).toEqual({
    spanId: ["a", "b", "c", "d"],
    parent: [-1, 0, -2, 1],
    name: ["span a", "span b", "span c", "span d"],
    spanType: ["TOOL", "TOOL", "TOOL", "TOOL"],
    startUs: [0, 2, 3, 4],
    durationUs: [9, -1, 0, 0],
    status: ["OK", "OK", "ERROR", "OK"],
    statusMessage: ["", "", "boom", ""],
    tokens: [0, 0, 0, 3],
    costUsd: [0, 0, 0, 0.5],
  });
});
