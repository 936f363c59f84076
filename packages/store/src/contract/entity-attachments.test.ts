/**
 * What the entity store promises about attachments, on every PostgreSQL engine; and what rows and blobs promise together.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Attachment } from "@sightline/wire/model/attachment";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AttachmentStore } from "../attachments/attachment-store.ts";
import type { BlobStore } from "../blob-store.ts";
import { openFolderBlobStore } from "../blobs/folder-blob-store.ts";
import { connectPostgres } from "../engines/postgres.ts";
import type { EntityStore } from "../entity-store.ts";
import { migratePostgres } from "../postgres/migrate-postgres.ts";
import { openPostgresEntityStore } from "../postgres/postgres-entity-store.ts";
import { postgresEngines, type RunningEngine } from "./engines.ts";
import { freshTraceId } from "./samples.ts";

const DAY_MS = 24 * 3600 * 1000;

function sha256Of(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(text);
}

describe.each(postgresEngines)("attachments on $name", ({ start }) => {
  let engine: RunningEngine;
  let records: EntityStore;
  let dir: string;
  beforeAll(async () => {
    engine = await start();
    const pool = connectPostgres(engine.url);
    await migratePostgres(pool, async () => undefined);
    records = openPostgresEntityStore(pool);
    dir = await mkdtemp(join(tmpdir(), "sightline-attachments-"));
  });
  afterAll(async () => {
    await records?.close();
    await engine?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  function row(traceId: string, text: string, createMs = Date.now()): Attachment {
    const createTime = new Date(createMs).toISOString();
    return {
      traceId,
      attachmentId: randomUUID(),
      contentType: "image/png",
      size: text.length,
      sha256: sha256Of(text),
      createTime,
    };
  }

  describe("rows", () => {
    test("an attachment is kept as it is, once for each id, and goes with its trace", async () => {
      const [one, other] = [freshTraceId(), freshTraceId()];
      const first = row(one, `a ${one}`, 1_700_000_000_000);
      const second = row(one, `b ${one}`, 1_700_000_001_000);
      expect(await records.addAttachment(second)).toEqual(second);
      expect(await records.addAttachment(first)).toEqual(first);
      expect(await records.addAttachment({ ...first, sha256: sha256Of("else") })).toEqual(first);
      expect(await records.getAttachment(one, first.attachmentId)).toEqual(first);
      expect(await records.getAttachment(other, first.attachmentId)).toBeUndefined();
      expect(await records.listAttachments([other, one])).toEqual([first, second]);
      expect(await records.listAttachments([])).toEqual([]);
      expect(await records.removeAttachments([other])).toEqual([]);
      expect(await records.removeAttachments([one], { uploadedBeforeMs: 1_700_000_000_500 })).toEqual([first]);
      expect(await records.removeAttachments([one])).toEqual([second]);
      expect(await records.listAttachments([one])).toEqual([]);
    });

    test("blobs are unused when no attachment names them, and are measured once", async () => {
      const traceIds = [freshTraceId(), freshTraceId()];
      const before = await records.measureAttachments();
      const shared = `shared ${traceIds[0]}`;
      for (const traceId of traceIds) await records.addAttachment(row(traceId, shared));
      expect(await records.measureAttachments()).toEqual({
        attachments: before.attachments + 2,
        bytes: before.bytes + shared.length,
      });
      expect(await records.findUnusedBlobs([sha256Of("nobody's"), sha256Of(shared)])).toEqual([sha256Of("nobody's")]);
      await records.removeAttachments(traceIds);
      expect(await records.findUnusedBlobs([sha256Of(shared)])).toEqual([sha256Of(shared)]);
      expect(await records.measureAttachments()).toEqual(before);
    });

    test("traces are listed page by page by the age of their attachments, without those that were confirmed", async () => {
      const traceIds = [freshTraceId(), freshTraceId(), freshTraceId()].sort();
      const [first = "", second = "", young = ""] = traceIds;
      for (const traceId of [first, second])
        for (const text of ["x", "y"]) await records.addAttachment(row(traceId, text, 1000));
      await records.addAttachment(row(young, "z", 9_000_000));
      const list = (after: string, limit: number, includeConfirmed = false) =>
        records.listAttachedTraces({ uploadedBeforeMs: 5000, includeConfirmed, after, limit });
      expect(await list("", 1)).toEqual([first]);
      expect(await list(first, 10)).toEqual([second]);
      await records.confirmAttachedTraces([first, young], { uploadedBeforeMs: 5000 });
      expect(await list("", 10)).toEqual([second]);
      expect(await list("", 10, true)).toEqual([first, second]);
      // What comes later for a trace that was confirmed is looked for again.
      await records.addAttachment(row(first, "later", 2000));
      expect(await list("", 10)).toEqual([first, second]);
      await records.removeAttachments(traceIds);
    });
  });

  describe("rows and blobs together", () => {
    let blobs: BlobStore;
    let store: AttachmentStore;
    let nowMs: number;
    let known: Set<string>;
    const findMissing = async (traceIds: readonly string[]) => traceIds.filter((traceId) => !known.has(traceId));
    beforeEach(async () => {
      nowMs = Date.now();
      known = new Set();
      blobs = openFolderBlobStore(await mkdtemp(join(dir, "blobs-")));
      store = new AttachmentStore({ records, blobs, now: () => nowMs });
    });

    function keep(traceId: string, text: string, attachmentId = randomUUID() as string): Promise<Attachment> {
      return store.keep({ traceId, attachmentId, contentType: "text/plain" }, bytesOf(text));
    }

    async function hasBlob(text: string): Promise<boolean> {
      const blob = await blobs.open(sha256Of(text));
      await blob?.close();
      return blob !== undefined;
    }

    test("uploads and removals of the same bytes at once never leave a row without its blob", async () => {
      const text = `contended ${randomUUID()}`;
      const traceIds = Array.from({ length: 20 }, freshTraceId);
      await Promise.all(
        traceIds.map(async (traceId, index) => {
          for (let round = 0; round < 5; round += 1) {
            await keep(traceId, text);
            expect(await hasBlob(text)).toBe(true);
            if (round < 4 || index % 2 === 0) await store.removeOfTraces([traceId]);
          }
        }),
      );
      expect(await hasBlob(text)).toBe(true);
      for (const attachment of await store.list(traceIds)) {
        const blob = await store.open(attachment);
        expect(blob?.size).toBe(text.length);
        await blob?.close();
      }
      const removed = await store.removeOfTraces(traceIds);
      expect(removed).toEqual({ attachments: 10, bytesFreed: text.length });
      expect(await hasBlob(text)).toBe(false);
    });

    test("while blobs are held none goes; afterwards those go that nobody needs", async () => {
      const [traceId, other] = [freshTraceId(), freshTraceId()];
      await keep(traceId, "held and gone");
      await keep(traceId, "held and wanted again");
      const [first, second] = [store.holdBlobs(), store.holdBlobs()];
      expect((await store.removeOfTraces([traceId])).bytesFreed).toBe(0);
      await keep(other, "held and wanted again");
      await first();
      await first();
      expect(await hasBlob("held and gone")).toBe(true);
      await second();
      expect(await hasBlob("held and gone")).toBe(false);
      expect(await hasBlob("held and wanted again")).toBe(true);
      await store.removeOfTraces([other]);
    });

    test("a sweep takes attachments without a trace after a day, and looks for each trace once", async () => {
      const [there, missing, young] = [freshTraceId(), freshTraceId(), freshTraceId()];
      known.add(there);
      for (const traceId of [there, missing]) await keep(traceId, `old of ${traceId}`);
      nowMs += DAY_MS + 1000;
      await keep(young, "young");
      expect(await store.isSweepDue()).toBe(true);
      expect(await store.sweep(findMissing)).toEqual({ attachments: 1, bytesFreed: `old of ${missing}`.length });
      expect((await store.list([there, missing, young])).map(({ traceId }) => traceId)).toEqual([there, young]);
      expect(await store.isSweepDue()).toBe(false);
      // A trace that was there once and went without its attachments: found by a thorough sweep, and by the check before.
      known.delete(there);
      expect((await store.sweep(findMissing)).attachments).toBe(0);
      const found = await store.findInconsistencies(findMissing);
      expect(found).toEqual([{ name: "attachments-without-trace", count: 1, examples: [there] }]);
      expect((await store.sweep(findMissing, { isThorough: true })).attachments).toBe(1);
      expect(await store.findInconsistencies(findMissing)).toEqual([]);
      await store.removeOfTraces([young]);
    });

    test("a sweep takes blobs that nobody names and remains of uploads after an hour, not before", async () => {
      const draft = await blobs.receive(bytesOf("a crash before the row"));
      await draft.keep();
      await blobs.receive(bytesOf("a crash before the rename"));
      expect((await store.sweep(findMissing)).bytesFreed).toBe(0);
      expect(await store.findInconsistencies(findMissing)).toEqual([]);
      nowMs += 3600 * 1000 + 5000;
      expect((await store.findInconsistencies(findMissing)).map(({ name }) => name)).toEqual([
        "blobs-without-attachment",
      ]);
      const all = "a crash before the row".length + "a crash before the rename".length;
      expect((await store.sweep(findMissing)).bytesFreed).toBe(all);
      expect(await hasBlob("a crash before the row")).toBe(false);
    });

    test("without a place for bytes attachments are refused, and nothing else fails", async () => {
      const none = new AttachmentStore({ records, blobs: undefined });
      const attachmentId = randomUUID();
      await expect(none.keep({ traceId: freshTraceId(), attachmentId }, bytesOf("x"))).rejects.toMatchObject({
        code: "ATTACHMENTS_UNAVAILABLE",
      });
      expect(await none.removeOfTraces([freshTraceId()])).toEqual({ attachments: 0, bytesFreed: 0 });
      expect(await none.sweep(findMissing)).toEqual({ attachments: 0, bytesFreed: 0 });
    });
  });
});
