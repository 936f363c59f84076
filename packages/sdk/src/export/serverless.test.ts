/**
 * Functions that are frozen after their answer. The programs here kill themselves at that moment: nothing that is sent later arrives.
 */
import { test as base, describe, expect, expectTypeOf } from "vitest";
import { type ProgramEnd, runProgram } from "../testing/program.ts";
import { type Receiver, startReceiver } from "../testing/receiver.ts";
import { afterResponse, wrapLambda } from "./serverless.ts";

const test = base.extend<{ receiver: Receiver }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest wants a pattern here
  receiver: async ({}, use) => {
    const receiver = await startReceiver();
    await use(receiver);
    await receiver.close();
  },
});
const names = ({ spans }: Receiver): string[] => spans.map(({ name }) => name).sort();
const run = ({ url }: Receiver, text: string): Promise<ProgramEnd> =>
  runProgram(
    `import * as sightline from "@sightline/sdk";
     import { writeSync } from "node:fs";
     const print = (...values) => writeSync(1, values.map((value) => JSON.stringify(value)).join(" ") + "\\n");
     const freeze = () => process.kill(process.pid, "SIGKILL");
     const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
     const agent = sightline.trace(async (text) => { await wait(5); return text + "!"; }, { name: "agent" });
     ${text}`,
    { env: { SIGHTLINE_URL: url } },
  );

describe.concurrent("AWS Lambda", () => {
  const context = (leftMs: number): string => `{ getRemainingTimeInMillis: () => ${leftMs} }`;

  test("gets the answer when the spans are sent", async ({ receiver }) => {
    const end = await run(
      receiver,
      `const handler = sightline.wrapLambda(async (event, context) => ({ statusCode: 200, body: await agent(event.text) }));
       print(await handler({ text: "hi" }, ${context(30_000)}));
       freeze();`,
    );
    expect(end).toMatchObject({ signal: "SIGKILL", stdout: '{"statusCode":200,"body":"hi!"}\n' });
    expect(names(receiver)).toEqual(["agent"]);
  });

  test("gets the error as it is, and its span is sent", async ({ receiver }) => {
    const end = await run(
      receiver,
      `const error = new TypeError("no");
       const failing = sightline.trace(() => { throw error; }, { name: "failing" });
       const handler = sightline.wrapLambda(async () => failing());
       await handler({}, ${context(30_000)}).catch((caught) => print(caught === error));
       freeze();`,
    );
    expect(end.stdout).toBe("true\n");
    expect(receiver.spans).toMatchObject([{ name: "failing", statusCode: 2 }]);
  });

  test("is answered in time while the server stalls", async ({ receiver }) => {
    receiver.answer(() => "stall");
    const end = await run(
      receiver,
      `const handler = sightline.wrapLambda(async (event) => agent(event));
       const began = Date.now();
       const answer = await handler("hi", { getRemainingTimeInMillis: () => 800 - (Date.now() - began) });
       print(answer, Date.now() - began < 5000, sightline.stats().queued);
       freeze();`,
    );
    expect(end.stdout).toBe('"hi!" true 1\n');
  });

  test("gets the answer of a handler with a callback", async ({ receiver }) => {
    const end = await run(
      receiver,
      `const ok = sightline.wrapLambda((event, context, callback) => { agent(event).then((text) => callback(null, text)); });
       const bad = sightline.wrapLambda((event, context, callback) => { callback(new Error("no")); });
       print(await ok("hi", ${context(30_000)}, () => {}));
       await bad("hi", ${context(30_000)}, () => {}).catch((error) => print(error.message));
       freeze();`,
    );
    expect(end.stdout).toBe('"hi!"\n"no"\n');
    expect(names(receiver)).toEqual(["agent"]);
  });

  test("gets streamed answers: the context is found where it is", async ({ receiver }) => {
    const end = await run(
      receiver,
      `const handler = sightline.wrapLambda(async (event, stream, context) => { stream.push(await agent(event)); });
       const stream = [];
       await handler("hi", stream, ${context(30_000)});
       print(stream);
       freeze();`,
    );
    expect(end.stdout).toBe('["hi!"]\n');
    expect(names(receiver)).toEqual(["agent"]);
  });
});

/** A platform that freezes the function when the answer is out and the promises it was given are settled. */
const PLATFORM = `
  const work = [];
  const ctx = { waitUntil(promise) { if (this !== ctx) throw new TypeError("Illegal invocation"); work.push(promise); } };
  const serve = async (answer) => { print(await answer); await Promise.all(work); freeze(); };`;

describe.concurrent("a platform with waitUntil", () => {
  test("is handed the delivery by afterResponse(), the answer does not wait", async ({ receiver }) => {
    receiver.answer(() => "stall");
    const end = await run(
      receiver,
      `${PLATFORM}
       const fetch = sightline.afterResponse(async (request, env, ctx) => agent(request));
       print(await fetch("hi", {}, ctx), work.length);
       freeze();`,
    );
    expect(end.stdout).toBe('"hi!" 1\n');
  });

  test.for([
    ["afterResponse()", `sightline.afterResponse(async (request, env, ctx) => agent(request))("hi", {}, ctx)`],
    [
      "flushAfter(ctx)",
      `(async () => { const answer = await agent("hi"); sightline.flushAfter(ctx); return answer; })()`,
    ],
    [
      "flushAfter(waitUntil)",
      `(async () => { sightline.flushAfter((promise) => ctx.waitUntil(promise)); return await agent("hi"); })()`,
    ],
    [
      "flushAfter() on Vercel",
      `(async () => {
         globalThis[Symbol.for("@vercel/request-context")] = { get: () => ctx };
         const answer = await agent("hi");
         print(sightline.flushAfter());
         return answer;
       })()`,
    ],
  ] as const)("%s: the spans are sent before it freezes", async ([, answer], { receiver }) => {
    const end = await run(receiver, `${PLATFORM}\nawait serve(${answer});`);
    expect(end).toMatchObject({ signal: "SIGKILL", stdout: expect.stringContaining('"hi!"\n') });
    expect(names(receiver)).toEqual(["agent"]);
  });

  test("waits for an answer that is streamed", async ({ receiver }) => {
    const end = await run(
      receiver,
      `${PLATFORM}
       const stream = sightline.trace(async function* stream() { for (const n of [1, 2, 3]) { await wait(20); yield n; } });
       const handler = sightline.afterResponse((request, env, ctx) => stream());
       const answer = handler("hi", {}, ctx);
       void (async () => { for await (const n of answer) print(n); })();
       await serve("streaming");`,
    );
    expect(end.stdout).toBe('"streaming"\n1\n2\n3\n');
    expect(names(receiver)).toEqual(["stream"]);
  });

  test("that refuses, or is none, leaves the answer as it is", async ({ receiver }) => {
    const end = await run(
      receiver,
      `const broken = { waitUntil() { throw new Error("too late"); } };
       print(sightline.flushAfter(), sightline.flushAfter(broken), sightline.stats().failures);
       print(sightline.afterResponse((request, ctx) => request)("hi", broken));
       try { sightline.afterResponse(() => { throw new Error("own"); })(); } catch (error) { print(error.message); }`,
    );
    expect(end.stdout).toBe('false false 1\n"hi"\n"own"\n');
    expect(end.code).toBe(0);
  });
});

test("types of handlers are kept", () => {
  const lambda = wrapLambda(async (event: { n: number }, _context: object) => event.n);
  expectTypeOf(lambda).toEqualTypeOf<(event: { n: number }, context: object) => Promise<number>>();
  const fetch = afterResponse(
    (_request: string, _env: number, _ctx: object): Promise<Date> => Promise.resolve(new Date()),
  );
  expectTypeOf(fetch).toEqualTypeOf<(request: string, env: number, ctx: object) => Promise<Date>>();
});
