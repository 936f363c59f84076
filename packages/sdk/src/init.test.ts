import { type DiagLogger, diag } from "@opentelemetry/api";
import { afterEach, beforeEach, expect, test } from "vitest";
import { flush, init, shutdown } from "./init.ts";
import { runProgram } from "./testing/program.ts";
import { type Receiver, startReceiver } from "./testing/receiver.ts";
import { withSpan } from "./tracing/trace.ts";

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  diag.disable();
  await shutdown();
  await receiver.close();
});

/** Warnings that are said from now on. */
function warnings(): string[] {
  const said: string[] = [];
  const ignore = (): void => undefined;
  const warn: DiagLogger["warn"] = (_, text) => said.push(String(text));
  diag.setLogger({ error: ignore, info: ignore, debug: ignore, verbose: ignore, warn });
  return said;
}

test("an option that is none is said; the others count", async () => {
  const said = warnings();
  init({ url: receiver.url, experimnet: "typed wrong" } as object);
  withSpan({ name: "traced" }, () => undefined);
  await flush();
  expect(receiver.spans).toHaveLength(1);
  expect(said).toEqual(["init() has no option experimnet; it is ignored. Is it spelled as in InitOptions?"]);
});

test("settings that cannot be used are said each, and tracing stays as it was", async () => {
  const said = warnings();
  init({ url: receiver.url });
  init({ url: receiver.url, sampler: 2 });
  init({ url: receiver.url, provider: "none" as "own" });
  withSpan({ name: "traced" }, () => undefined);
  await flush();
  expect(receiver.spans).toHaveLength(1);
  expect(said).toEqual([
    expect.stringContaining("init({ sampler }) is 2; give a number from 0 (no trace) to 1 (all), or a function."),
    expect.stringContaining('init({ provider }) is "none"; give "own" or "global".'),
  ]);
});

test("name and version of the program are on what it sends", async () => {
  init({ url: receiver.url, serviceName: "shop", version: "3f2a" });
  withSpan({ name: "traced" }, () => undefined);
  await flush();
  expect(receiver.exports[0]!.resource).toMatchObject({ "service.name": "shop", "service.version": "3f2a" });
});

test("the environment turns tracing off and thins it out, without init()", async () => {
  const program = `
    import { enable, withSpan } from "@sightline/sdk";
    const isRecording = () => withSpan({ name: "traced" }, (span) => span.isRecording);
    const before = isRecording();
    enable();
    console.log(before, isRecording());
  `;
  const run = async (env: Record<string, string>): Promise<string> =>
    (await runProgram(program, { env: { SIGHTLINE_URL: receiver.url, ...env } })).stdout;
  expect(await run({ SIGHTLINE_ENABLED: "0" })).toBe("false true\n");
  expect(await run({ SIGHTLINE_SAMPLING: "0" })).toBe("false false\n");
  expect(await run({})).toBe("true true\n");
});
