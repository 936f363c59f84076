/**
 * Streams that nobody reads to the end: their spans end when the stream is collected. Needs the garbage collector at hand.
 */
import { startScriptedEndpoint } from "@sightline/eval";
import { afterEach, expect, test, vi } from "vitest";
import { runProgram } from "../testing/program.ts";
import { startReceiver } from "../testing/receiver.ts";
import { watch } from "./abandoned.ts";

afterEach(() => vi.useRealTimers());

test("streams, promises and generators that are dropped end their spans as abandoned", async () => {
  const receiver = await startReceiver();
  const endpoint = await startScriptedEndpoint();
  const end = await runProgram(
    `
    import OpenAI from "openai";
    import * as sightline from "@sightline/sdk";
    import { setImmediate as turn } from "node:timers/promises";
    const client = new OpenAI();
    sightline.openai.autolog();
    const ask = (model, stream) => client.chat.completions.create({ model, stream, messages: [{ role: "user", content: "Hi" }] });
    const numbers = sightline.trace(async function* numbers() { yield 1; yield 2; });
    const lazy = sightline.trace(() => ({ then() {} }), { name: "lazy" });
    await (async () => {
      await ask("never-read", true);
      const iterator = (await ask("half-read", true))[Symbol.asyncIterator]();
      await iterator.next();
      await iterator.next();
      ask("never-awaited", false);
      await numbers().next();
      lazy();
    })();
    while (sightline.stats().ended < 5) {
      globalThis.gc();
      await turn();
    }
    console.log("collected");
  `,
    {
      nodeArgs: ["--expose-gc"],
      env: { SIGHTLINE_URL: receiver.url, OPENAI_BASE_URL: endpoint.url, OPENAI_API_KEY: "k" },
    },
  );
  expect(end).toMatchObject({ code: 0, stdout: "collected\n" });
  const ends = receiver.spans.map((span) => [span.name, span.attributes["sightline.stream.end_reason"]]);
  expect(Object.fromEntries(ends)).toEqual({
    "chat never-read": "abandoned",
    "chat half-read": "abandoned",
    "chat never-awaited": "abandoned",
    numbers: "abandoned",
    lazy: "abandoned",
  });
  const half = receiver.spans.find(({ name }) => name === "chat half-read")!;
  expect(String(half.attributes["mlflow.spanOutputs"])).toContain('"content":"This');
  await endpoint.close();
  await receiver.close();
});

test("what stays referenced but is not read for ten minutes is abandoned, once; what is read or stopped is not", () => {
  vi.useFakeTimers();
  const abandoned: string[] = [];
  const streams = ["idle", "read", "stopped"].map((name) => {
    const stream = {};
    return { stream, watching: watch(stream, () => abandoned.push(name)) };
  });
  streams[2]!.watching.stop();
  for (let minute = 0; minute < 30; minute++) {
    vi.advanceTimersByTime(60_000);
    streams[1]!.watching.touch();
    if (minute === 8) expect(abandoned).toEqual([]);
  }
  expect(abandoned).toEqual(["idle"]);
  streams[1]!.watching.stop();
  vi.advanceTimersByTime(60_000);
  expect(vi.getTimerCount()).toBe(0);
});
