import { parseFilter } from "@sightline/wire/filter/parser";
import type { TraceInfo } from "@sightline/wire/model/trace";
import { expect, test } from "vitest";
import { filterForIds, prependTraces, removeTrace, type TracePage, updateTraces } from "./trace-list.ts";

const trace = (traceId: string, minute: number, state: TraceInfo["state"] = "OK"): TraceInfo => ({
  traceId,
  experimentId: "0",
  name: "agent",
  state,
  requestTime: `2026-11-24T08:${String(minute).padStart(2, "0")}:00.000000Z`,
  durationMs: 1,
  tags: {},
  metadata: {},
  spanCount: 1,
  assessments: [],
});
const pages: readonly TracePage[] = [
  { traces: [trace("c", 3, "IN_PROGRESS"), trace("b", 2)], nextPageToken: "2", bounds: {} },
  { traces: [trace("a", 1)], bounds: {} },
];
const ids = (from: readonly TracePage[]) => from.map((page) => page.traces.map((info) => info.traceId).join(""));

test("a filter for ids keeps the meaning of an OR", () => {
  const text = filterForIds("status = 'ERROR' OR name = 'x'", ["tr-1", "tr-2"]);
  expect(text).toBe("(status = 'ERROR' OR name = 'x') AND trace_id IN ('tr-1', 'tr-2')");
  expect(parseFilter(text)).toMatchObject({ ok: true, filter: { kind: "and" } });
  expect(filterForIds(" ", ["tr-1"])).toBe("trace_id IN ('tr-1')");
});

test("a finished trace takes the place of its running self", () => {
  const next = updateTraces(pages, [trace("c", 3, "OK")]);
  expect(ids(next)).toEqual(["cb", "a"]);
  expect(next[0]?.traces[0]?.state).toBe("OK");
  expect(next[1]).toBe(pages[1]);
});

test("pages without a change are the same value", () => {
  expect(updateTraces(pages, [trace("x", 9)])).toBe(pages);
});

test("new traces come on top, newest first, known ones stay where they are", () => {
  const next = prependTraces(pages, [trace("d", 4), trace("b", 2, "ERROR"), trace("e", 5)]);
  expect(ids(next)).toEqual(["edcb", "a"]);
  expect(next[0]?.traces[3]?.state).toBe("ERROR");
  expect(next[0]?.nextPageToken).toBe("2");
});

test("a deleted trace leaves its page", () => {
  expect(ids(removeTrace(pages, "a"))).toEqual(["cb", ""]);
});
