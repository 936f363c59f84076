/**
 * The files of a spool: what is read back after a crash at any byte, what room they take, who may read them.
 */
import { randomUUID } from "node:crypto";
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { PreparedSpan } from "../prepared-span.ts";
import { prepareFolder } from "./folder.ts";
import { type SpoolName, segmentFiles, segmentPath, statePath } from "./names.ts";
import { thisProcess } from "./owner.ts";
import { Spool, type SpoolBatch } from "./spool.ts";
import type { SpoolHeader } from "./state-file.ts";

let dir: string;
let name: SpoolName;
beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), "sightline-spool-test-")), "spool");
  prepareFolder(dir);
  name = { instanceId: randomUUID(), server: "0123456789ab", owner: thisProcess() };
});
afterEach(() => rmSync(join(dir, ".."), { recursive: true }));

const header = (): SpoolHeader => ({
  version: 1,
  instanceId: name.instanceId,
  startTime: 1,
  pid: 2,
  host: "host",
  runtime: "node 20",
  sdk: "0.1.0",
  resource: { "service.name": "bot 客服" },
});
const MiB = 1024 * 1024;
const create = (maxBytes = 100 * MiB): Spool => Spool.create(dir, name, header(), maxBytes);
const reopen = (): Spool => Spool.open(dir, name) as Spool;
const span = (sequence: number, text = `span ${sequence}`): PreparedSpan => ({
  bytes: [Buffer.from(text.slice(0, 3)), Buffer.from(text.slice(3))],
  sequence,
  experiment: sequence % 2 === 0 ? undefined : "實驗",
  isRunning: false,
  attachments: [],
});
const sequences = (batch: SpoolBatch | undefined): number[] => (batch?.spans ?? []).map(({ sequence }) => sequence);
const textOf = ({ bytes }: PreparedSpan): string => Buffer.concat(bytes).toString();
const everything = (spool: Spool): SpoolBatch | undefined => spool.next(1e9, 1e9);

test("what was appended is read back whole, by this process and by the next", async () => {
  const spool = create();
  const attachments = [
    { traceId: "a".repeat(32), attachmentId: randomUUID(), contentType: "image/png", bytes: Buffer.from("png") },
    { traceId: "a".repeat(32), attachmentId: randomUUID(), contentType: "text/plain", bytes: Buffer.from("") },
  ];
  expect(await spool.append([span(1), { ...span(2), attachments }])).toBe(true);
  expect(spool.appendNow([span(3)])).toBe(true);
  spool.state.writeEnded(5);
  for (const reader of [spool, reopen()]) {
    const batch = everything(reader);
    expect(sequences(batch)).toEqual([1, 2, 3]);
    expect(batch?.spans.map(textOf)).toEqual(["span 1", "span 2", "span 3"]);
    expect(batch?.spans.map(({ experiment }) => experiment)).toEqual(["實驗", undefined, "實驗"]);
    expect(batch?.spans[1]?.attachments).toEqual(attachments);
    expect(reader.state.get("ended")).toBe(5);
    expect(reader.state.header).toEqual(header());
    expect(everything(reader)).toBeUndefined();
  }
});

test("batches keep both limits, and give at least one span", async () => {
  const spool = create();
  await spool.append([1, 2, 3, 4, 5].map((sequence) => span(sequence, "x".repeat(1000))));
  expect(sequences(spool.next(2, 1e9))).toEqual([1, 2]);
  expect(sequences(spool.next(10, 1))).toEqual([3]);
  expect(sequences(spool.next(10, 1500))).toEqual([4, 5]);
  expect([spool.waiting, spool.unsettled]).toEqual([0, 5]);
});

test("a process that takes over begins behind what the server has answered for", async () => {
  const spool = create();
  await spool.append([span(1), span(2), span(3)]);
  spool.settle(spool.next(2, 1e9) as SpoolBatch);
  everything(spool);
  expect(sequences(everything(reopen()))).toEqual([3]);
});

test("a crash at any byte leaves the records before it, whole and in order", async () => {
  const spool = create();
  const texts = ["", "a", "é🌧".repeat(50), "x".repeat(5000)];
  await spool.append(texts.map((text, index) => span(index + 1, text)));
  const path = segmentPath(dir, name.instanceId, 0);
  const whole = readFileSync(path);
  const ends = (): number[] => {
    const found: number[] = [];
    const reader = reopen();
    for (let batch = reader.next(1, 1); batch !== undefined; batch = reader.next(1, 1)) found.push(batch.end.position);
    reader.close();
    return found;
  };
  const all = ends();
  expect(all).toHaveLength(4);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: whole.length }), fc.boolean(), (at, isGarbage) => {
      writeFileSync(path, whole);
      truncateSync(path, at);
      // A file system may have given the file its length and not yet its bytes.
      if (isGarbage) appendFileSync(path, Buffer.alloc(whole.length - at));
      const found = ends();
      const expected = all.filter((end) => end <= at);
      // Bytes that were zero in the first place are as they were.
      expect(found.slice(0, expected.length)).toEqual(expected);
      for (const end of found) expect(all).toContain(end);
      if (!isGarbage) expect(found).toEqual(expected);
    }),
  );
});

test("a torn record in the middle costs the rest of its segment, not the next", async () => {
  const spool = create(8000);
  await spool.append([span(1, "a".repeat(600)), span(2, "b".repeat(600))]);
  await spool.append([span(3)]);
  const [first, second] = segmentFiles(dir, name.instanceId);
  expect(second).toBeDefined();
  const bytes = readFileSync(first!.path);
  bytes[bytes.length - 1] = 0x21;
  writeFileSync(first!.path, bytes);
  expect(sequences(everything(reopen()))).toEqual([1, 3]);
});

describe("the bound on bytes", () => {
  test("holds, and there is room again when the server has answered", async () => {
    const maxBytes = 20_000;
    const spool = create(maxBytes);
    let next = 1;
    const fill = async (): Promise<void> => {
      while (await spool.append([span(next, "x".repeat(700))])) {
        next += 1;
        expect(spool.bytes).toBeLessThanOrEqual(maxBytes);
      }
    };
    await fill();
    expect(next).toBeGreaterThan(20);
    const seen = everything(spool) as SpoolBatch;
    expect(sequences(seen)).toEqual(Array.from({ length: next - 1 }, (_, index) => index + 1));
    spool.settle(seen);
    const before = next;
    await fill();
    expect(next - before).toBeGreaterThan(20);
    const onDisk = (): number =>
      segmentFiles(dir, name.instanceId).reduce((sum, { path }) => sum + statSync(path).size, 0);
    expect(onDisk()).toBe(spool.bytes);
  });

  test("counts segments until they are removed, which is when all of them was answered for", async () => {
    const spool = create(80_000);
    for (let sequence = 1; sequence <= 40; sequence++) await spool.append([span(sequence, "x".repeat(1000))]);
    const before = segmentFiles(dir, name.instanceId).length;
    expect(before).toBeGreaterThan(3);
    spool.settle(spool.next(39, 1e9) as SpoolBatch);
    expect(segmentFiles(dir, name.instanceId)).toHaveLength(1);
    spool.settle(everything(spool) as SpoolBatch);
    expect(spool.unsettled).toBe(0);
    await spool.append([span(41)]);
    expect(sequences(everything(spool))).toEqual([41]);
    expect(sequences(everything(reopen()))).toEqual([41]);
  });
});

test("files and folder are the user's alone", async () => {
  const spool = create();
  await spool.append([span(1)]);
  const files = readdirSync(dir);
  expect(files).toHaveLength(2);
  for (const file of files) expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600);
  expect(statSync(dir).mode & 0o777).toBe(0o700);
});

test("nothing is left of a spool that is removed", async () => {
  const spool = create();
  await spool.append([span(1)]);
  spool.remove();
  expect(readdirSync(dir)).toEqual([]);
});

test("a state file that is torn or of another version is no spool", () => {
  const path = statePath(dir, name);
  create().close();
  const bytes = readFileSync(path);
  for (const broken of [bytes.subarray(0, 100), bytes.subarray(0, -1), Buffer.from("SLSPOOL2")]) {
    writeFileSync(path, broken);
    expect(Spool.open(dir, name)).toBeUndefined();
  }
});
