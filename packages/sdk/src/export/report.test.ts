/**
 * What the server is told of the process: with it, it can count what never came.
 */
import { SdkReport } from "@sightline/wire/model/sdk-process";
import { countSequences, parseSequences, type Sequences, unionSequences } from "@sightline/wire/sequence-ranges";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ReceivedExport, type Receiver, startReceiver } from "../testing/receiver.ts";
import { endedRecord, endSpans } from "../testing/records.ts";
import { newCounters } from "./counters.ts";
import { Exporter, type ExporterConfig } from "./exporter.ts";

vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
let receiver: Receiver;
let exporters: Exporter[] = [];
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  for (const exporter of exporters) await exporter.shutdown(0);
  exporters = [];
  await receiver.close();
});

function start(config: Partial<ExporterConfig> = {}): Exporter {
  const all = { url: receiver.url, maxQueueBytes: 1e6, exitTimeoutMs: 1000, ...config };
  const exporter = new Exporter(all, { "service.name": "bot" }, newCounters());
  exporters.push(exporter);
  return exporter;
}
const reportOf = ({ resource }: ReceivedExport) =>
  SdkReport.parse(JSON.parse(String(resource["sightline.sdk.report"])));
const received = (exports: readonly ReceivedExport[]): Sequences =>
  exports.map((one) => parseSequences(reportOf(one).seq) ?? []).reduce(unionSequences, []);

test("every request says who sends, which spans it holds, and how many have ended", async () => {
  const exporter = start();
  endSpans(exporter, 3);
  await exporter.flush(5000);
  endSpans(exporter, 2);
  await exporter.flush(5000);
  const [first, second] = receiver.exports;
  expect(reportOf(first!)).toEqual({
    v: 1,
    seq: "1-3",
    startTime: Math.round(performance.timeOrigin),
    pid: process.pid,
    host: expect.any(String),
    runtime: `node ${process.versions.node}`,
    sdk: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    ended: 3,
    dropped: { queueFull: 0, refused: 0, unsentAtExit: 0, broken: 0 },
    truncations: 0,
    retries: 0,
    failures: expect.any(Number),
    mode: "full",
    overheadMs: expect.any(Number),
    final: false,
  });
  expect(reportOf(second!)).toMatchObject({ seq: "4-5", ended: 5 });
  const id = first!.resource["service.instance.id"];
  expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(second!.resource).toMatchObject({ "service.instance.id": id, "service.name": "bot" });
});

test("an exporter of its own is a process of its own", async () => {
  for (const exporter of [start(), start()]) {
    endSpans(exporter, 1);
    await exporter.flush(5000);
  }
  expect(receiver.exports.map((one) => reportOf(one).seq)).toEqual(["1", "1"]);
  expect(new Set(receiver.exports.map(({ resource }) => resource["service.instance.id"])).size).toBe(2);
});

test("spans of several experiments go in requests of their own, each with its own numbers", async () => {
  const exporter = start();
  endSpans(exporter, 2, { experiment: "a" });
  endSpans(exporter, 1);
  endSpans(exporter, 1, { experiment: "a" });
  await exporter.flush(5000);
  expect(receiver.exports.map((one) => [one.headers["x-sightline-experiment"], reportOf(one).seq])).toEqual([
    ["a", "1-2,4"],
    [undefined, "3"],
  ]);
});

test("spans that run have no number and are not counted", async () => {
  const exporter = start();
  const open = { ...endedRecord(exporter, { name: "open" }), endMs: undefined };
  exporter.onStart(open);
  exporter.announceAll();
  endSpans(exporter, 1);
  await exporter.flush(5000);
  expect(receiver.exports.map((one) => [one.spans.length, reportOf(one).seq])).toEqual([[2, "1"]]);
});

test("what is missing is what was dropped, and the server is told without a span that would carry it", async () => {
  receiver.answer(() => "stall");
  const exporter = start({ maxQueueBytes: 20_000 });
  endSpans(exporter, 10, { bytes: 1000 });
  await receiver.waitForExports(1);
  endSpans(exporter, 90, { bytes: 1000 });
  receiver.answer(() => ({ status: 200 }));
  receiver.closeConnections();
  await exporter.shutdown(5000);
  const last = reportOf(receiver.exports.at(-1)!);
  const came = countSequences(received(receiver.exports));
  expect(came).toBeLessThan(100);
  expect(last).toMatchObject({ ended: 100, final: true });
  expect(came + last.dropped.queueFull).toBe(100);
});

test("a drop after the last span is told at the end, in a request without spans", async () => {
  receiver.answer(() => ({ status: 400 }));
  const exporter = start();
  endSpans(exporter, 2);
  expect(await exporter.flush(5000)).toBe(false);
  receiver.answer(() => ({ status: 200 }));
  expect(await exporter.shutdown(5000)).toBe(true);
  expect(receiver.exports).toHaveLength(2);
  expect(receiver.exports[1]!.spans).toEqual([]);
  expect(reportOf(receiver.exports[1]!)).toMatchObject({ seq: "", ended: 2, dropped: { refused: 2 }, final: true });
});

test("the last request says so, and none follows it when there is nothing to tell", async () => {
  const exporter = start();
  endSpans(exporter, 1);
  await exporter.shutdown(5000);
  expect(receiver.exports.map((one) => reportOf(one).final)).toEqual([true]);
  const silent = start();
  endSpans(silent, 1);
  await silent.flush(5000);
  await silent.shutdown(5000);
  expect(receiver.exports).toHaveLength(2);
});
