/**
 * What browsers meet: pages, headers, foreign sites, the live stream.
 */

import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LiveTraces } from "@sightline/wire/api/live";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServerUnderTest, startInProcess } from "./in-process.ts";
import { encodeSpans, errorOf, makeSpan, makeTrace, send } from "./spans.ts";

let under: ServerUnderTest;
let webRoot: string;
beforeAll(async () => {
  webRoot = await mkdtemp(join(tmpdir(), "sightline-web-"));
  await writeFile(join(webRoot, "index.html"), "<!doctype html><title>Sightline</title>");
  under = await startInProcess({ SIGHTLINE_ALLOWED_HOSTS: "obs.example.com" }, webRoot);
});
afterAll(async () => {
  await under.stop();
  await rm(webRoot, { recursive: true });
});

/** A request with headers that fetch does not let a program set. */
async function raw(path: string, options: { method?: string; headers: Record<string, string>; body?: Uint8Array }) {
  const request = httpRequest(`${under.url}${path}`, { method: options.method ?? "GET", headers: options.headers });
  request.end(options.body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.resume();
  await once(response, "end");
  return response.statusCode;
}

describe("who may ask", () => {
  const body = encodeSpans([makeSpan()]);
  const protobuf = { "content-type": "application/x-protobuf" };

  test("names of this server only", async () => {
    const port = new URL(under.url).port;
    expect(await raw("/api/v1/stats", { headers: { host: `localhost:${port}` } })).toBe(200);
    expect(await raw("/api/v1/stats", { headers: { host: "obs.example.com" } })).toBe(200);
    for (const path of ["/api/v1/stats", "/", "/health", "/v1/traces"]) {
      expect([path, await raw(path, { headers: { host: `evil.example:${port}` } })]).toEqual([path, 403]);
    }
  });

  test("foreign pages change nothing: neither traces nor tags", async () => {
    const host = new URL(under.url).host;
    const evil = { host, origin: "https://evil.example" };
    expect(await raw("/v1/traces", { method: "POST", headers: { ...evil, ...protobuf }, body })).toBe(403);
    expect(await raw("/api/v1/traces/tr-1", { method: "DELETE", headers: evil })).toBe(403);
    const own = { host, origin: `http://${host}` };
    expect(await raw("/v1/traces", { method: "POST", headers: { ...own, ...protobuf }, body })).toBe(200);
  });

  test("a foreign page's question is not allowed by CORS", async () => {
    const answer = await fetch(`${under.url}/api/v1/stats`, {
      method: "OPTIONS",
      headers: { origin: "https://evil.example" },
    });
    expect(answer.status).toBe(405);
    expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
  });

  test("a request that cannot be read gets an error in our form", async () => {
    expect(await raw("/", { headers: { host: "bad host" } })).toBe(400);
  });
});

describe("what comes back", () => {
  test("every answer forbids sniffing and framing", async () => {
    const answers = await Promise.all([
      fetch(`${under.url}/api/v1/stats`),
      fetch(`${under.url}/api/v1/nothing`),
      fetch(`${under.url}/version`),
      fetch(`${under.url}/`, { headers: { accept: "text/html" } }),
      send(under.url, makeTrace(0)),
    ]);
    for (const { headers, url } of answers) {
      expect([url, headers.get("x-content-type-options")]).toEqual([url, "nosniff"]);
      expect([url, headers.get("referrer-policy")]).toEqual([url, "same-origin"]);
      expect([url, headers.get("content-security-policy")]).toEqual([
        url,
        expect.stringContaining("frame-ancestors 'none'"),
      ]);
    }
  });

  test("pages of the UI are served for its addresses, assets and API addresses are not pages", async () => {
    const page = (path: string) => fetch(`${under.url}${path}`, { headers: { accept: "text/html" } });
    for (const path of ["/", "/e/0/traces", "/t/tr-1", "/apidocs"]) {
      const answer = await page(path);
      expect([path, answer.status, answer.headers.get("content-type")]).toEqual([
        path,
        200,
        "text/html; charset=utf-8",
      ]);
    }
    for (const path of ["/assets/gone.js", "/api/v2/x", "/v1/logs"]) {
      const answer = await page(path);
      expect([path, answer.status, (await errorOf(answer)).code]).toEqual([path, 404, "NOT_FOUND"]);
    }
  });
});

describe("the live stream", () => {
  async function listen(path: string) {
    const abort = new AbortController();
    const response = await fetch(`${under.url}${path}`, { signal: abort.signal });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const next = async (): Promise<string | undefined> => {
      while (!text.includes("\n\n")) {
        const { done, value } = await reader.read();
        if (done) return undefined;
        text += value;
      }
      const end = text.indexOf("\n\n") + 2;
      const event = text.slice(0, end - 2);
      text = text.slice(end);
      return event;
    };
    return { response, next, close: () => abort.abort() };
  }

  test("tells each trace after it can be read, in the experiment asked for", async () => {
    expect((await send(under.url, makeTrace(0), { "x-sightline-experiment": "live" })).status).toBe(200);
    const { experiments } = await under.client.listExperiments();
    const experimentId = experiments.find(({ name }) => name === "live")?.experimentId ?? "";
    const stream = await listen(`/api/v1/live/traces?experiment=${experimentId}`);
    expect(stream.response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(await stream.next()).toBe("event: hello\ndata: {}");
    const [root] = makeTrace(0);
    await send(under.url, makeTrace(0));
    await send(under.url, [root!], { "x-sightline-experiment": "live" });
    const event = await stream.next();
    expect(LiveTraces.parse(JSON.parse(event!.replace("event: traces\ndata: ", "")))).toEqual({
      traces: [{ traceId: `tr-${root!.traceId}`, experimentId }],
    });
    const found = await under.client.getTrace({ params: { traceId: root!.traceId } });
    expect(found.trace.info.spanCount).toBe(1);
    stream.close();
  });

  test("an experiment that is no id is refused", async () => {
    const answer = await fetch(`${under.url}/api/v1/live/traces?experiment=live`);
    expect([answer.status, (await errorOf(answer)).code]).toEqual([400, "INVALID_PARAMETER"]);
  });

  test("ends when the server stops, and does not hold it up", async () => {
    const other = await startInProcess();
    const response = await fetch(`${other.url}/api/v1/live/traces`);
    const ended = response.text();
    await other.stop();
    expect(await ended).toBe("event: hello\ndata: {}\n\n");
  });
});
