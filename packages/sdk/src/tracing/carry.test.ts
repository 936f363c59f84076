/**
 * The current span across everything that Node continues later: by itself, by `bind`, and in worker threads.
 */
import { EventEmitter, once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate as nextTurn, setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import { flush, init, shutdown } from "../init.ts";
import { type Receiver, spanNamed, startReceiver } from "../testing/receiver.ts";
import { bind, withWorkerContext, workerContext } from "./carry.ts";
import { getCurrentSpan } from "./context.ts";
import { updateCurrentTrace } from "./current.ts";
import { trace, withSpan } from "./trace.ts";

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  init({ url: receiver.url });
});
afterAll(async () => {
  await shutdown();
  await receiver.close();
});

/** What keeps callbacks for later, each with the promise that its callback ran. */
const continuations: Readonly<Record<string, (callback: () => void) => void>> = {
  setTimeout: (callback) => setTimeout(callback, 1),
  setInterval: (callback) => {
    const timer = setInterval(() => {
      clearInterval(timer);
      callback();
    }, 1);
  },
  setImmediate: (callback) => setImmediate(callback),
  queueMicrotask: (callback) => queueMicrotask(callback),
  nextTick: (callback) => process.nextTick(callback),
  "a promise": (callback) => void wait(1).then(callback),
  "an abort signal": (callback) => AbortSignal.timeout(1).addEventListener("abort", callback),
  "a message channel of one's own": (callback) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      callback();
    };
    port2.postMessage(1);
  },
};

test.for(Object.keys(continuations))("%s goes on in the current span", async (name) => {
  await withSpan({ name }, async (span) => {
    const current = await new Promise((resolve) => continuations[name]!(() => resolve(getCurrentSpan())));
    expect(current).toBe(span);
  });
});

test("a listener runs in the span of whoever emits; bound, in the span where it was bound", async () => {
  const emitter = new EventEmitter();
  const seen: (string | undefined)[] = [];
  const look = (): void => void seen.push(getCurrentSpan()?.spanId);
  const listener = withSpan({ name: "subscriber" }, (span) => {
    emitter.on("event", look);
    emitter.on("event", bind(look));
    return span.spanId;
  });
  const sender = withSpan({ name: "sender" }, (span) => {
    emitter.emit("event");
    return span.spanId;
  });
  emitter.emit("event");
  expect(seen).toEqual([sender, listener, undefined, listener]);
});

test("bind keeps this, arguments, result, errors, name and length", () => {
  const original = function add(this: { base: number }, left: number, right: number): number {
    if (left < 0) throw new RangeError("negative");
    return this.base + left + right;
  };
  const bound = bind(original);
  expect(bound.call({ base: 1 }, 2, 3)).toBe(6);
  expect(() => bound.call({ base: 1 }, -1, 3)).toThrow(RangeError);
  expect([bound.name, bound.length]).toEqual(["add", 2]);
});

test("an emitter lets go of a bound listener by the original", () => {
  const emitter = new EventEmitter();
  const listener = (): void => undefined;
  emitter.on("event", bind(listener));
  emitter.off("event", listener);
  expect(emitter.listenerCount("event")).toBe(0);
});

test("what a pool keeps runs in the span of whoever queued it, when it is bound", async () => {
  // One worker takes jobs from a list, begun outside of every span.
  const jobs: (() => void)[] = [];
  const wake = new EventEmitter();
  const worker = (async () => {
    for (let done = 0; done < 2; ) {
      const job = jobs.shift();
      if (job === undefined) await once(wake, "job");
      else {
        job();
        done += 1;
      }
    }
  })();
  const queue = (name: string): Promise<unknown> =>
    withSpan({ name }, async (span) => {
      const current = await new Promise((resolve) => {
        jobs.push(bind(() => resolve(getCurrentSpan())));
        wake.emit("job");
      });
      expect(current).toBe(span);
    });
  await nextTurn();
  await Promise.all([queue("first job"), queue("second job"), worker]);
});

test("streams read in a span, and generators between them, belong to it", async () => {
  const shout = trace(async function* shout(source: AsyncIterable<string>) {
    for await (const word of source) yield word.toUpperCase();
  });
  const words = await withSpan({ name: "reader" }, async (span) => {
    const found: string[] = [];
    const checked = new Transform({
      objectMode: true,
      transform: bind((chunk: string, _encoding: unknown, done: (error: null, chunk: string) => void) => {
        expect(getCurrentSpan()).toBe(span);
        done(null, chunk);
      }),
    });
    await pipeline(Readable.from(["a", "b"]), checked, shout, async (source) => {
      for await (const word of source) {
        await nextTurn();
        found.push(word);
      }
    });
    expect(getCurrentSpan()).toBe(span);
    return found;
  });
  expect(words).toEqual(["A", "B"]);
  await flush();
  expect(spanNamed(receiver.spans, "shout").parentSpanId).toBe(spanNamed(receiver.spans, "reader").spanId);
});

test("events of a stream that is bound belong to the span, with a reader elsewhere too", async () => {
  const stream = new Readable({ read: () => undefined });
  const seen = withSpan(
    { name: "binder" },
    (span) =>
      new Promise((resolve) => {
        stream.on(
          "data",
          bind(() => resolve(getCurrentSpan() === span)),
        );
      }),
  );
  withSpan({ name: "pusher" }, () => stream.push("chunk"));
  expect(await seen).toBe(true);
});

// Inside the repository, so that packages are found; ignored by git.
const folder = fileURLToPath(new URL("../../.cache/programs", import.meta.url));

/** Runs a worker thread from its text to its end. */
async function runWorker(text: string, workerData: unknown, env: Record<string, string> = {}): Promise<unknown> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `worker-${process.pid}-${Math.random().toString(36).slice(2)}.mjs`);
  writeFileSync(file, text);
  const worker = new Worker(file, {
    workerData,
    env: { ...process.env, ...env },
    execArgv: ["--conditions=@sightline/source"],
  });
  let message: unknown;
  worker.on("message", (said) => {
    message = said;
  });
  const [code] = (await once(worker, "exit")) as [number];
  rmSync(file);
  expect(code).toBe(0);
  return message;
}

const WORK = `
  import { parentPort, workerData } from "node:worker_threads";
  import { register } from "tsx/esm/api";
  // tsx leaves worker threads alone unless it is called in them.
  register();
  const sightline = await import("@sightline/sdk");
  await sightline.withWorkerContext(workerData.context, async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await sightline.withSpan({ name: workerData.name }, async () => null);
  });
  parentPort.postMessage(sightline.stats().ended);
`;

test("a worker thread goes on with the trace, in its experiment, with session and user", async () => {
  await withSpan({ name: "main thread", experiment: "threads" }, async () => {
    updateCurrentTrace({ sessionId: "session 1", userId: "user 1" });
    const workerData = { name: "in the worker", context: workerContext() };
    expect(await runWorker(WORK, workerData, { SIGHTLINE_URL: receiver.url })).toBe(1);
  });
  await flush();
  const main = spanNamed(receiver.spans, "main thread");
  const worker = spanNamed(receiver.spans, "in the worker");
  expect(worker).toMatchObject({ traceId: main.traceId, parentSpanId: main.spanId });
  expect(worker.attributes).toMatchObject({ "session.id": "session 1", "user.id": "user 1" });
  const experiments = receiver.exports.map(({ headers, spans }) => [
    headers["x-sightline-experiment"],
    spans.map(({ name }) => name),
  ]);
  expect(experiments).toContainEqual(["threads", ["in the worker"]]);
});

test("a worker thread in which tracing is off runs its work", async () => {
  const workerData = { name: "nothing", context: withSpan({ name: "main" }, () => workerContext()) };
  expect(await runWorker(WORK, workerData)).toBe(0);
});

test("the context is data: it survives structured clone and JSON, and nothing is no context", () => {
  const context = withSpan({ name: "here" }, () => workerContext());
  expect(structuredClone(context)).toEqual(context);
  expect(JSON.parse(JSON.stringify(context))).toEqual(context);
  expect(withWorkerContext(undefined, () => getCurrentSpan())).toBeUndefined();
  expect(withWorkerContext(workerContext(), () => getCurrentSpan())).toBeUndefined();
});
