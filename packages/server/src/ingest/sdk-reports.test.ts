import type { Attributes } from "@sightline/wire/otlp/span";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readSdkReport } from "./sdk-reports.ts";

const ID = "0b0e9a3c-5f0e-4f0a-9d55-000000000001";
const whole = {
  v: 1,
  seq: "1-512,514",
  startTime: 1_795_000_000_000.5,
  pid: 42,
  host: "web-1",
  runtime: "node 20.20.0",
  sdk: "0.1.0",
  ended: 520,
  dropped: { queueFull: 1, refused: 2, unsentAtExit: 3, broken: 4 },
  truncations: 5,
  retries: 6,
  failures: 7,
  mode: "previews",
  overheadMs: 8.25,
  final: true,
};

const read = (report: unknown, resource: Attributes = {}) =>
  readSdkReport(
    {
      "service.name": "checkout",
      "service.instance.id": ID,
      "sightline.sdk.report": typeof report === "string" ? report : JSON.stringify(report),
      ...resource,
    },
    "7",
  );

test("a report is read to the last field", () => {
  expect(read(whole, { "service.instance.id": ID.toUpperCase() })).toEqual({
    instanceId: ID,
    service: "checkout",
    host: "web-1",
    pid: 42,
    runtime: "node 20.20.0",
    sdkVersion: "0.1.0",
    startMs: 1_795_000_000_000,
    isFinal: true,
    ended: 520,
    received: [
      [1, 512],
      [514, 514],
    ],
    isExact: true,
    dropped: { queueFull: 1, refused: 2, unsentAtExit: 3, broken: 4 },
    truncations: 5,
    retries: 6,
    failures: 7,
    mode: "previews",
    overheadMs: 8.25,
    experimentIds: ["7"],
  });
});

test("what a report leaves out is nothing, what it has beside is ignored, and what came has ended", () => {
  expect(read({ v: 1, seq: "9", ended: 3, later: "field", dropped: { refused: 1, other: 2 } })).toMatchObject({
    ended: 9,
    dropped: { queueFull: 0, refused: 1, unsentAtExit: 0, broken: 0 },
    mode: "full",
    isFinal: false,
    startMs: 0,
  });
});

test("a report that cannot be used is none", () => {
  for (const report of [
    "",
    "{",
    "null",
    "[]",
    { ...whole, v: 2 },
    { ...whole, seq: "1-" },
    { ...whole, seq: 5 },
    { ...whole, ended: -1 },
    { ...whole, ended: 1e300 },
    { ...whole, ended: 1.5 },
    { ...whole, overheadMs: -1 },
    { ...whole, mode: "none" },
    { ...whole, pid: "42" },
    { ...whole, dropped: { queueFull: Number.MAX_SAFE_INTEGER + 1 } },
    { ...whole, host: "x".repeat(300_000) },
    { ...whole, seq: Array.from({ length: 25_000 }, (_, index) => 2 * index + 1).join(",") },
  ]) {
    expect(read(report), JSON.stringify(report).slice(0, 80)).toBeUndefined();
  }
  for (const id of ["", "none", `${ID}0`, 5, null, [ID]]) {
    expect(read(whole, { "service.instance.id": id }), String(id)).toBeUndefined();
  }
  expect(read(whole, { "sightline.sdk.report": 5 })).toBeUndefined();
});

test("texts are cut and have no characters that a database or a terminal takes amiss", () => {
  const hostile = `a\u0000b\u001b[31m\ud800${"x".repeat(500)}`;
  const report = read({ ...whole, host: hostile, runtime: hostile, sdk: hostile }, { "service.name": hostile });
  for (const text of [report?.host, report?.runtime, report?.sdkVersion, report?.service]) {
    expect(text).toHaveLength(200);
    expect(text).toMatch(/^a\ufffdb\ufffd\[31m\ufffdx+…$/);
  }
});

test("whatever is sent, reading neither throws nor gives times that have no date", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.double(), (value, startTime) => {
      read(value);
      const report = read({ ...whole, startTime });
      if (report !== undefined) expect(new Date(report.startMs).toISOString()).toMatch(/^\d{4}-/);
    }),
  );
});
