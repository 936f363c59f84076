import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freshTraceId } from "./contract/samples.ts";
import { openStore } from "./open.ts";

test("what a backup's rows name is in it, also if the trace is deleted before the bytes are read", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "sightline-backup-source-"));
  const store = await openStore({ dataDir });
  try {
    const { attachments } = store;
    const traceId = freshTraceId();
    const kept = await attachments.keep(
      { traceId, attachmentId: randomUUID() },
      (async function* () {
        yield Buffer.from("bytes");
      })(),
    );
    const seen: string[] = [];
    for await (const { engine, table, rows } of store.backup.tables({ signal: new AbortController().signal })) {
      let text = "";
      for await (const piece of rows()) text += Buffer.from(piece).toString();
      if (text.includes(kept.sha256)) seen.push(`${engine}.${table}`);
      if (table === "attachments" && engine === "postgres") await attachments.removeOfTraces([traceId]);
    }
    expect(seen).toEqual(["postgres.attachments", "blobs.attachments"]);
    // And it goes when the backup is done.
    expect(await attachments.open(kept)).toBeUndefined();
  } finally {
    await store.close();
    await rm(dataDir, { recursive: true, force: true });
  }
});
