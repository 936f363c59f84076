import { expect, test } from "vitest";
import { formatDuration, formatElapsed } from "./duration.ts";

test("three significant digits and a unit", () => {
  expect([0.02, 0.84, 2.3449, 23.4, 234.4, 2810, 28_100].map(formatDuration)).toEqual([
    "20.0 µs",
    "840 µs",
    "2.34 ms",
    "23.4 ms",
    "234 ms",
    "2.81 s",
    "28.1 s",
  ]);
});

test("whole numbers keep the digits that were measured", () => {
  expect([5, 50, 5000].map(formatDuration)).toEqual(["5.00 ms", "50.0 ms", "5.00 s"]);
});

test("rounding carries into the next unit", () => {
  expect([0.9999, 999.7, 59_970, 3_599_700, 86_399_000].map(formatDuration)).toEqual([
    "1.00 ms",
    "1.00 s",
    "1 m 0 s",
    "1 h 0 m",
    "1 d 0 h",
  ]);
});

test("from a minute on two units", () => {
  expect([507_000, 7_500_000, 273_600_000].map(formatDuration)).toEqual(["8 m 27 s", "2 h 5 m", "3 d 4 h"]);
});

test("unknown is a dash, nothing is zero", () => {
  expect([formatDuration(undefined), formatDuration(0)]).toEqual(["–", "0 ms"]);
});

test("running time counts by the second", () => {
  expect([-5, 900, 14_000, 725_000, 3_753_000].map(formatElapsed)).toEqual([
    "0:00",
    "0:00",
    "0:14",
    "12:05",
    "1:02:33",
  ]);
});
