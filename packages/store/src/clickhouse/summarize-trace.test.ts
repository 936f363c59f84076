import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SAMPLE_START, sampleSpan, spanId } from "../contract/samples.ts";
import { type Report, reportedTrace } from "../contract/trace-reports.ts";
import type { SpanRecord } from "../telemetry-store.ts";
import type { ClientInfo } from "../trace-parts.ts";
import { joinClientInfo, type KnownClientInfo } from "./client-info.ts";
import { SpanEncoder } from "./encoded-span.ts";
import type { KnownTrace } from "./known-trace.ts";
import { type TraceRow, toSpanRow } from "./rows.ts";
import { summarizeTrace } from "./summarize-trace.ts";
import { TraceChanges } from "./trace-changes.ts";

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

  test("a call that was tried again counts each time, its retries being calls of their own", () => {
    const failed = span(2, 1, { ...tokens(10), statusCode: "ERROR" });
    expect(summary(span(1, 0), failed, span(3, 1, tokens(30))).usage?.totalTokens).toBe(40);
  });

  test("a parent whose value covers a part of its children gives way to their sum", () => {
    const spans = [span(1, 0), span(2, 1, tokens(60)), span(3, 2, tokens(50)), span(4, 2, tokens(50))];
    expect(summary(...spans).usage?.totalTokens).toBe(100);
    expect(summary(...spans).costUsd).toBe(1);
  });

  test("cumulative values at every level count once", () => {
    const spans = [
      span(1, 0, tokens(90)),
      span(2, 1, tokens(60)),
      span(3, 2, tokens(60)),
      span(4, 1, tokens(30)),
      span(5, 4, tokens(10)),
      span(6, 4, tokens(20)),
    ];
    expect(summary(...spans)).toMatchObject({ usage: { totalTokens: 90 }, costUsd: 0.9 });
  });

  test("a cumulative parent that comes after its orphans takes their place", () => {
    const orphans = [span(3, 2, tokens(20)), span(4, 2, tokens(30))];
    expect(summary(span(1, 0), ...orphans).usage?.totalTokens).toBe(50);
    expect(summary(span(1, 0), ...orphans, span(2, 1, tokens(50))).usage?.totalTokens).toBe(50);
    expect(summary(span(1, 0, tokens(50)), ...orphans, span(2, 1)).usage?.totalTokens).toBe(50);
  });

  test("models are listed once each, sorted; the source is the root's service", () => {
    const spans = [
      span(2, 1, { model: "m-b", service: "worker", startTimeUnixNano: SAMPLE_START - 5n }),
      span(1, 0, { service: "" }),
      span(3, 1, { model: "m-a" }),
      span(4, 1, { model: "m-b" }),
    ];
    expect(summary(...spans)).toMatchObject({ models: ["m-a", "m-b"], source: "worker" });
    expect(summary(...spans, span(1, 0, { service: "api" }))).toMatchObject({ source: "api" });
  });

  test("a version is metadata of ours, else the tag service.version, else the logged model", () => {
    const modelId = { "mlflow.modelId": "m-1" };
    const tagged = { traceTags: { "service.version": "1.2" } };
    const version = (facts: Partial<SpanRecord>) => summary(span(1, 0, facts)).version;
    expect(version({ traceMetadata: modelId })).toBe("m-1");
    expect(version({ traceMetadata: modelId, ...tagged })).toBe("1.2");
    expect(version({ traceMetadata: { ...modelId, "sightline.version": "v3" }, ...tagged })).toBe("v3");
  });

  test("a state that the program said on any span counts once the root has ended", () => {
    const said = { traceMetadata: { "sightline.state": "ERROR" } };
    expect(summary(span(1, 0), span(2, 1, said)).state).toBe("ERROR");
    expect(summary(span(1, 0, { statusCode: "ERROR", traceMetadata: { "sightline.state": "OK" } })).state).toBe("OK");
    expect(summary(span(1, 0, { ...said, endTimeUnixNano: 0n })).state).toBe("IN_PROGRESS");
    expect(summary(span(1, 0, { traceMetadata: { "sightline.state": "GREAT" } })).state).toBe("OK");
  });

  describe("with a client info", () => {
    function client(said: Partial<ClientInfo>): KnownClientInfo {
      return joinClientInfo(undefined, { traceId, experimentId: "7", ...said }, 5_000_000n);
    }

    test("an empty text that was said is not the same as none", () => {
      const root = span(1, 0, { name: "root", requestPreview: "root's" });
      expect(summarizeTrace(knownTrace([root], client({ name: "", requestPreview: "" })))).toMatchObject({
        name: "",
        requestPreview: "",
      });
      expect(summarizeTrace(knownTrace([root], client({})))).toMatchObject({ name: "root", requestPreview: "root's" });
    });

    test("the end is that of the spans while the client did not say how long it took", () => {
      const known = knownTrace([span(1, 0)], client({ requestTimeUnixNano: SAMPLE_START - 100_000_000n }));
      expect(summarizeTrace(known)).toMatchObject({ startUs: SAMPLE_START / 1000n - 100_000n });
      // Microseconds: the client's start has no nanoseconds.
      expect(Number(summarizeTrace(known).durationUs)).toBeCloseTo(300_000, -1);
    });

    test("without a span the trace lies where the client said, else where its first words came", () => {
      expect(summarizeTrace(knownTrace([], client({ name: "soon" })))).toMatchObject({
        name: "soon",
        state: "IN_PROGRESS",
        startUs: 5_000_000n,
        durationUs: 0n,
        spanCount: 0,
      });
      const said = { requestTimeUnixNano: SAMPLE_START, durationNano: 9_000n, state: "OK" } as const;
      expect(summarizeTrace(knownTrace([], client(said)))).toMatchObject({
        state: "OK",
        startUs: SAMPLE_START / 1000n,
        durationUs: 9n,
      });
    });

    test("token counts and cost in its metadata count only if no span has any", () => {
      const metadata = {
        "mlflow.trace.tokenUsage":
          '{"input_tokens": 5, "output_tokens": 2, "total_tokens": 7, "cache_read_input_tokens": 1}',
        "mlflow.trace.cost": '{"input_cost": 1, "output_cost": 2, "total_cost": 3}',
      };
      expect(summarizeTrace(knownTrace([span(1, 0)], client({ metadata })))).toMatchObject({
        usage: { inputTokens: 5, outputTokens: 2, totalTokens: 7, cacheReadInputTokens: 1 },
        costUsd: 3,
      });
      expect(summarizeTrace(knownTrace([span(1, 0, tokens(100))], client({ metadata })))).toMatchObject({
        usage: { totalTokens: 100 },
        costUsd: 1,
      });
      const broken = { "mlflow.trace.tokenUsage": "{", "mlflow.trace.cost": '"x"' };
      expect(summarizeTrace(knownTrace([span(1, 0)], client({ metadata: broken })))).not.toHaveProperty("usage");
    });
  });

  test("spans in any order, late, twice, running before ended, and client infos anywhere give one and the same row", () => {
    const rowOf = (reports: readonly Report[]): TraceRow => {
      let known: KnownTrace | undefined;
      for (const report of reports) {
        const changes = new TraceChanges(1);
        known =
          "spans" in report
            ? changes.putSpans(traceId, known, new SpanEncoder().encode(report.spans))
            : changes.putClientInfo(known, report.info, 5_000_000n);
      }
      if (known === undefined) throw new Error("nothing was reported");
      return summarizeTrace(known);
    };
    const property = fc.property(reportedTrace(), (trace) => {
      const { plain, other } = trace(traceId);
      expect(rowOf(other)).toEqual(rowOf(plain));
    });
    fc.assert(property, { numRuns: 2000 });
  });

  test("of what nothing is known there is no row", () => {
    expect(() => summary()).toThrow(RangeError);
  });
});
