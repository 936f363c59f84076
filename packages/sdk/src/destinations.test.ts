import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { liveExporters } from "./destinations.ts";
import { flush, init, shutdown } from "./init.ts";
import { type Receiver, startReceiver } from "./testing/receiver.ts";
import { getCurrentSpan } from "./tracing/context.ts";
import { startSpan, trace, withDestination, withSpan } from "./tracing/trace.ts";

let own: Receiver;
let other: Receiver;
beforeEach(async () => {
  own = await startReceiver();
  other = await startReceiver();
  init({ url: own.url, apiKey: "own key", experiment: "own experiment" });
});
afterEach(async () => {
  await shutdown();
  await own.close();
  await other.close();
});

/** Names of the spans that came, by experiment. */
function arrived({ exports }: Receiver): Record<string, string[]> {
  const names: Record<string, string[]> = {};
  for (const { headers, spans } of exports) {
    const experiment = String(headers["x-sightline-experiment"] ?? "");
    names[experiment] = [...(names[experiment] ?? []), ...spans.map(({ name }) => name)];
  }
  return names;
}

test("a trace goes where its root says, with all its spans; others go where init() says", async () => {
  const child = trace(() => undefined, { name: "child", destination: { url: "http://127.0.0.1:1" } });
  withSpan({ name: "there", destination: { url: other.url, experiment: "theirs" } }, () => child());
  withSpan({ name: "here" }, () => undefined);
  withSpan({ name: "elsewhere", experiment: "third" }, () => undefined);
  await flush();
  expect(arrived(other)).toEqual({ theirs: ["child", "there"] });
  expect(arrived(own)).toEqual({ "own experiment": ["here"], third: ["elsewhere"] });
  expect(other.exports[0]!.headers.authorization).toBeUndefined();
  expect(own.exports[0]!.headers.authorization).toBe("Bearer own key");
});

test("withDestination() sends what begins in it, also later, and leaves the trace around it alone", async () => {
  const job = trace(async () => undefined, { name: "job" });
  await withSpan({ name: "around" }, () =>
    withDestination({ url: other.url, apiKey: "theirs" }, async () => {
      expect(getCurrentSpan()).toBeDefined();
      withSpan({ name: "inside" }, () => startSpan({ name: "own trace", parent: null }).end());
    }),
  );
  await withDestination({ experiment: "later" }, async () => {
    await Promise.resolve();
    await job();
  });
  await job();
  await flush();
  expect(arrived(own)).toEqual({ "own experiment": ["inside", "around", "job"], later: ["job"] });
  expect(arrived(other)).toEqual({ "own experiment": ["own trace"] });
  expect(other.exports[0]!.headers.authorization).toBe("Bearer theirs");
});

test("a destination that cannot be used costs the trace, not the call, and nothing goes to the wrong server", async () => {
  const seen = withDestination({ url: "nowhere" }, () => withSpan({ name: "lost" }, (span) => span.isRecording));
  expect(seen).toBe(false);
  expect(withSpan({ name: "lost", destination: { url: "nowhere" } }, (span) => span.isRecording)).toBe(false);
  expect(await flush()).toBe(true);
  expect(own.exports).toEqual([]);
});

describe("exporters", () => {
  test("are shared by all experiments of a server and key", () => {
    for (const experiment of ["a", "b", "c"]) startSpan({ name: "x", experiment }).end();
    startSpan({ name: "x", destination: { url: `${own.url}/`, apiKey: "own key" } }).end();
    expect(liveExporters()).toHaveLength(1);
    startSpan({ name: "x", destination: { apiKey: "another" } }).end();
    expect(liveExporters()).toHaveLength(2);
  });

  test("go on when init() changes what does not concern them, and close when it does", async () => {
    const [exporter] = liveExporters();
    init({ url: own.url, apiKey: "own key", experiment: "next", sampler: 0.5 });
    expect(liveExporters()).toEqual([exporter]);
    const open = startSpan({
      name: "open",
      destination: { url: own.url },
      parent: { traceId: "1".repeat(32), spanId: "2".repeat(16) },
    });
    init({ url: other.url, experiment: "third" });
    expect(liveExporters()).toHaveLength(2);
    open.end();
    withSpan({ name: "new" }, () => undefined);
    await flush();
    expect(arrived(own)).toEqual({ next: ["open"] });
    expect(arrived(other)).toEqual({ third: ["new"] });
    // It closes when its last request is settled, right after flush() saw that.
    await expect.poll(liveExporters).toHaveLength(1);
  });
});
