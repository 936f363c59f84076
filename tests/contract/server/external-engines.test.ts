/**
 * A server on engines that it did not start: ClickHouse and PostgreSQL by URL, no data directory.
 */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ExternalEngine, startExternalClickHouse, startExternalPostgres } from "../../harness/external-engines.ts";
import { exportRequestJson, newSpanId, newTraceId, postSpans } from "../../harness/otlp-json.ts";
import { makeDataDir, type SightlineProcess, startSightline } from "../../harness/sightline-process.ts";
import { FakeSdkProcess } from "./sdk-reports.ts";
import { send } from "./spans.ts";

let clickhouse: ExternalEngine;
let postgres: ExternalEngine;
let server: SightlineProcess | undefined;
let dataDir: string;

beforeAll(async () => {
  [clickhouse, postgres] = await Promise.all([startExternalClickHouse(), startExternalPostgres()]);
  dataDir = await makeDataDir();
});
afterAll(async () => {
  await server?.stop();
  await Promise.all([clickhouse?.stop(), postgres?.stop()]);
});

async function start(): Promise<SightlineProcess> {
  return startSightline({
    dataDir,
    env: { SIGHTLINE_CLICKHOUSE_URL: new URL("/agents", clickhouse.url).href, SIGHTLINE_DATABASE_URL: postgres.url },
  });
}

async function get(path: string): Promise<unknown> {
  return (await fetch(`${server?.url}${path}`)).json();
}

test("what is written is read at once and after a restart, and nothing lies in the data directory", async () => {
  server = await start();
  const traceId = newTraceId();
  const root = newSpanId();
  const spans = [
    { name: "agent", spanId: root },
    { name: "tool", spanId: newSpanId(), parentSpanId: root },
  ];
  expect((await postSpans(server.url, exportRequestJson(traceId, spans), "external")).status).toBe(200);
  const path = `/api/v1/traces/tr-${traceId}`;
  expect(await get(path)).toMatchObject({ trace: { info: { name: "agent", spanCount: 2 } } });
  const tagged = await fetch(`${server.url}${path}/tags/env`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ value: "prod" }),
  });
  expect(tagged.status).toBe(200);

  // Attachments have no place then: refused in a sentence, and everything else goes on.
  const attachments = `${server.url}${path}/attachments`;
  const refused = await fetch(`${attachments}/${randomUUID()}`, { method: "PUT", body: "bytes" });
  expect(refused.status).toBe(501);
  expect(await refused.json()).toMatchObject({
    error: { code: "ATTACHMENTS_UNAVAILABLE", message: expect.stringContaining("it has no data directory") },
  });
  expect(await (await fetch(attachments)).json()).toEqual({ attachments: [] });

  expect(await server.stop()).toBe(0);
  server = await start();
  expect(await get(path)).toMatchObject({ trace: { info: { tags: { env: "prod" }, spanCount: 2 } } });
  expect(await get("/api/v1/stats")).toMatchObject({ traces: 1, spans: 2, experiments: 2 });
  expect(existsSync(dataDir)).toBe(false);
});

test("what an SDK process reports is kept before its request is answered: there is no journal that would keep it", async () => {
  server ??= await start();
  const sdk = new FakeSdkProcess("external");
  const answer = await send(server.url, sdk.request({ seq: "1-2", ended: 3, final: true }));
  expect(answer.status).toBe(200);
  server.kill("SIGKILL", "group");
  await server.exited;
  server = await start();
  expect(await get("/api/v1/sdk-processes")).toMatchObject({
    processes: [{ instanceId: sdk.instanceId, spansReceived: 2, missing: { unexplained: 1 } }],
  });
});
