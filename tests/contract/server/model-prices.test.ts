/**
 * Prices and costs over HTTP: counted at ingest, counted anew when a price changes, never over what a client said.
 */
import type { SightlineError } from "@sightline/wire/errors";
import type { Attributes } from "@sightline/wire/otlp/span";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServerUnderTest, startInProcess } from "./in-process.ts";
import { makeSpan, send } from "./spans.ts";

let under: ServerUnderTest;
beforeAll(async () => {
  under = await startInProcess();
});
afterAll(() => under.stop());

const call = (model: string, more: Attributes = {}) =>
  makeSpan({
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": model,
      "gen_ai.usage.input_tokens": 1000n,
      "gen_ai.usage.output_tokens": 100n,
      ...more,
    },
  });

/** Sends a span as a trace of its own; gives the id of the trace. */
async function trace(model: string, more: Attributes = {}): Promise<string> {
  const span = call(model, more);
  expect((await send(under.url, [span])).status).toBe(200);
  return `tr-${span.traceId}`;
}

async function costsOf(traceId: string): Promise<(number | undefined)[]> {
  const { info, spans } = (await under.client.getTrace({ params: { traceId } })).trace;
  return [info.costUsd, ...spans.map(({ costUsd }) => costUsd)];
}

async function ended(jobId: string) {
  const { job } = await under.client.getJob({ params: { jobId }, query: { waitSeconds: "30" } });
  return job;
}

const code = (answer: Promise<unknown>) =>
  answer.then(
    () => undefined,
    (error: SightlineError) => error.code,
  );

test("the cost of a call is counted when it comes, from the list price of its model", async () => {
  const cost = (1000 * 0.15 + 100 * 0.6) / 1e6;
  expect(await costsOf(await trace("gpt-4o-mini-2024-07-18"))).toEqual([cost, cost]);
  expect(await costsOf(await trace("somebody's own"))).toEqual([undefined, undefined]);
});

test("a cost that the client said stays", async () => {
  const sent = { "mlflow.llm.cost": '{"total_cost": 42}' };
  const traceId = await trace("gpt-4o-mini", sent);
  expect(await costsOf(traceId)).toEqual([42, 42]);
  const { job } = await under.client.recomputeCosts();
  expect(await ended(job.jobId)).toMatchObject({ state: "succeeded", kind: "recompute-costs" });
  expect(await costsOf(traceId)).toEqual([42, 42]);
});

test("a price that is set counts at once for new spans, and a job counts older ones anew", async () => {
  const before = await trace("house-model-20260101");
  const sent = await trace("house-model", { "mlflow.llm.cost": '{"total_cost": 7}' });
  expect(await costsOf(before)).toEqual([undefined, undefined]);

  const usdPerMillion = { input: 1000, output: 10_000 };
  const { price, job } = await under.client.putModelPrice({
    body: { provider: "", model: "House-Model", usdPerMillion },
  });
  expect(price).toEqual({ priceId: price.priceId, provider: "", model: "house-model", usdPerMillion });
  expect(await costsOf(await trace("house-model"))).toEqual([2, 2]);
  const done = await ended(job.jobId);
  expect(done).toMatchObject({ state: "succeeded" });
  expect(done.counts["changed"]).toBeGreaterThanOrEqual(1);
  expect(await costsOf(before)).toEqual([2, 2]);
  expect(await costsOf(sent)).toEqual([7, 7]);
  const cost = await under.client.queryMetrics({
    body: { view: "traces", metric: "cost", aggregations: ["sum"], filter: `trace_id = '${before}'` },
  });
  expect(cost.points[0]?.values.sum).toBe(2);

  const { prices } = await under.client.listModelPrices();
  expect(prices[0]).toEqual(price);
  expect(prices.find(({ model }) => model === "gpt-4o")).toMatchObject({ provider: "openai" });
  const { job: second } = await under.client.deleteModelPrice({ params: { priceId: price.priceId ?? "" } });
  expect(await ended(second.jobId)).toMatchObject({ state: "succeeded" });
  expect(await costsOf(before)).toEqual([undefined, undefined]);
  expect(await costsOf(sent)).toEqual([7, 7]);
});

test("a price of one's own goes before the list, from its day on", async () => {
  const usdPerMillion = { input: 0, output: 0 };
  const { job } = await under.client.putModelPrice({
    body: { provider: "", model: "gpt-4.1*", effectiveFrom: "2026-11-25", usdPerMillion },
  });
  await ended(job.jobId);
  const cost = (1000 * 2 + 100 * 8) / 1e6;
  // Spans of these tests begin on November 24.
  expect(await costsOf(await trace("gpt-4.1"))).toEqual([cost, cost]);
  const { job: second } = await under.client.putModelPrice({
    body: { provider: "", model: "gpt-4.1*", effectiveFrom: "2026-11-24T00:00:00Z", usdPerMillion },
  });
  await ended(second.jobId);
  expect(await costsOf(await trace("gpt-4.1"))).toEqual([0, 0]);
});

test("what is no price is refused", async () => {
  const put = (body: object) =>
    under.client.putModelPrice({
      body: { provider: "", model: "m", usdPerMillion: { input: 1, output: 1 }, ...body },
    });
  expect(await code(put({ model: "" }))).toBe("INVALID_PARAMETER");
  expect(await code(put({ model: "*".repeat(9) }))).toBe("INVALID_PARAMETER");
  expect(await code(put({ usdPerMillion: { input: -1, output: 1 } }))).toBe("INVALID_PARAMETER");
  expect(await code(put({ effectiveFrom: "yesterday" }))).toBe("INVALID_PARAMETER");
  expect(await code(under.client.deleteModelPrice({ params: { priceId: "999" } }))).toBe("PRICE_NOT_FOUND");
});
