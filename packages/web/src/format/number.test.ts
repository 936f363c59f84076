import { expect, test } from "vitest";
import { formatBytes, formatCost, formatCount, formatShort, formatTotal } from "./number.ts";

test("counts stand in groups of three", () => {
  expect([0, 992, 1204, 48210].map(formatCount)).toEqual(["0", "992", "1,204", "48,210"]);
});

test("totals are exact to 10,000 and say so when they are not", () => {
  expect([92, 10_000, 10_001, 48_210, 1_234_567].map(formatTotal)).toEqual([
    "92",
    "10,000",
    "≈ 10 k",
    "≈ 48 k",
    "≈ 1.2 M",
  ]);
});

test("short numbers do not jump a unit by rounding", () => {
  expect([999, 1000, 9949, 9950, 999_499].map(formatShort)).toEqual(["999", "1.0 k", "9.9 k", "10 k", "999 k"]);
});

test("cost keeps three significant digits however small it is", () => {
  expect([0.000048, 0.000526, 0.0123456, 0.05, 1.2, 1.234, 12, 99.99, 123.4, 12345].map(formatCost)).toEqual([
    "$0.000048",
    "$0.000526",
    "$0.0123",
    "$0.05",
    "$1.20",
    "$1.23",
    "$12.00",
    "$99.99",
    "$123.40",
    "$12,345",
  ]);
});

test("an unknown cost is a dash, a cost of nothing is zero", () => {
  expect([formatCost(undefined), formatCost(0)]).toEqual(["–", "$0.00"]);
});

test("bytes", () => {
  expect([0, 999, 256_000, 5_242_880].map(formatBytes)).toEqual(["0 B", "999 B", "256 kB", "5.2 MB"]);
});
