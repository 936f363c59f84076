/**
 * Attachments over real HTTP: kept, given back whole and in ranges, never run as ours, gone with their trace.
 */
import { createHash, randomUUID } from "node:crypto";
import { readdir, stat, utimes, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import type { Clock } from "@sightline/server/lifecycle/clock";
import { MAX_ATTACHMENT_BYTES } from "@sightline/wire/model/attachment";
import type { Job } from "@sightline/wire/model/job";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { newTraceId } from "../../harness/otlp-json.ts";
import { type ServerUnderTest, startInProcess } from "./in-process.ts";
import { errorOf, makeSpan, send } from "./spans.ts";

const DAY_MS = 24 * 3600 * 1000;

/** The machine's time, and what the test adds to it. */
class TestClock implements Clock {
  #ahead = 0;
  readonly #work = new Set<() => void>();
  now(): number {
    return Date.now() + this.#ahead;
  }
  every(_ms: number, work: () => void): () => void {
    this.#work.add(work);
    return () => this.#work.delete(work);
  }
  /** Lets time pass; everything that happens regularly happens once. */
  pass(ms: number): void {
    this.#ahead += ms;
    for (const work of this.#work) work();
  }
}

let clock: TestClock;
let server: ServerUnderTest;
let client: ServerUnderTest["client"];
beforeAll(async () => {
  clock = new TestClock();
  server = await startInProcess({}, undefined, { clock });
  client = server.client;
});
afterEach(async () => {
  expect(await check()).toEqual({ problems: 0 });
});
afterAll(() => server?.stop());

async function ended({ jobId }: Job): Promise<Job> {
  for (;;) {
    const { job } = await client.getJob({ params: { jobId }, query: { waitSeconds: "30" } });
    if (job.endTime !== undefined) return job;
  }
}

async function check(): Promise<Readonly<Record<string, number>>> {
  const { counts, state } = await ended((await client.checkStorage()).job);
  expect(state).toBe("succeeded");
  return counts;
}

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

/** A trace that is there, in an experiment. */
async function makeStoredTrace(experiment = "attachments", startMs = Date.now()): Promise<string> {
  const span = makeSpan({ startTimeUnixNano: BigInt(startMs) * 1_000_000n });
  expect((await send(server.url, [span], { "x-sightline-experiment": experiment })).status).toBe(200);
  return `tr-${span.traceId}`;
}

function addressOf(traceId: string, attachmentId: string): string {
  return `${server.url}/api/v1/traces/${traceId}/attachments/${attachmentId}`;
}

async function put(
  traceId: string,
  body: Uint8Array | string,
  { attachmentId = randomUUID() as string, contentType = "image/png" } = {},
): Promise<string> {
  const answer = await fetch(addressOf(traceId, attachmentId), {
    method: "PUT",
    headers: { "content-type": contentType },
    body: typeof body === "string" ? body : new Uint8Array(body),
  });
  expect(answer.status, await answer.clone().text()).toBe(200);
  return attachmentId;
}

/** Paths and sizes of the files of the blob store. */
async function blobFiles(): Promise<Map<string, number>> {
  const dir = join(server.dataDir, "blobs");
  const found = new Map<string, number>();
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => [])) {
    if (entry.isFile())
      found.set(join(entry.parentPath, entry.name), (await stat(join(entry.parentPath, entry.name))).size);
  }
  return found;
}

async function statusOf(traceId: string, attachmentId: string): Promise<number> {
  const answer = await fetch(addressOf(traceId, attachmentId));
  await answer.arrayBuffer();
  return answer.status;
}

describe("keeping and reading", () => {
  test("what is uploaded before its trace is given back whole, listed, and kept once for the same bytes", async () => {
    const before = await blobFiles();
    const traceId = `tr-${newTraceId()}`;
    const attachmentId = randomUUID();
    const params = { traceId, attachmentId };
    const { attachment } = await client.putAttachment({ params, body: new Uint8Array(PNG), contentType: "image/png" });
    const sha256 = createHash("sha256").update(PNG).digest("hex");
    expect(attachment).toMatchObject({ traceId, attachmentId, contentType: "image/png", size: PNG.length, sha256 });

    const other = await put(traceId, PNG);
    const { attachments } = await client.listAttachments({ params: { traceId } });
    expect(attachments.map((each) => each.attachmentId)).toEqual([attachmentId, other]);
    const added = [...(await blobFiles())].filter(([path]) => !before.has(path));
    expect(added).toEqual([[join(server.dataDir, "blobs", sha256.slice(0, 2), sha256.slice(2)), PNG.length]]);

    const answer = await fetch(addressOf(traceId, attachmentId));
    expect(Buffer.from(await answer.arrayBuffer()).equals(PNG)).toBe(true);
    expect(answer.headers.get("content-length")).toBe(String(PNG.length));
    expect(answer.headers.get("etag")).toBe(`"${sha256}"`);
    const [span] = [makeSpan({ traceId: traceId.slice(3) })];
    await send(server.url, [span]);
    expect(await statusOf(traceId, attachmentId)).toBe(200);
  });

  test("the same bytes again change nothing; other bytes under the same id are refused", async () => {
    const traceId = await makeStoredTrace();
    const attachmentId = await put(traceId, PNG);
    await put(traceId, PNG, { attachmentId });
    const files = await blobFiles();
    const answer = await fetch(addressOf(traceId, attachmentId), { method: "PUT", body: "others" });
    expect(answer.status).toBe(409);
    expect(await errorOf(answer)).toMatchObject({
      code: "ATTACHMENT_EXISTS",
      message: expect.stringContaining(`has other bytes (${PNG.length} of image/png)`),
    });
    // Nothing of the refused bytes is left.
    expect(await blobFiles()).toEqual(files);
    const ids = (await client.listAttachments({ params: { traceId } })).attachments.map((each) => each.attachmentId);
    expect(ids).toEqual([attachmentId]);
  });

  test("of uploads of one id at once, one is kept", async () => {
    const traceId = await makeStoredTrace();
    const attachmentId = randomUUID();
    const statuses = await Promise.all(
      ["a", "b", "a", "b", "c", "a"].map(async (text) => {
        const answer = await fetch(addressOf(traceId, attachmentId), { method: "PUT", body: text.repeat(100_000) });
        await answer.arrayBuffer();
        return [text, answer.status] as const;
      }),
    );
    const text = await (await fetch(addressOf(traceId, attachmentId))).text();
    for (const [sent, status] of statuses) expect(status).toBe(text.startsWith(sent) ? 200 : 409);
    await ended((await client.purgeStorage()).job);
    expect(await (await fetch(addressOf(traceId, attachmentId))).text()).toBe(text);
  });

  test("ranges, HEAD and conditions answer as RFC 9110 says", async () => {
    const bytes = Buffer.from(Array.from({ length: 700_000 }, (_, index) => index % 251));
    const address = addressOf(await makeStoredTrace(), randomUUID());
    const uploaded = await fetch(address, {
      method: "PUT",
      headers: { "content-type": "audio/wav" },
      body: new Uint8Array(bytes),
    });
    expect(uploaded.status).toBe(200);
    const read = async (headers: Record<string, string>) => {
      const answer = await fetch(address, { headers });
      const body = Buffer.from(await answer.arrayBuffer());
      return {
        status: answer.status,
        range: answer.headers.get("content-range"),
        etag: answer.headers.get("etag"),
        body,
      };
    };
    const whole = await read({});
    expect(whole.body.equals(bytes)).toBe(true);
    const cases = [
      ["bytes=0-0", 0, 1],
      ["bytes=1000-", 1000, 700_000],
      ["bytes=300000-600000", 300_000, 600_001],
      ["bytes=-5", 699_995, 700_000],
      ["bytes=699999-999999999", 699_999, 700_000],
    ] as const;
    for (const [range, start, end] of cases) {
      const part = await read({ range });
      expect([range, part.status, part.range]).toEqual([range, 206, `bytes ${start}-${end - 1}/700000`]);
      expect(part.body.equals(bytes.subarray(start, end))).toBe(true);
    }
    // Several ranges, other units and nonsense: all of it.
    for (const range of ["bytes=0-1,5-6", "lines=1-2", "bytes=-", "bytes=5-2"]) {
      expect((await read({ range })).status).toBe(200);
    }
    for (const range of ["bytes=700000-", "bytes=-0"]) {
      const answer = await fetch(address, { headers: { range } });
      expect([answer.status, answer.headers.get("content-range")]).toEqual([416, "bytes */700000"]);
      expect(await errorOf(answer)).toMatchObject({ code: "RANGE_NOT_SATISFIABLE" });
    }
    expect((await read({ range: "bytes=0-9", "if-range": '"other"' })).status).toBe(200);
    expect((await read({ range: "bytes=0-9", "if-range": whole.etag ?? "" })).status).toBe(206);
    expect(await read({ "if-none-match": `"x", W/${whole.etag}` })).toMatchObject({
      status: 304,
      body: Buffer.alloc(0),
    });

    const head = await fetch(address, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), head.headers.get("accept-ranges")]).toEqual([
      200,
      "700000",
      "bytes",
    ]);
    expect(await head.text()).toBe("");
  });

  test("an empty attachment is one", async () => {
    const traceId = await makeStoredTrace();
    const attachmentId = await put(traceId, "", { contentType: "text/plain" });
    const answer = await fetch(addressOf(traceId, attachmentId));
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
  });

  test("too long a body is refused with the limit, said before or found out", async () => {
    const traceId = await makeStoredTrace();
    const files = await blobFiles();
    const declared = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      const upload = httpRequest(addressOf(traceId, randomUUID()), {
        method: "PUT",
        headers: { "content-length": MAX_ATTACHMENT_BYTES + 1 },
      });
      upload.on("error", reject).on("response", async (answer) => {
        const pieces: Uint8Array[] = [];
        for await (const piece of answer) pieces.push(piece as Uint8Array);
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(pieces).toString() });
        upload.destroy();
      });
      upload.flushHeaders();
    });
    expect(declared.status).toBe(413);
    expect(declared.text).toContain("has 67108865 bytes; the limit is 67108864 bytes (64 MiB)");

    const found = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      const upload = httpRequest(addressOf(traceId, randomUUID()), { method: "PUT" });
      let isAnswered = false;
      upload
        .on("error", (error) => (isAnswered ? undefined : reject(error)))
        .on("response", async (answer) => {
          isAnswered = true;
          const pieces: Uint8Array[] = [];
          for await (const piece of answer) pieces.push(piece as Uint8Array);
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(pieces).toString() });
          upload.destroy();
        });
      const piece = Buffer.alloc(1024 * 1024);
      let left = 65;
      const write = () => {
        while (left > 0 && !isAnswered) {
          left -= 1;
          if (!upload.write(piece)) {
            upload.once("drain", write);
            return;
          }
        }
        if (!isAnswered) upload.end();
      };
      write();
    });
    expect(found.status).toBe(413);
    expect(found.text).toContain("The attachment is longer; the limit is 67108864 bytes");
    expect(await blobFiles()).toEqual(files);
  });

  test("an upload that breaks off leaves nothing", async () => {
    const traceId = await makeStoredTrace();
    const files = await blobFiles();
    const closed = await new Promise<void>((resolve) => {
      const upload = httpRequest(addressOf(traceId, randomUUID()), {
        method: "PUT",
        headers: { "content-length": 1000 },
      });
      upload.on("error", () => undefined).on("close", () => resolve());
      upload.write("half", () => upload.destroy());
    });
    expect(closed).toBeUndefined();
    await expect.poll(blobFiles, { timeout: 20_000 }).toEqual(files);
    expect((await client.listAttachments({ params: { traceId } })).attachments).toEqual([]);
  });

  test("ids that are none, compressed bodies and unknown attachments are refused", async () => {
    const traceId = await makeStoredTrace();
    const attempts: [string, RequestInit, number, string][] = [
      [addressOf("tr-1", randomUUID()), { method: "PUT", body: "x" }, 400, "INVALID_PARAMETER"],
      [addressOf(traceId, "..%2F..%2Fetc"), { method: "PUT", body: "x" }, 400, "INVALID_PARAMETER"],
      [addressOf(traceId, "not-a-uuid"), {}, 400, "INVALID_PARAMETER"],
      [addressOf(traceId, randomUUID()), {}, 404, "ATTACHMENT_NOT_FOUND"],
      [addressOf("tr-1", randomUUID()), {}, 404, "TRACE_NOT_FOUND"],
      [
        addressOf(traceId, randomUUID()),
        { method: "PUT", body: "x", headers: { "content-encoding": "gzip" } },
        415,
        "UNSUPPORTED_MEDIA_TYPE",
      ],
      [addressOf(traceId, randomUUID()), { method: "POST", body: "x" }, 405, "METHOD_NOT_ALLOWED"],
      [`${server.url}/api/v1/traces/tr-${newTraceId()}/attachments`, {}, 404, "TRACE_NOT_FOUND"],
    ];
    for (const [address, init, status, code] of attempts) {
      const answer = await fetch(address, init);
      expect([address, answer.status, (await errorOf(answer)).code]).toEqual([address, status, code]);
    }
    // Upper case is the same id.
    const attachmentId = await put(traceId, PNG);
    expect(await statusOf(traceId, attachmentId.toUpperCase())).toBe(200);
  });
});

test.each([
  ["image/png", "image/png", "inline"],
  ["audio/webm;codecs=opus", "audio/webm; codecs=opus", "inline"],
  ["text/plain; charset=utf-7", "text/plain; charset=utf-8", "inline"],
  ["application/pdf", "application/pdf", "inline"],
  ["application/json", "application/json", "attachment"],
  ["image/svg+xml", "image/svg+xml", "attachment"],
  ["text/html", "application/octet-stream", "attachment"],
  ["TEXT/HTML; charset=utf-8", "application/octet-stream", "attachment"],
  ["application/xhtml+xml", "application/octet-stream", "attachment"],
  ["text/xml", "application/octet-stream", "attachment"],
  ["text/javascript", "application/octet-stream", "attachment"],
  ["application/javascript", "application/octet-stream", "attachment"],
  ["text/css", "application/octet-stream", "attachment"],
  ["multipart/x-mixed-replace; boundary=x", "application/octet-stream", "attachment"],
  ["nonsense", "application/octet-stream", "attachment"],
])("%s is served so that no browser runs it as ours", async (contentType, served, disposition) => {
  const traceId = await makeStoredTrace();
  const attachmentId = await put(traceId, "<script>alert(1)</script>", { contentType });
  const answer = await fetch(addressOf(traceId, attachmentId));
  await answer.arrayBuffer();
  expect(answer.headers.get("content-type")).toBe(served);
  expect(answer.headers.get("content-disposition")).toMatch(new RegExp(`^${disposition}; filename="[\\w.-]+"$`));
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  expect(answer.headers.get("cross-origin-resource-policy")).toBe("same-origin");
  const policy = answer.headers.get("content-security-policy");
  expect(policy).toContain("default-src 'none'");
  if (contentType !== "application/pdf") expect(policy).toMatch(/sandbox(;|$)/);
});

describe("nothing orphaned", () => {
  /** Traces with an attachment of their own each, and one that all share. */
  async function makeTraces(experiment: string, count: number, startMs = Date.now()): Promise<string[]> {
    const shared = `shared by ${experiment}`;
    const traceIds: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const traceId = await makeStoredTrace(experiment, startMs + index * 1000);
      await put(traceId, `of ${traceId}`);
      await put(traceId, shared);
      traceIds.push(traceId);
    }
    return traceIds;
  }

  async function attachmentBytes(): Promise<number> {
    return (await client.getStorage()).bytes.attachments;
  }

  test("a deleted trace takes its attachments along; a blob goes with the last one that names it", async () => {
    const bytes = await attachmentBytes();
    const [first = "", second = ""] = await makeTraces("single", 2);
    const { attachments } = await client.listAttachments({ params: { traceId: first } });
    const [own, shared] = attachments;
    expect(await attachmentBytes()).toBe(bytes + 2 * (own?.size ?? 0) + (shared?.size ?? 0));
    await client.deleteTrace({ params: { traceId: first } });
    for (const { attachmentId } of attachments) expect(await statusOf(first, attachmentId)).toBe(404);
    await expect(client.listAttachments({ params: { traceId: first } })).rejects.toMatchObject({
      code: "TRACE_NOT_FOUND",
    });
    const names = async () => [...(await blobFiles()).keys()].map((path) => path.split("/").slice(-2).join(""));
    expect(await names()).not.toContain(own?.sha256);
    expect(await names()).toContain(shared?.sha256);
    await client.deleteTrace({ params: { traceId: second } });
    expect(await names()).not.toContain(shared?.sha256);
    expect(await attachmentBytes()).toBe(bytes);
  });

  test("a deletion by filter counts them and the bytes that they gave back", async () => {
    await makeTraces("by filter", 3);
    const { job } = await client.deleteTraces({ body: { experiments: ["by filter"] } });
    const { counts } = await ended(job as Job);
    expect(counts).toMatchObject({ traces: 3, attachments: 6 });
    expect(counts.bytesFreed).toBeGreaterThanOrEqual(3 * 38 + "shared by by filter".length);
  });

  test("retention and the purge of an experiment take them along", async () => {
    const bytes = await attachmentBytes();
    await makeTraces("expired", 2, clock.now() - 3 * DAY_MS);
    await makeTraces("purged", 2);
    const { experiments } = await client.listExperiments({ query: {} });
    const idOf = (name: string) => experiments.find((each) => each.name === name)?.experimentId ?? "";
    await client.updateExperiment({ params: { experimentId: idOf("expired") }, body: { retentionDays: 1 } });
    const { jobs } = await client.listJobs({ query: { kind: "retention" } });
    expect((await ended(jobs[0] as Job)).counts).toMatchObject({ traces: 2, attachments: 4 });
    const { job } = await client.deleteExperiment({
      params: { experimentId: idOf("purged") },
      query: { purge: "true" },
    });
    expect((await ended(job as Job)).counts).toMatchObject({ traces: 2, attachments: 4 });
    expect(await attachmentBytes()).toBe(bytes);
  });

  test("attachments of a hidden experiment are hidden, and come back with it", async () => {
    const [traceId = ""] = await makeTraces("hidden", 1);
    const { attachments } = await client.listAttachments({ params: { traceId } });
    const attachmentId = attachments[0]?.attachmentId ?? "";
    const { experiments } = await client.listExperiments({ query: {} });
    const params = { experimentId: experiments.find(({ name }) => name === "hidden")?.experimentId ?? "" };
    await client.deleteExperiment({ params });
    const answer = await fetch(addressOf(traceId, attachmentId));
    expect([answer.status, (await errorOf(answer)).code]).toEqual([404, "TRACE_NOT_FOUND"]);
    await expect(client.listAttachments({ params: { traceId } })).rejects.toMatchObject({ code: "TRACE_NOT_FOUND" });
    await client.restoreExperiment({ params });
    expect(await statusOf(traceId, attachmentId)).toBe(200);
  });

  test("attachments whose trace never comes go after a day, others stay; the look is made by itself", async () => {
    const early = `tr-${newTraceId()}`;
    const lost = `tr-${newTraceId()}`;
    const [early1, lost1] = [await put(early, "early"), await put(lost, "lost")];
    clock.pass(DAY_MS / 2);
    await send(server.url, [makeSpan({ traceId: early.slice(3) })]);
    expect(await statusOf(lost, lost1)).toBe(200);
    clock.pass(DAY_MS / 2 + 1000);
    await expect.poll(() => statusOf(lost, lost1), { timeout: 30_000 }).toBe(404);
    expect(await statusOf(early, early1)).toBe(200);
    const [job] = (await client.listJobs({ query: { kind: "sweep-attachments" } })).jobs;
    expect((await ended(job as Job)).counts).toMatchObject({ attachments: 1, bytesFreed: "lost".length });
    // Looked for once: nothing is left to look for.
    clock.pass(3600 * 1000);
    const jobs = await client.listJobs({ query: { kind: "sweep-attachments", state: "queued,running" } });
    expect(jobs.jobs).toEqual([]);
  });

  test("what a crash leaves of uploads is found by the check and taken away by a purge", async () => {
    const bytes = Buffer.from("nobody's");
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    await put(await makeStoredTrace(), "somebody's");
    const { mkdir } = await import("node:fs/promises");
    const folder = join(server.dataDir, "blobs", sha256.slice(0, 2));
    await mkdir(folder, { recursive: true });
    const left = [join(folder, sha256.slice(2)), join(server.dataDir, "blobs", "drafts", randomUUID())];
    const before = (clock.now() - 2 * 3600 * 1000) / 1000;
    for (const path of left) {
      await writeFile(path, bytes);
      await utimes(path, before, before);
    }
    expect(await check()).toEqual({ problems: 1, "blobs-without-attachment": 1 });
    const { counts } = await ended((await client.purgeStorage()).job);
    expect(counts.bytesFreed).toBeGreaterThanOrEqual(2 * bytes.length);
    const files = await blobFiles();
    for (const path of left) expect(files.has(path)).toBe(false);
  });

  test("lost bytes are found by the check, and an upload of the same bytes heals", async () => {
    const traceId = await makeStoredTrace();
    const attachmentId = await put(traceId, "will be lost");
    const { attachments } = await client.listAttachments({ params: { traceId } });
    const sha256 = attachments[0]?.sha256 ?? "";
    const path = join(server.dataDir, "blobs", sha256.slice(0, 2), sha256.slice(2));
    await writeFile(path, "will");
    expect(await check()).toEqual({ problems: 1, "attachments-without-bytes": 1 });
    await put(traceId, "will be lost", { attachmentId });
    expect(await (await fetch(addressOf(traceId, attachmentId))).text()).toBe("will be lost");
  });
});
