import { describe, expect, test } from "vitest";
import { isBound, parseBound, rangeLabel, resolveRange } from "./time-range.ts";

// Local time, whatever the zone of the machine is.
const now = new Date(2026, 10, 24, 10, 0, 0);
const local = (...args: [number, number, number, number?, number?]) => new Date(...args).toISOString();

test("relative bounds count from now, absolute ones stand", () => {
  const at = new Date("2026-11-24T10:00:00Z");
  expect(resolveRange({ from: "24h" }, at)).toEqual({ from: "2026-11-23T10:00:00.000Z" });
  expect(resolveRange({ from: "2026-11-24T08:00:00+01:00", to: "15m" }, at)).toEqual({
    from: "2026-11-24T07:00:00.000Z",
    to: "2026-11-24T09:45:00.000Z",
  });
  expect(resolveRange({}, at)).toEqual({});
});

test("labels", () => {
  const label = (from?: string, to?: string) => rangeLabel({ from, to }, { timeZone: "UTC" });
  expect(label("24h")).toBe("Last 24 hours");
  expect(label("3d")).toBe("Last 3 days");
  expect(label("1w")).toBe("Last 1 week");
  expect(label()).toBe("All time");
  expect(label("2026-11-03T14:00:00Z", "2026-11-03T15:00:00Z")).toBe("Nov 03 14:00 – 15:00");
  expect(label("2026-11-03T14:00:00Z", "2026-11-04T15:00:00Z")).toBe("Nov 03 14:00 – Nov 04 15:00");
  expect(label("2026-11-03T14:00:00Z")).toBe("Since Nov 03 14:00");
  expect(label(undefined, "1h")).toBe("Until 1h ago");
});

test("bounds of the URL", () => {
  expect(["24h", "2026-11-24T08:00:00Z", "yesterday", "2026", "5y", ""].map(isBound)).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

describe("typed bounds", () => {
  test.each([
    ["3h", "3h"],
    ["2 d ago", "2d"],
    ["now", ""],
    ["  ", ""],
    ["2026-11-24T09:00:00Z", "2026-11-24T09:00:00Z"],
    ["14:05", local(2026, 10, 24, 14, 5)],
    ["today", local(2026, 10, 24)],
    ["Yesterday 18:30", local(2026, 10, 23, 18, 30)],
    ["2026-11-03 14:00", local(2026, 10, 3, 14)],
    ["nov 3 14:00", local(2026, 10, 3, 14)],
    ["December 30", local(2025, 11, 30)],
    ["mar 1, 2024 08:00", local(2024, 2, 1, 8)],
  ])("%s", (text, bound) => {
    expect(parseBound(text, now)).toBe(bound);
  });

  test.each(["soon", "2026-02-31", "25:00", "foo 3", "2026-11-24T99:00:00Z"])("%s cannot be read", (text) => {
    expect(parseBound(text, now)).toBeUndefined();
  });
});
