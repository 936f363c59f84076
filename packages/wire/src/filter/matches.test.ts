import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TraceInfo } from "../model/trace.ts";
import { matchesLike } from "./like.ts";
import { matchesFilter } from "./matches.ts";
import { parseFilter } from "./parser.ts";

const trace: TraceInfo = {
  traceId: "tr-0af7651916cd43dd8448eb211c80319c",
  experimentId: "0",
  name: "answer question",
  state: "ERROR",
  requestTime: "2026-11-24T08:25:09.717123Z",
  durationMs: 1234.567,
  requestPreview: "Where is my Refund?",
  errorPreview: "TimeoutError: upstream",
  tags: { env: "prod", "my key": "a_b", empty: "" },
  metadata: { "mlflow.trace.user": "ada" },
  userId: "ada",
  tokenUsage: { inputTokens: 100, outputTokens: 20, totalTokens: 120 },
  costUsd: 0.05,
  spanCount: 3,
  assessments: [],
};

function matches(text: string, subject = trace): boolean {
  const result = parseFilter(text);
  if (!result.ok) throw new Error(result.error.message);
  return result.filter === undefined || matchesFilter(result.filter, { info: subject });
}

describe("matchesFilter", () => {
  test.each([
    "status = 'ERROR'",
    "status IN (ERROR, OK) AND status NOT IN (OK)",
    "name LIKE 'answer%' AND name ILIKE '%QUESTION' AND NOT name LIKE '%QUESTION'",
    "duration > 1.2s AND duration < 1235 AND execution_time_ms = 1234.567",
    "timestamp_ms = 1795508709717 AND timestamp_ms >= '2026-11-24T08:25:09Z'",
    "tags.env = 'prod' AND tags.env != 'dev' AND tags.`my key` LIKE 'a\\_b' AND tags.empty = ''",
    "metadata.mlflow.trace.user = 'ada' AND user = 'ada'",
    "tokens = 120 AND tokens.input >= 100 AND tokens.output < 21 AND cost <= 0.05",
    "trace_id = 'tr-0af7651916cd43dd8448eb211c80319c'",
    "input ILIKE '%refund%' AND error LIKE 'TimeoutError%'",
    "name = 'x' OR NOT (status = 'OK' AND name = 'x')",
  ])("%s holds", (text) => {
    expect(matches(text)).toBe(true);
    expect(matches(`NOT (${text})`)).toBe(false);
  });

  test.each([
    "tags.missing != 'x'",
    "tags.missing NOT IN ('x')",
    "tags.missing LIKE '%'",
    "tags.toString LIKE '%'",
    "session != 's'",
    "output ILIKE '%'",
  ])("%s is false: the trace has nothing there", (text) => {
    expect(matches(text)).toBe(false);
    expect(matches(`NOT ${text}`)).toBe(true);
  });

  test("numbers that a trace does not have match nothing", () => {
    const { tokenUsage: _usage, costUsd: _cost, ...bare } = trace;
    expect(matches("cost >= 0 OR cost < 0 OR tokens != 5", bare)).toBe(false);
  });

  test("an unknown field in a hand-made tree is refused", () => {
    const filter = { kind: "comparison", left: { field: "toString" }, operator: "=", value: "x" } as const;
    expect(() => matchesFilter(filter, { info: trace })).toThrow(RangeError);
  });
});

describe("matchesLike", () => {
  test("agrees with the regular expression of the pattern", () => {
    const piece = fc.constantFrom("%", "_", "a", "B", "\\%", "\\_", "\\\\", "\\", "é", "💡", "\n");
    const letter = fc.constantFrom("a", "b", "A", "B", "%", "_", "\\", "é", "É", "💡", "\n");
    const pattern = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(""));
    const text = fc.array(letter, { maxLength: 6 }).map((letters) => letters.join(""));
    fc.assert(
      fc.property(pattern, text, fc.boolean(), (like, subject, ignoreCase) => {
        const source = like.replace(/\\[%_\\]|[%_]|[\s\S]/gu, (part) => {
          if (part === "%") return "[\\s\\S]*";
          if (part === "_") return "[\\s\\S]";
          return (part.length === 2 && part[0] === "\\" ? part.slice(1) : part).replace(
            /[\\^$.*+?()[\]{}|/]/gu,
            "\\$&",
          );
        });
        const expected = new RegExp(`^${source}$`, ignoreCase ? "iu" : "u").test(subject);
        expect(matchesLike(subject, like, ignoreCase)).toBe(expected);
      }),
      { numRuns: 3000 },
    );
  });

  test("many wildcards do not multiply the work", () => {
    // A backtracking matcher needs about 10^30 steps here; the test would not end.
    expect(matchesLike("a".repeat(10_000), `${"a%".repeat(30)}b`, false)).toBe(false);
  });
});
