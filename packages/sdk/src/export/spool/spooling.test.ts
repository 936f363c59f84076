/**
 * An exporter with a spool: what is on disk while the server is away, who sends it in the end, and what a disk that refuses means.
 */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SdkReport } from "@sightline/wire/model/sdk-process";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type ReceivedExport, type Receiver, startReceiver } from "../../testing/receiver.ts";
import { endSpans } from "../../testing/records.ts";
import { type Counters, newCounters } from "../counters.ts";
import { Exporter, type ExporterConfig } from "../exporter.ts";
import { spoolsIn, statePath } from "./names.ts";
import { thisProcess } from "./owner.ts";

const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
let receiver: Receiver;
let parent: string;
let dir: string;
let exporters: Exporter[] = [];
beforeEach(async () => {
  receiver = await startReceiver();
  parent = mkdtempSync(join(tmpdir(), "sightline-spool-test-"));
  dir = join(parent, "spool");
});
afterEach(async () => {
  for (const exporter of exporters) await exporter.shutdown(0);
  exporters = [];
  await receiver.close();
  rmSync(parent, { recursive: true });
});

function start(config: Partial<ExporterConfig> = {}): { exporter: Exporter; counters: Counters } {
  const counters = newCounters();
  const all = { url: receiver.url, maxQueueBytes: 1e6, exitTimeoutMs: 1000, spool: { dir }, ...config };
  const exporter = new Exporter(all, { "service.name": "bot" }, counters);
  exporters.push(exporter);
  return { exporter, counters };
}
const reportOf = ({ resource }: ReceivedExport) =>
  SdkReport.parse(JSON.parse(String(resource["sightline.sdk.report"])));
const instanceOf = ({ resource }: ReceivedExport) => resource["service.instance.id"];

/** Renames the spools of this process as if another one had left them. */
function pretendGone(): void {
  for (const name of spoolsIn(dir)) {
    // No process has this number: it is above what Linux and macOS give.
    renameSync(statePath(dir, name), statePath(dir, { ...name, owner: { ...thisProcess(), pid: 2 ** 30 } }));
  }
}

describe("with the server there", () => {
  test("spans pass through the spool, each once, and nothing is left on disk", async () => {
    const { exporter, counters } = start({ maxQueueBytes: 1e7 });
    endSpans(exporter, 3000);
    expect(await exporter.flush(10_000)).toBe(true);
    expect(receiver.spans).toHaveLength(3000);
    expect(receiver.exports.map(({ spans }) => spans.length).reduce((sum, count) => sum + count)).toBe(3000);
    expect(counters).toMatchObject({ ended: 3000, sent: 3000 });
    expect(await exporter.shutdown(1000)).toBe(true);
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe("with the server away", () => {
  test("more waits on disk than the queue in memory could hold, and all of it comes", async () => {
    receiver.answer(() => "stall");
    const { exporter, counters } = start({ maxQueueBytes: 60_000 });
    for (let round = 0; round < 20; round++) {
      endSpans(exporter, 20, { bytes: 1000 });
      const goal = exporter.spooledBytes;
      await vi.waitFor(() => expect(exporter.spooledBytes).toBeGreaterThan(goal));
      expect(exporter.unsentBytes).toBeLessThanOrEqual(60_000);
    }
    receiver.answer(() => ({ status: 200 }));
    receiver.closeConnections();
    expect(await exporter.flush(10_000)).toBe(true);
    expect(receiver.spans).toHaveLength(400);
    expect(counters.dropped).toEqual({ queueFull: 0, refused: 0, unsentAtExit: 0, broken: 0 });
  });

  test("a full spool leaves what comes to the queue; drops are counted exactly, and the rest comes", async () => {
    receiver.answer(() => "stall");
    const { exporter, counters } = start({ maxQueueBytes: 60_000, spool: { dir, maxBytes: 40_000 } });
    for (let round = 0; round < 30; round++) {
      endSpans(exporter, 10, { bytes: 1000 });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await vi.waitFor(() => expect(counters.dropped.queueFull).toBeGreaterThan(0));
    expect(exporter.spooledBytes).toBeLessThanOrEqual(40_000);
    receiver.answer(() => ({ status: 200 }));
    receiver.closeConnections();
    await exporter.flush(10_000);
    expect(receiver.spans.length + counters.dropped.queueFull).toBe(300);
    expect(counters.sent).toBe(receiver.spans.length);
  });

  test("what a process cannot send the next one does: under its name, with its numbers, once", async () => {
    receiver.answer(() => "stall");
    const first = start();
    endSpans(first.exporter, 5, { experiment: "a" });
    endSpans(first.exporter, 1);
    expect(await first.exporter.shutdown(50)).toBe(false);
    expect(first.counters).toMatchObject({ sent: 0, dropped: { unsentAtExit: 0 }, spool: { leftAtExit: 6 } });
    expect(warnings).toHaveBeenLastCalledWith(
      expect.stringContaining("the next process that spools to it"),
      "SightlineWarning",
    );
    const gone = instanceOf(receiver.exports[0]!);
    receiver.exports.length = 0;
    receiver.answer(() => ({ status: 200 }));
    pretendGone();
    const second = start();
    endSpans(second.exporter, 1);
    expect(await second.exporter.shutdown(5000)).toBe(true);
    const recovered = receiver.exports.filter((one) => instanceOf(one) === gone);
    expect(recovered.map((one) => [one.headers["x-sightline-experiment"], reportOf(one).seq])).toEqual([
      ["a", "1-5"],
      [undefined, "6"],
    ]);
    expect(recovered.map((one) => reportOf(one).final)).toEqual([false, true]);
    expect(reportOf(recovered.at(-1)!)).toMatchObject({ ended: 6, pid: process.pid });
    expect(second.counters).toMatchObject({
      ended: 1,
      sent: 1,
      spool: { recoveredProcesses: 1, recoveredSpans: 6 },
    });
    expect(readdirSync(dir)).toEqual([]);
  });

  test("what the server refuses of a gone process it is told in a last report", async () => {
    receiver.answer(() => "stall");
    const first = start();
    endSpans(first.exporter, 3);
    await first.exporter.shutdown(50);
    receiver.exports.length = 0;
    receiver.answer((request) => ({ status: request === 1 ? 400 : 200 }));
    pretendGone();
    const second = start();
    expect(await second.exporter.shutdown(5000)).toBe(true);
    expect(receiver.exports.map(reportOf)).toMatchObject([
      { seq: "1-3", ended: 3 },
      { seq: "", ended: 3, dropped: { refused: 3 }, final: true },
    ]);
    expect(second.counters.spool).toMatchObject({ recoveredProcesses: 1, recoveredSpans: 0, refusedSpans: 3 });
    expect(readdirSync(dir)).toEqual([]);
  });

  test("what a process dropped the next one reports", async () => {
    receiver.answer(() => "stall");
    const first = start({ maxQueueBytes: 5000, spool: { dir, maxBytes: 1 } });
    endSpans(first.exporter, 20, { bytes: 1000 });
    await first.exporter.shutdown(50);
    const { dropped } = first.counters;
    expect(dropped.queueFull + dropped.unsentAtExit).toBe(20);
    receiver.exports.length = 0;
    receiver.answer(() => ({ status: 200 }));
    pretendGone();
    await start().exporter.shutdown(5000);
    expect(receiver.exports.map(reportOf)).toMatchObject([{ seq: "", ended: 20, dropped, final: true }]);
  });
});

describe("a disk that refuses", () => {
  test.each([
    ["whose folder cannot be made", "below a file"],
    ["whose folder is none", "a file"],
    ["whose folder others can read", "open"],
  ])("%s: tracing goes on, said once and counted", async (_, place) => {
    writeFileSync(join(parent, "a file"), "");
    mkdirSync(join(parent, "open"), { mode: 0o755 });
    warnings.mockClear();
    const { exporter, counters } = start({
      spool: { dir: join(parent, place === "below a file" ? "a file/x" : place) },
    });
    endSpans(exporter, 10);
    expect(await exporter.flush(5000)).toBe(true);
    endSpans(exporter, 10);
    expect(await exporter.shutdown(5000)).toBe(true);
    expect(receiver.spans).toHaveLength(20);
    expect(counters).toMatchObject({ sent: 20, spool: { failures: 1 } });
  });

  test("while spans are written: they are sent from memory, and none comes twice", async () => {
    const { exporter, counters } = start({ maxQueueBytes: 1e8 });
    endSpans(exporter, 5);
    expect(await exporter.flush(5000)).toBe(true);
    // The next segment cannot be made: its name is taken by a folder.
    const [{ instanceId } = { instanceId: "" }] = spoolsIn(dir);
    mkdirSync(join(dir, `${instanceId}.1.spans`));
    const big = 9 * 1024 * 1024;
    endSpans(exporter, 2, { bytes: big });
    expect(await exporter.flush(10_000)).toBe(true);
    expect(counters.spool.failures).toBe(1);
    endSpans(exporter, 5);
    expect(await exporter.flush(5000)).toBe(true);
    expect(counters.sent).toBe(12);
    expect(receiver.exports.flatMap(({ spans }) => spans)).toHaveLength(12);
    rmSync(join(dir, `${instanceId}.1.spans`), { recursive: true });
  });
});
