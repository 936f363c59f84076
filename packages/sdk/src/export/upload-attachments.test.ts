import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { LiftedAttachment } from "./prepared-span.ts";
import { AttachmentUploader } from "./upload-attachments.ts";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";

interface Put {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly contentType: string | undefined;
  readonly authorization: string | undefined;
  readonly bytes: Buffer;
}

/** A server that takes files; `answer` says how, by the number of the request. */
async function startServer(answer: (request: number, put: Put) => number | "break" | Promise<number> = () => 200) {
  const puts: Put[] = [];
  let open = 0;
  let mostOpen = 0;
  const server = createServer(async (request: IncomingMessage, response) => {
    open += 1;
    mostOpen = Math.max(mostOpen, open);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method, url, headers } = request;
    const { "content-type": contentType, authorization } = headers;
    const put = { method, path: url, contentType, authorization, bytes: Buffer.concat(chunks) };
    puts.push(put);
    const status = await answer(puts.length, put);
    open -= 1;
    if (status === "break") request.socket.destroy();
    else response.writeHead(status).end('{"error":{"message":"a sentence"}}');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, puts, mostOpen: () => mostOpen };
}

/** One that does not wait between its tries. */
function startUploader(url: string, apiKey?: string) {
  const retries: string[] = [];
  const uploader = new AttachmentUploader({
    url,
    apiKey,
    onRetry: (reason) => {
      retries.push(reason);
      setImmediate(() => uploader.hurry());
    },
  });
  onTestFinished(() => uploader.close());
  return { uploader, retries };
}

function attachment(id: number, content: string | Uint8Array = `content ${id}`): LiftedAttachment {
  const attachmentId = `00000000-0000-8000-8000-${String(id).padStart(12, "0")}`;
  return { traceId: TRACE_ID, attachmentId, contentType: "image/png", bytes: Buffer.from(content) };
}

const never = new AbortController().signal;

test("an attachment comes to the address of its trace, with its type and the key", async () => {
  const server = await startServer();
  const { uploader } = startUploader(server.url, "key");
  const large = Buffer.alloc(3_000_000, "large ");
  expect(await uploader.upload([attachment(1, large)], never)).toEqual({ uploaded: 1, refused: 0, unsent: 0 });
  expect(server.puts).toHaveLength(1);
  expect(server.puts[0]).toMatchObject({
    method: "PUT",
    path: `/api/v1/traces/tr-${TRACE_ID}/attachments/00000000-0000-8000-8000-000000000001`,
    contentType: "image/png",
    authorization: "Bearer key",
  });
  expect(server.puts[0]?.bytes.equals(large)).toBe(true);
});

test("what the server has is not sent again", async () => {
  const server = await startServer();
  const { uploader } = startUploader(server.url);
  await uploader.upload([attachment(1), attachment(2)], never);
  const again = await uploader.upload([attachment(1), attachment(2), attachment(3)], never);
  expect(again).toEqual({ uploaded: 3, refused: 0, unsent: 0 });
  expect(server.puts).toHaveLength(3);
});

test("broken connections and busy servers are tried again, two requests at a time", async () => {
  const server = await startServer((request) => (request <= 2 ? "break" : request <= 5 ? 503 : 200));
  const { uploader, retries } = startUploader(server.url);
  const all = Array.from({ length: 12 }, (_, id) => attachment(id));
  const outcomes = await Promise.all([uploader.upload(all.slice(0, 6), never), uploader.upload(all.slice(6), never)]);
  expect(outcomes.map(({ uploaded }) => uploaded)).toEqual([6, 6]);
  expect(retries.length).toBeGreaterThanOrEqual(3);
  expect(new Set(server.puts.map(({ path }) => path)).size).toBe(12);
  expect(server.mostOpen()).toBeLessThanOrEqual(2);
});

test("an attachment that is refused is counted and said; others still come", async () => {
  const server = await startServer((_, { path }) => (path?.endsWith("2") ? 413 : 200));
  const { uploader } = startUploader(server.url);
  const warned = once(process, "warning");
  expect(await uploader.upload([attachment(1), attachment(2), attachment(3)], never)).toEqual({
    uploaded: 2,
    refused: 1,
    unsent: 0,
  });
  const [warning] = (await warned) as [Error];
  expect(warning.message.replace(server.url, "http://server")).toMatchInlineSnapshot(
    `"http://server does not take an attachment of 9 bytes (image/png) with status 413: {"error":{"message":"a sentence"}} The span says that it was there; init({ attachments: false }) keeps files in the spans."`,
  );
});

test("a server that always answers that it is busy does not hold up the spans for ever", async () => {
  const server = await startServer(() => 503);
  const { uploader } = startUploader(server.url);
  expect(await uploader.upload([attachment(1)], never)).toEqual({ uploaded: 0, refused: 1, unsent: 0 });
  expect(server.puts).toHaveLength(10);
});

test("what is given up is counted", async () => {
  const givingUp = new AbortController();
  const server = await startServer(async () => {
    givingUp.abort();
    return new Promise<number>(() => undefined);
  });
  const { uploader } = startUploader(server.url);
  const outcome = await uploader.upload([attachment(1), attachment(2), attachment(3)], givingUp.signal);
  expect(outcome).toEqual({ uploaded: 0, refused: 0, unsent: 3 });
});
