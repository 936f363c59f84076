import type { TraceInfo } from "@sightline/wire/model/trace";
import { describe, expect, test } from "vitest";
import { ERRORS_TERM, readQuickViews, slowTerm, withTerm } from "./quick-views.ts";

describe("terms of views among others", () => {
  test.each([
    ["", {}, ""],
    ["status = 'ERROR'", { errors: "status = 'ERROR'" }, ""],
    ["tags.env = 'prod' and State=ERROR", { errors: "State=ERROR" }, "tags.env = 'prod'"],
    [
      "duration > 5.2s AND (a = 1 OR b = 2) AND status = 'ERROR'",
      { slow: "duration > 5.2s", errors: "status = 'ERROR'" },
      "(a = 1 OR b = 2)",
    ],
    ["status = 'ERROR' OR name = 'x'", {}, "status = 'ERROR' OR name = 'x'"],
    ["input LIKE '% AND %' AND status = 'OK'", {}, "input LIKE '% AND %' AND status = 'OK'"],
    ["status = 'ERROR' AND 'open", {}, "status = 'ERROR' AND 'open"],
  ])("%s", (filter, active, rest) => {
    expect(readQuickViews(filter)).toEqual({ active, rest });
  });
});

test("a term joins with AND, around an OR with brackets, and replaces what cannot be read", () => {
  expect(withTerm(" ", ERRORS_TERM)).toBe("status = 'ERROR'");
  expect(withTerm("tags.env = 'prod'", ERRORS_TERM)).toBe("tags.env = 'prod' AND status = 'ERROR'");
  expect(withTerm("name = 'a' OR name = 'b'", ERRORS_TERM)).toBe("(name = 'a' OR name = 'b') AND status = 'ERROR'");
  expect(withTerm("name =", ERRORS_TERM)).toBe("status = 'ERROR'");
});

const traces = (...durations: number[]) =>
  durations.map(
    (durationMs): TraceInfo => ({
      traceId: `tr-${durationMs}`,
      experimentId: "0",
      name: "agent",
      state: "OK",
      requestTime: "2026-11-24T08:00:00.000000Z",
      durationMs,
      tags: {},
      metadata: {},
      spanCount: 1,
      assessments: [],
    }),
  );

test("slow is above the 95th percentile, in two digits", () => {
  const hundred = (factor: number) => traces(...Array.from({ length: 100 }, (_, i) => (i + 1) * factor));
  expect(slowTerm(hundred(54.9))).toBe("duration > 5.3s");
  expect(slowTerm(hundred(0.5))).toBe("duration > 48ms");
  expect(slowTerm(hundred(10.4))).toBe("duration > 990ms");
  expect(slowTerm(hundred(10.49))).toBe("duration > 1s");
  expect(slowTerm(traces(1, 2, 3))).toBeUndefined();
});
