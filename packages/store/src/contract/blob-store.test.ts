/**
 * What the blob store promises, on every implementation.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { BlobStore } from "../blob-store.ts";
import { openFolderBlobStore } from "../blobs/folder-blob-store.ts";

const made: string[] = [];
afterAll(() => Promise.all(made.map((dir) => rm(dir, { recursive: true, force: true }))));

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "sightline-blobs-"));
  made.push(dir);
  return dir;
}

const stores = [{ name: "a folder", open: async () => openFolderBlobStore(join(await folder(), "blobs")) }];

async function* pieces(bytes: Uint8Array, length = 1000): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function readAll(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of bytes) all.push(piece);
  return Buffer.concat(all);
}

describe.each(stores)("blobs in $name", ({ open }) => {
  let blobs: BlobStore;
  beforeEach(async () => {
    blobs = await open();
  });

  async function keep(bytes: Uint8Array): Promise<string> {
    const draft = await blobs.receive(pieces(bytes));
    await draft.keep();
    await draft.discard();
    return draft.sha256;
  }

  async function names(): Promise<string[]> {
    const found: string[] = [];
    for await (const listed of blobs.list()) found.push(...listed.map(({ sha256 }) => sha256));
    return found.sort();
  }

  test("bytes are found under their hash, whole and in part, until they are removed", async () => {
    const bytes = randomBytes(700_000);
    const sha256 = await keep(bytes);
    expect(sha256).toBe(digest(bytes));
    const whole = await blobs.open(sha256);
    expect(whole?.size).toBe(bytes.length);
    expect((await readAll(whole!.read())).equals(bytes)).toBe(true);
    const part = await blobs.open(sha256);
    expect((await readAll(part!.read(10, 300_000))).equals(bytes.subarray(10, 300_000))).toBe(true);
    expect(await names()).toEqual([sha256]);
    // One that is being read goes on to its end.
    const reading = await blobs.open(sha256);
    expect(await blobs.remove(sha256)).toBe(bytes.length);
    expect((await readAll(reading!.read())).equals(bytes)).toBe(true);
    expect(await blobs.open(sha256)).toBeUndefined();
    expect(await blobs.remove(sha256)).toBe(0);
    expect(await names()).toEqual([]);
  });

  test("a draft that is not kept leaves nothing, and one that fails neither", async () => {
    const draft = await blobs.receive(pieces(randomBytes(10)));
    await draft.discard();
    const failing = blobs.receive(
      (async function* () {
        yield randomBytes(10);
        throw new Error("broken off");
      })(),
    );
    await expect(failing).rejects.toThrow("broken off");
    expect(await names()).toEqual([]);
    expect(await blobs.removeDrafts(Number.MAX_SAFE_INTEGER)).toBe(0);
  });

  test("drafts of before are removed by their age", async () => {
    await blobs.receive(pieces(randomBytes(123)));
    expect(await blobs.removeDrafts(Date.now() - 60_000)).toBe(0);
    expect(await blobs.removeDrafts(Date.now() + 60_000)).toBe(123);
    expect(await blobs.removeDrafts(Date.now() + 60_000)).toBe(0);
  });

  test("the same bytes are kept once, an empty blob is one, and names that are none find nothing", async () => {
    const bytes = randomBytes(5000);
    await Promise.all([keep(bytes), keep(bytes), keep(bytes)]);
    const empty = await keep(new Uint8Array());
    expect(await names()).toEqual([digest(bytes), empty].sort());
    expect((await readAll((await blobs.open(empty))!.read())).length).toBe(0);
    for (const name of ["", "../../etc/passwd", "x".repeat(64)]) {
      expect(await blobs.open(name)).toBeUndefined();
      expect(await blobs.remove(name)).toBe(0);
    }
  });
});

test("a file that something has cut is replaced when its bytes come again; others may not read the folder", async () => {
  const dir = join(await folder(), "blobs");
  const blobs = openFolderBlobStore(dir);
  const bytes = randomBytes(1000);
  const keep = async () => {
    const draft = await blobs.receive(pieces(bytes));
    await draft.keep();
    return draft.sha256;
  };
  const sha256 = await keep();
  await truncate(join(dir, sha256.slice(0, 2), sha256.slice(2)), 10);
  await keep();
  expect((await blobs.open(sha256))?.size).toBe(1000);
  expect((await readdir(dir)).sort()).toEqual([sha256.slice(0, 2), "drafts"].sort());
});
