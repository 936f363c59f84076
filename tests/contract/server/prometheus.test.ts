/**
 * `GET /metrics` of a real server.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { exportRequestJson, newSpanId, newTraceId, postSpans } from "../../harness/otlp-json.ts";
import { type ServerUnderTest, startInProcess } from "./in-process.ts";

let server: ServerUnderTest;
beforeAll(async () => {
  server = await startInProcess();
});
afterAll(() => server.stop());

/** Value of a line like `name{labels}`; undefined if there is none. */
async function value(series: string): Promise<number | undefined> {
  const answer = await fetch(`${server.url}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const line = (await answer.text()).split("\n").find((text) => text.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
}

test("it counts what was taken and refused, and says what is in the way", async () => {
  const spans = [{ name: "agent", spanId: newSpanId() }];
  expect((await postSpans(server.url, exportRequestJson(newTraceId(), spans))).status).toBe(200);
  const garbage = { method: "POST", headers: { "content-type": "application/json" }, body: "{" };
  expect((await fetch(`${server.url}/v1/traces`, garbage)).status).toBe(400);

  expect(await value('sightline_ingest_requests_total{outcome="accepted"}')).toBe(1);
  expect(await value('sightline_ingest_requests_total{outcome="OTLP_MALFORMED"}')).toBe(1);
  expect(await value('sightline_ingest_spans_total{outcome="accepted"}')).toBe(1);
  expect(await value("sightline_journal_commit_seconds_count")).toBe(1);
  expect(await value('sightline_engine_up{engine="clickhouse"}')).toBe(1);
  expect(await value('sightline_engine_up{engine="postgres"}')).toBe(1);
  expect(await value('sightline_engine_restarts_total{engine="clickhouse"}')).toBe(0);
  expect(await value("sightline_attachment_bytes")).toBe(0);
  expect(await value("sightline_disk_free_bytes")).toBeGreaterThan(1e6);
});

test("it watches the store without making it write", async () => {
  const { traces } = await server.client.getStats();
  expect(traces).toBe(1);
  expect(await value('sightline_store_table_rows{table="spans"}')).toBe(1);
  expect(await value('sightline_store_table_bytes{table="traces"}')).toBeGreaterThan(0);
  expect(await value("sightline_drain_pending_requests")).toBe(0);
});

test("requests are counted by route, with ids left out", async () => {
  await fetch(`${server.url}/api/v1/traces/tr-${newTraceId()}`);
  const of = (route: string, status: number, method = "GET") =>
    value(`sightline_http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"}`);
  expect(await of("/api/v1/traces/:traceId", 404)).toBe(1);
  expect(await of("/v1/traces", 200, "POST")).toBe(1);
  expect(await of("/metrics", 200)).toBeGreaterThan(5);
  await fetch(`${server.url}/no/such/${newTraceId()}.js`);
  expect(await of("unmatched", 404)).toBeGreaterThanOrEqual(1);
});
