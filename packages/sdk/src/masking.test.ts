import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { Attachment } from "./capture/attachments.ts";
import type { Mask } from "./capture/mask.ts";
import { flush, init, shutdown, stats } from "./init.ts";
import { updateCurrentTrace } from "./tracing/current.ts";
import { startSpan, trace, withSpan } from "./tracing/trace.ts";

const CANARY = "canary-7f3a-secret";

/** Takes the canary out of texts, wherever they are in the value, and out of files. */
const hideCanary: Mask = (value) => {
  if (value instanceof Uint8Array) {
    return Buffer.from(Buffer.from(value).toString("latin1").replaceAll(CANARY, "hidden"), "latin1");
  }
  return JSON.parse(JSON.stringify(value).replaceAll(CANARY, "hidden"));
};

/** Puts the canary everywhere a program can. */
async function runTracedProgram(): Promise<void> {
  const file = new Attachment(`a file with ${CANARY}`.repeat(50), "text/plain");
  const link = startSpan({ name: `linked ${CANARY}` });
  const agent = trace(
    async (question: string, files: unknown[]) => {
      updateCurrentTrace({
        tags: { tag: CANARY },
        metadata: { fact: CANARY },
        sessionId: CANARY,
        userId: CANARY,
        version: CANARY,
        clientRequestId: CANARY,
        requestPreview: CANARY,
        responsePreview: CANARY,
      });
      withSpan(
        { name: `step ${CANARY}`, attributes: { text: CANARY, list: [CANARY], object: { deep: [CANARY] } } },
        (span) => {
          span.addEvent(`event ${CANARY}`, { text: CANARY, object: { text: CANARY } });
          span.addLink(link, { why: CANARY });
          span.setAttribute("long", "x".repeat(50_000) + CANARY);
          span.setAttribute("image", `data:image/png;base64,${Buffer.from(CANARY.repeat(50)).toString("base64")}`);
          span.setStatus("ERROR", `failed: ${CANARY}`);
        },
      );
      await trace(async () => Promise.reject(new Error(`thrown ${CANARY}`, { cause: new Error(CANARY) })), {
        name: "failing",
      })().catch(() => undefined);
      return { answer: `${question} ${CANARY}`, count: files.length, bytes: Buffer.from(CANARY.repeat(40)) };
    },
    { name: "agent", spanType: `TYPE ${CANARY}` },
  );
  await agent(`question ${CANARY}`, [file, Buffer.from(CANARY), new Blob([CANARY.repeat(30)], { type: "text/plain" })]);
  link.end();
}

/** A server that keeps the bytes of all requests, un-gzipped, headers and paths included. */
async function startByteReceiver(answer: (response: ServerResponse) => void = (response) => response.end()) {
  const received: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks);
    const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
    received.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}\n${body.toString("latin1")}`);
    server.emit("received");
    answer(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, received, nextRequest: () => once(server, "received") };
}

/** In any of the forms in which bytes may be sent. */
function holdsCanary(text: string): boolean {
  const inBase64 = [0, 1, 2].map((shift) =>
    Buffer.from(" ".repeat(shift) + CANARY)
      .toString("base64")
      .slice(4, 20),
  );
  return [CANARY, ...inBase64].some((form) => text.includes(form));
}

afterEach(async () => {
  await shutdown(0);
});

test("without a mask the canary is found: the test looks where it is", async () => {
  const receiver = await startByteReceiver();
  init({ url: receiver.url });
  await runTracedProgram();
  await flush();
  expect(receiver.received.some(holdsCanary)).toBe(true);
});

test("a secret that was sent through everything is in no request", async () => {
  const receiver = await startByteReceiver();
  const before = stats().attachments;
  init({ url: receiver.url, mask: hideCanary });
  await runTracedProgram();
  expect(await flush()).toBe(true);
  expect(receiver.received.filter((text) => text.startsWith("PUT"))).toHaveLength(4);
  expect(receiver.received.length).toBeGreaterThan(4);
  for (const text of receiver.received) {
    expect(text).toContain("hidden");
    expect(holdsCanary(text)).toBe(false);
  }
  expect(stats().attachments).toEqual({ ...before, uploaded: before.uploaded + 4 });
});

test("a secret that was sent through everything is not in the spool", async () => {
  const dir = mkdtempSync(join(tmpdir(), "sightline-masking-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const receiver = await startByteReceiver((response) => response.writeHead(503).end());
  init({ url: receiver.url, mask: hideCanary, spool: { dir } });
  const requested = receiver.nextRequest();
  await runTracedProgram();
  await requested;
  const texts = readdirSync(dir).map((name) => readFileSync(join(dir, name)).toString("latin1"));
  expect(texts.some((text) => text.includes("hidden"))).toBe(true);
  expect(texts.some(holdsCanary)).toBe(false);
});
