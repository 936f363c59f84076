/**
 * What goes to the server and what comes back. The endpoints' own behaviour is the server's to test.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { encodeExportResponse } from "@sightline/wire/otlp/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { init, shutdown } from "../init.ts";
import { trace } from "../tracing/trace.ts";
import { deleteTraceTag, getTrace, searchTraces, setTraceTag } from "./default-client.ts";

const requests: string[] = [];
/** Three pages of traces: the ids count up. */
const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8").on("data", (text: string) => {
    body += text;
  });
  request.on("end", () => {
    if (request.url === "/v1/traces") {
      requests.push("export");
      response.end(encodeExportResponse());
      return;
    }
    requests.push(`${request.method} ${request.url} ${request.headers.authorization} ${body}`);
    if (request.url?.includes("missing")) {
      response
        .writeHead(404)
        .end('{"error":{"code":"TRACE_NOT_FOUND","message":"No trace has this id.","requestId":"r"}}');
      return;
    }
    if (request.url !== "/api/v1/traces/search") {
      response.end('{"trace":{"info":{"traceId":"tr-1"},"spans":[]}}');
      return;
    }
    const { maxResults, pageToken = "0" } = JSON.parse(body) as { maxResults: number; pageToken?: string };
    const traces = Array.from({ length: Math.min(maxResults, 1000) }, (_, index) => ({
      info: { traceId: String(Number(pageToken) * 1000 + index) },
    }));
    response.end(
      JSON.stringify({ traces, ...(pageToken !== "2" && { nextPageToken: String(Number(pageToken) + 1) }) }),
    );
  });
});

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(async () => {
  await shutdown();
  server.close();
  server.closeAllConnections();
});

test("without a server it says so", async () => {
  await expect(searchTraces()).rejects.toThrow("No server is set; call init({ url }) or set SIGHTLINE_URL.");
  init({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, apiKey: "key" });
});

test("a search gets page after page until it has enough; own spans are sent before", async () => {
  trace(() => 1)();
  const found = await searchTraces({
    experiments: ["prod"],
    filter: "status = 'OK'",
    maxResults: 1500,
    include: ["spans"],
  });
  expect(found.map(({ info }) => info.traceId)).toEqual(Array.from({ length: 1500 }, (_, index) => String(index)));
  const query = '"experiments":["prod"],"filter":"status = \'OK\'","include":["spans"]';
  expect(requests.splice(0)).toEqual([
    "export",
    `POST /api/v1/traces/search Bearer key {${query},"maxResults":1000}`,
    `POST /api/v1/traces/search Bearer key {${query},"pageToken":"1","maxResults":500}`,
  ]);
});

test("a search that finds less ends with the last page", async () => {
  expect(await searchTraces({ maxResults: 5000 })).toHaveLength(3000);
  expect(requests.splice(0)).toHaveLength(3);
});

test("traces are read, tags set and removed", async () => {
  expect(await getTrace("tr-1")).toMatchObject({ info: { traceId: "tr-1" } });
  await setTraceTag("tr-1", "quality", "good");
  await deleteTraceTag("tr-1", "quality");
  expect(requests.splice(0)).toEqual([
    "GET /api/v1/traces/tr-1 Bearer key ",
    'PUT /api/v1/traces/tr-1/tags/quality Bearer key {"value":"good"}',
    "DELETE /api/v1/traces/tr-1/tags/quality Bearer key ",
  ]);
});

test("errors of the server are thrown with their code, after shutdown() too", async () => {
  await shutdown();
  await expect(getTrace("missing")).rejects.toMatchObject({
    code: "TRACE_NOT_FOUND",
    message: "No trace has this id.",
  });
});
