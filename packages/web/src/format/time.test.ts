import { expect, test } from "vitest";
import { formatFullTime, formatListTime, formatRelativeTime } from "./time.ts";

const now = new Date("2026-11-24T10:00:00Z");

test("a list shows the clock today, the day before that, the year before that", () => {
  const shown = ["2026-11-24T09:12:44.717Z", "2026-11-23T09:12:44Z", "2025-11-24T09:12:44Z"].map((time) =>
    formatListTime(new Date(time), { now, timeZone: "UTC" }),
  );
  expect(shown).toEqual(["09:12:44", "Nov 23 09:12", "2025 Nov 24"]);
});

test("today is that of the reader's time zone", () => {
  const time = new Date("2026-11-23T20:00:00Z");
  expect(formatListTime(time, { now, timeZone: "Asia/Taipei" })).toBe("04:00:00");
  expect(formatListTime(time, { now, timeZone: "UTC" })).toBe("Nov 23 20:00");
});

test("the full time has milliseconds and the zone", () => {
  const time = new Date("2026-11-24T08:12:44.017Z");
  expect(formatFullTime(time, { timeZone: "Europe/Amsterdam" })).toBe("Tue Nov 24 2026 09:12:44.017 UTC+1");
});

test("relative times", () => {
  const ago = (ms: number) => formatRelativeTime(new Date(now.getTime() - ms), { now });
  expect([400, 5000, 180_000, 7_200_000, 86_400_000].map(ago)).toEqual([
    "just now",
    "5 seconds ago",
    "3 minutes ago",
    "2 hours ago",
    "yesterday",
  ]);
});
