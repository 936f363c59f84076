import { describe, expect, test } from "vitest";
import { SAMPLE_START, sampleSpan, spanId } from "../contract/samples.ts";
import type { SpanRecord } from "../telemetry-store.ts";
import type { KnownClientInfo } from "./client-info.ts";
import type { KnownTrace } from "./known-traces.ts";
import { type TraceRow, toSpanRow } from "./rows.ts";
import { summarizeTrace } from "./summarize-trace.ts";

const traceId = "tr-0af7651916cd43dd8448eb211c80319c";

/** A span by number and parent's number; 0 = no parent. */
function span(id: number, parent: number, facts: Partial<SpanRecord> = {}): SpanRecord {
  return sampleSpan({ traceId, spanId: spanId(id), parentSpanId: parent === 0 ? "" : spanId(parent), ...facts });
}

function summary(...spans: SpanRecord[]): TraceRow {
  return summarizeTrace(knownTrace(spans));
}

function knownTrace(spans: readonly SpanRecord[], client?: KnownClientInfo): KnownTrace {
  return { experimentId: "7", traceId, spans: new Map(spans.map((one) => [one.spanId, toSpanRow(one)])), client };
}

function tokens(total: number): Partial<SpanRecord> {
  return { usage: { inputTokens: total - 1, outputTokens: 1, totalTokens: total }, costUsd: total / 100 };
}

describe("summarizeTrace", () => {
  test("a single root gives its own facts", () => {
    expect(summary(span(1, 0, { name: "chat", sessionId: "s", requestPreview: "hi", traceTags: { a: "b" } }))).toEqual({
      experimentId: "7",
      traceId,
      startUs: SAMPLE_START / 1000n,
      durationUs: 200_000n,
      name: "chat",
      state: "OK",
      sessionId: "s",
      userId: "",
      clientRequestId: "",
      version: "",
      source: "shop",
      models: [],
      spanCount: 1,
      requestPreview: "hi",
      responsePreview: "",
      failure: "",
      tags: { a: "b" },
      metadata: {},
    });
  });

  test("without a root the earliest span names the trace, which is in progress", () => {
    const early = span(3, 9, { name: "early", startTimeUnixNano: SAMPLE_START - 5n });
    expect(summary(span(2, 9, { name: "late" }), early)).toMatchObject({ name: "early", state: "IN_PROGRESS" });
  });

  test("the root's facts go before those of earlier spans, which fill the gaps", () => {
    const child = span(2, 1, {
      name: "child",
      startTimeUnixNano: SAMPLE_START - 5n,
      sessionId: "child's",
      userId: "ada",
      requestPreview: "child's",
      traceTags: { a: "child", b: "child" },
    });
    const root = span(1, 0, { name: "root", sessionId: "root's", traceTags: { a: "root" } });
    expect(summary(child, root)).toMatchObject({
      name: "root",
      sessionId: "root's",
      userId: "ada",
      requestPreview: "",
      tags: { a: "root", b: "child" },
    });
  });

  test.each([
    ["the root is running", [span(1, 0, { endTimeUnixNano: 0n }), span(2, 1)], "IN_PROGRESS"],
    ["the root ended well though a child failed", [span(1, 0), span(2, 1, { statusCode: "ERROR" })], "OK"],
    ["the root has no status", [span(1, 0, { statusCode: "UNSET" })], "OK"],
    ["the root failed", [span(1, 0, { statusCode: "ERROR" })], "ERROR"],
    ["one of two roots failed", [span(1, 0), span(2, 0, { statusCode: "ERROR" })], "ERROR"],
    ["one of two roots is running", [span(1, 0, { endTimeUnixNano: 0n }), span(2, 0)], "OK"],
  ] as const)("state when %s", (_, spans, state) => {
    expect(summary(...spans).state).toBe(state);
  });

  test("a parent that repeats what its children used is not added to them", () => {
    const calls = [span(2, 1, tokens(30)), span(3, 1, tokens(70))];
    const { usage, costUsd } = summary(span(1, 0, tokens(100)), ...calls);
    expect(usage).toEqual({ inputTokens: 99, outputTokens: 1, totalTokens: 100 });
    expect(costUsd).toBe(1);
    expect(summary(span(1, 0), ...calls).usage).toEqual({ inputTokens: 98, outputTokens: 2, totalTokens: 100 });
  });

  test("one call reported by two instrumentations counts once", () => {
    expect(summary(span(1, 0), span(2, 1, tokens(30)), span(3, 2, tokens(30))).usage?.totalTokens).toBe(30);
  });

  test("a parent that counts only its own steps does not hide a sub-agent", () => {
    const spans = [span(1, 0, tokens(100)), span(2, 1, tokens(100)), span(3, 1), span(4, 3, tokens(50))];
    expect(summary(...spans).usage?.totalTokens).toBe(150);
  });

  test("a parent that knows more than its children is believed", () => {
    expect(summary(span(1, 0, tokens(100)), span(2, 1, tokens(40)), span(3, 1)).usage?.totalTokens).toBe(100);
  });

  test("parts of the usage that only descendants report are kept", () => {
    const usage = { inputTokens: 90, outputTokens: 10, totalTokens: 100 };
    const spans = [span(1, 0, { usage }), span(2, 1, { usage: { ...usage, cacheReadInputTokens: 80 } })];
    expect(summary(...spans).usage).toEqual({ ...usage, cacheReadInputTokens: 80 });
  });

  test("orphans and rings of parents are counted once", () => {
    const spans = [
      span(1, 0),
      span(2, 99, tokens(10)),
      span(3, 4, tokens(20)),
      span(4, 3, tokens(20)),
      span(5, 5, tokens(7)),
    ];
    expect(summary(...spans)).toMatchObject({ spanCount: 5, usage: { totalTokens: 37 } });
  });

  test("a chain of 50,000 spans is summed", () => {
    const chain = Array.from({ length: 50_000 }, (_, index) =>
      span(index + 1, index, index === 49_999 ? tokens(3) : {}),
    );
    expect(summary(...chain)).toMatchObject({ spanCount: 50_000, usage: { totalTokens: 3 } });
  });

  test("the failure shown is the deepest one that says something", () => {
    const failed = (message: string): Partial<SpanRecord> => ({ statusCode: "ERROR", statusMessage: message });
    const spans = [
      span(1, 0, failed("top")),
      span(2, 1, failed("middle")),
      span(3, 2, failed("")),
      span(4, 1, failed("late")),
    ];
    expect(summary(...spans).failure).toBe("middle");
    expect(summary(span(1, 0, failed("top")), span(2, 8, failed("orphan"))).failure).toBe("orphan");
  });

  test("of exception events the last speaks", () => {
    const event = (type: unknown, message: unknown) => ({
      name: "exception",
      timeUnixNano: "0",
      attributes: { "exception.type": type, "exception.message": message },
    });
    const failure = (...events: SpanRecord["events"][number][]) =>
      summary(span(1, 0, { statusCode: "ERROR", statusMessage: "status", events })).failure;
    expect(failure(event("A", "first"), event("B", "second"))).toBe("B: second");
    expect(failure(event("A", undefined))).toBe("A");
    expect(failure(event(undefined, "message"))).toBe("message");
    expect(failure(event(5, ""))).toBe("status");
  });

  test("no spans, no row", () => {
    expect(() => summary()).toThrow(RangeError);
  });
});
