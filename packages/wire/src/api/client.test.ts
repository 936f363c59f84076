import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { SightlineError } from "../errors.ts";
import { createClient } from "./client.ts";

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

async function listen(handle: (request: IncomingMessage, body: string, response: ServerResponse) => void) {
  server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => handle(request, body, response));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a call sends method, path, headers and body of its endpoint", async () => {
  const seen: unknown[] = [];
  const baseUrl = await listen((request, body, response) => {
    seen.push([request.method, request.url, request.headers["content-type"], request.headers["x-key"], body]);
    response.end("{}");
  });
  const client = createClient({ baseUrl: `${baseUrl}/`, headers: { "x-key": "k" } });
  await client.setTraceTag({ params: { traceId: "tr-1", key: "a/b c%" }, body: { value: "ü" } });
  await client.searchTraces({ body: { filter: "status = 'OK'" } });
  await client.getStats();
  expect(seen).toEqual([
    ["PUT", "/api/v1/traces/tr-1/tags/a%2Fb%20c%25", "application/json", "k", '{"value":"ü"}'],
    ["POST", "/api/v1/traces/search", "application/json", "k", `{"filter":"status = 'OK'"}`],
    ["GET", "/api/v1/stats", undefined, "k", ""],
  ]);
});

test("an error answer becomes a SightlineError with code, details and request id", async () => {
  const baseUrl = await listen((_request, _body, response) => {
    response.writeHead(400, { "retry-after": "3" }).end(
      JSON.stringify({
        error: { code: "BAD_FILTER", message: "Expected a value.", details: { position: 4 }, requestId: "r1" },
      }),
    );
  });
  const error = await createClient({ baseUrl })
    .searchTraces({ body: { filter: "a =" } })
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(SightlineError);
  expect(error).toMatchObject({
    code: "BAD_FILTER",
    message: "Expected a value.",
    details: { position: 4, requestId: "r1" },
    retryAfterSeconds: 3,
  });
});

test("an answer that is not ours is told by its status", async () => {
  const baseUrl = await listen((_request, _body, response) => response.writeHead(502).end("<html>bad gateway"));
  await expect(createClient({ baseUrl }).getStats()).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
});

test("a page that is not JSON is told", async () => {
  const baseUrl = await listen((_request, _body, response) => response.end("<html>"));
  await expect(createClient({ baseUrl }).getStats()).rejects.toThrow(/not JSON. Is it a Sightline server\?/);
});

test("no answer is SERVER_UNREACHABLE with the address and the cause", async () => {
  const baseUrl = await listen(() => undefined);
  server?.close();
  await once(server as Server, "close");
  await expect(createClient({ baseUrl }).getStats()).rejects.toMatchObject({
    code: "SERVER_UNREACHABLE",
    message: `Sightline does not answer at ${baseUrl}. Check that the server runs.`,
    cause: expect.any(TypeError),
  });
});

test("a call that is given up rejects with the reason of its signal", async () => {
  const arrived = new AbortController();
  const baseUrl = await listen(() => arrived.abort(new Error("given up")));
  const answer = createClient({ baseUrl }).getStats(undefined, { signal: arrived.signal });
  await expect(answer).rejects.toThrow("given up");
});

test("bytes are sent with their own type, and come back unread", async () => {
  const seen: unknown[] = [];
  const baseUrl = await listen((request, body, response) => {
    seen.push([request.method, request.url, request.headers["content-type"], body]);
    if (request.method === "PUT") response.end('{"attachment":{}}');
    else response.writeHead(200, { "content-type": "text/plain" }).end("not JSON");
  });
  const client = createClient({ baseUrl });
  const params = { traceId: "tr-1", attachmentId: "0d9e7a4c-53c1-4b8a-9f5e-7c1f9f0f2a11" };
  await client.putAttachment({ params, body: new Uint8Array([0x61, 0x62]), contentType: "text/x" });
  const answer = await client.getAttachment({ params });
  expect(answer.headers.get("content-type")).toBe("text/plain");
  expect(await answer.text()).toBe("not JSON");
  const path = `/api/v1/traces/tr-1/attachments/${params.attachmentId}`;
  expect(seen).toEqual([
    ["PUT", path, "text/x", "ab"],
    ["GET", path, undefined, ""],
  ]);
});
