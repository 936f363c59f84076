import { LiveTraces } from "@sightline/wire/api/live";
import { expect, test } from "vitest";
import { CommittedTraces } from "../ingest/committed-traces.ts";
import { createLiveStream } from "./live.ts";

type SpanOfTrace = Parameters<CommittedTraces["publish"]>[0][number];

/** The feed looks at nothing but these two fields of a span. */
const spansOf = (...ids: string[]) =>
  ids.map((traceId) => ({ traceId, experimentId: traceId.startsWith("other") ? "2" : "1" }) as SpanOfTrace);

function connect(options: { query?: string; intervalMs?: number; heartbeatMs?: number } = {}) {
  const feed = new CommittedTraces();
  const live = createLiveStream(feed, { intervalMs: 0, heartbeatMs: 60_000, ...options });
  const response = live.handle(new Request(`http://127.0.0.1/api/v1/live/traces${options.query ?? ""}`));
  const reader = response.body!.getReader();
  let text = "";
  return {
    feed,
    live,
    response,
    reader,
    /** The next event (or comment) as it was sent. */
    async next(): Promise<string | undefined> {
      while (!text.includes("\n\n")) {
        const { done, value } = await reader.read();
        if (done) return undefined;
        text += new TextDecoder().decode(value);
      }
      const end = text.indexOf("\n\n");
      const event = text.slice(0, end);
      text = text.slice(end + 2);
      return event;
    },
  };
}

function tracesOf(event: string | undefined) {
  expect(event).toMatch(/^event: traces\ndata: /);
  return LiveTraces.parse(JSON.parse(event!.split("data: ")[1]!));
}

test("hello comes first, then the traces of each commit", async () => {
  const client = connect();
  expect(client.response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(await client.next()).toBe("event: hello\ndata: {}");
  client.feed.publish(spansOf("a", "b", "a"));
  expect(tracesOf(await client.next())).toEqual({
    traces: [
      { traceId: "a", experimentId: "1" },
      { traceId: "b", experimentId: "1" },
    ],
  });
});

test("a client that names an experiment hears of no other", async () => {
  const client = connect({ query: "?experiment=1" });
  await client.next();
  client.feed.publish(spansOf("other"));
  client.feed.publish(spansOf("mine"));
  expect(tracesOf(await client.next()).traces.map(({ traceId }) => traceId)).toEqual(["mine"]);
});

test("commits within the interval come as one event, each trace once", async () => {
  const client = connect({ intervalMs: 30 });
  await client.next();
  client.feed.publish(spansOf("a"));
  await client.next();
  for (const id of ["b", "c", "b"]) client.feed.publish(spansOf(id));
  expect(tracesOf(await client.next()).traces.map(({ traceId }) => traceId)).toEqual(["b", "c"]);
});

test("of a flood only the number is told beyond 1,000 traces", async () => {
  const client = connect();
  await client.next();
  client.feed.publish(spansOf(...Array.from({ length: 1500 }, (_, index) => `t${index}`)));
  const event = tracesOf(await client.next());
  expect([event.traces.length, event.more]).toEqual([1000, 500]);
});

test("a client that does not read keeps no more than the bound; when it reads again it hears the rest", async () => {
  const client = connect();
  const batch = (round: number) => spansOf(...Array.from({ length: 1000 }, (_, index) => `round${round}-${index}`));
  const fired = () => new Promise((resolve) => setTimeout(resolve, 1));
  for (let round = 0; round < 30; round += 1) {
    client.feed.publish(batch(round));
    await fired();
  }
  await client.next();
  let told = 0;
  while (told < 30_000) {
    const event = tracesOf(await client.next());
    expect(event.traces.length).toBeLessThanOrEqual(1000);
    told += event.traces.length + (event.more ?? 0);
  }
  expect(told).toBe(30_000);
});

test("a quiet stream is kept open by comments", async () => {
  const client = connect({ heartbeatMs: 5 });
  await client.next();
  expect(await client.next()).toBe(": still here");
  client.live.close();
});

test("a client that goes away is forgotten", async () => {
  const feed = new CommittedTraces();
  let subscriptions = 0;
  const counted = {
    subscribe: (listener: Parameters<typeof feed.subscribe>[0]) => {
      const end = feed.subscribe(listener);
      subscriptions += 1;
      return () => {
        subscriptions -= 1;
        end();
      };
    },
  };
  const response = createLiveStream(counted).handle(new Request("http://127.0.0.1/api/v1/live/traces"));
  expect(subscriptions).toBe(1);
  await response.body!.cancel();
  expect(subscriptions).toBe(0);
});

test("closing ends every stream and takes no new one", async () => {
  const client = connect();
  await client.next();
  client.live.close();
  expect(await client.next()).toBeUndefined();
  expect(() => client.live.handle(new Request("http://127.0.0.1/api/v1/live/traces"))).toThrow(
    "The server is stopping.",
  );
});

test("an experiment that is no id is refused", () => {
  expect(() => connect({ query: "?experiment=my-agent" })).toThrow(/"my-agent"; give the id/);
});
