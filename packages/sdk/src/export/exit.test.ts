/**
 * How programs end, with spans still unsent: delivered if it can be, counted if not, and the program ends as it would without.
 */
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, describe, expect } from "vitest";
import { type ProgramEnd, runProgram, startProgram } from "../testing/program.ts";
import { type Receiver, startReceiver } from "../testing/receiver.ts";

// A receiver for each test, so that they can run side by side: most of their time is the start of a process.
const test = base.extend<{ receiver: Receiver }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest wants a pattern here
  receiver: async ({}, use) => {
    const receiver = await startReceiver();
    await use(receiver);
    await receiver.close();
  },
});

const names = ({ spans }: Receiver): string[] => spans.map(({ name }) => name);
const run = ({ url }: Receiver, text: string): Promise<ProgramEnd> => runProgram(text, { env: { SIGHTLINE_URL: url } });
const start = ({ url }: Receiver, text: string) => startProgram(text, { env: { SIGHTLINE_URL: url } });
/** The address of a receiver that is gone: nothing listens there. */
async function deadUrl(): Promise<string> {
  const receiver = await startReceiver();
  await receiver.close();
  return receiver.url;
}

describe.concurrent("a program that ends by itself", () => {
  test("delivers what it traced, without init() and without flush()", async ({ receiver }) => {
    const end = await run(
      receiver,
      `import { trace } from "@sightline/sdk";
       const add = trace(function add(a, b) { return a + b; });
       console.log(add(1, 2));`,
    );
    expect(end).toEqual({ code: 0, signal: null, stdout: "3\n", stderr: "" });
    expect(names(receiver)).toEqual(["add"]);
  });

  test("with an exit code of its own keeps it", async ({ receiver }) => {
    const end = await run(
      receiver,
      `import { trace } from "@sightline/sdk";
       trace(() => {}, { name: "work" })();
       process.exitCode = 7;`,
    );
    expect(end.code).toBe(7);
    expect(names(receiver)).toEqual(["work"]);
  });

  test("delivers spans that never ended, as running ones", async ({ receiver }) => {
    await run(
      receiver,
      `import { startSpan } from "@sightline/sdk";
       startSpan({ name: "open", inputs: { q: 1 } });`,
    );
    expect(receiver.spans).toMatchObject([{ name: "open", endTimeUnixNano: 0n }]);
  });

  test("is not held open by a server that is down, and says what it lost", async () => {
    const SIGHTLINE_URL = await deadUrl();
    const end = await runProgram(
      `import { init, trace, stats } from "@sightline/sdk";
       init({ exitTimeoutMs: 300 });
       trace(() => {}, { name: "work" })();
       process.on("exit", () => console.log(JSON.stringify(stats().dropped)));`,
      { env: { SIGHTLINE_URL } },
    );
    expect(end.code).toBe(0);
    expect(JSON.parse(end.stdout)).toMatchObject({ unsentAtExit: 1 });
    expect(end.stderr).toContain("SightlineWarning: ");
    expect(end.stderr).toContain("does not take spans now (ECONNREFUSED)");
    expect(end.stderr).toContain("1 span could not be sent");
  });

  test("is not held open by a server that stalls", async ({ receiver }) => {
    receiver.answer(() => "stall");
    const end = await run(
      receiver,
      `import { init, trace, stats } from "@sightline/sdk";
       init({ exitTimeoutMs: 300 });
       trace(() => {}, { name: "work" })();
       process.on("exit", () => console.log(stats().dropped.unsentAtExit));`,
    );
    expect(end).toMatchObject({ code: 0, stdout: "1\n" });
  });

  test("awaits flush() at the top level", async ({ receiver }) => {
    const end = await run(
      receiver,
      `import { trace, flush, stats } from "@sightline/sdk";
       trace(() => {}, { name: "work" })();
       console.log(await flush(), stats().sent);`,
    );
    expect(end).toMatchObject({ code: 0, stdout: "true 1\n" });
  });
});

describe.concurrent("a program that is ended", () => {
  test("by process.exit() delivers from the exit event, exit code kept", async ({ receiver }) => {
    const end = await run(
      receiver,
      `import { trace, stats } from "@sightline/sdk";
       trace(() => {}, { name: "work" })();
       process.on("exit", () => console.log(stats().sent, stats().dropped.unsentAtExit));
       process.exit(3);`,
    );
    expect(end).toEqual({ code: 3, signal: null, stdout: "1 0\n", stderr: "" });
    expect(names(receiver)).toEqual(["work"]);
  });

  test("by process.exit() in the middle of a trace shows it as running, with what was done", async ({ receiver }) => {
    await run(
      receiver,
      `import { trace, withSpan } from "@sightline/sdk";
       withSpan({ name: "agent", inputs: "q" }, () => {
         trace(() => {}, { name: "step" })();
         process.exit(0);
       });`,
    );
    expect(receiver.spans).toMatchObject([
      { name: "step", statusCode: 1 },
      { name: "agent", endTimeUnixNano: 0n, statusCode: 0 },
    ]);
  });

  test("by process.exit() with nothing unsent sends nothing more", async ({ receiver }) => {
    const end = await run(
      receiver,
      `import { trace, flush } from "@sightline/sdk";
       trace(() => {}, { name: "work" })();
       await flush();
       process.exit(0);`,
    );
    expect(end.code).toBe(0);
    expect(receiver.exports).toHaveLength(1);
  });

  test("by process.exit() while the server is down counts what is lost", async () => {
    const SIGHTLINE_URL = await deadUrl();
    const end = await runProgram(
      `import { trace, stats } from "@sightline/sdk";
       trace(() => {}, { name: "work" })();
       process.on("exit", () => console.log(stats().sent, stats().dropped.unsentAtExit));
       process.exit(3);`,
      { env: { SIGHTLINE_URL } },
    );
    expect(end).toMatchObject({ code: 3, stdout: "0 1\n" });
  });

  test.for([
    ["an uncaught error", `trace(() => { throw new RangeError("boom"); }, { name: "work" })();`],
    ["an unhandled rejection", `trace(async () => { throw new RangeError("boom"); }, { name: "work" })();`],
  ])("by %s prints and ends as always, and the failed span arrives", async ([, line], { receiver }) => {
    const end = await run(receiver, `import { trace } from "@sightline/sdk";\n${line}`);
    expect(end.code).toBe(1);
    expect(end.stderr).toContain("RangeError: boom");
    expect(receiver.spans).toMatchObject([{ name: "work", statusCode: 2, statusMessage: "boom" }]);
  });

  test.for(["SIGTERM", "SIGINT"] as const)("by %s dies of it, after delivery", async (signal, { receiver }) => {
    const program = start(
      receiver,
      `import { trace, startSpan } from "@sightline/sdk";
       trace(() => {}, { name: "work" })();
       startSpan({ name: "open" });
       setInterval(() => {}, 1000);
       console.log("ready");`,
    );
    await program.printed("ready");
    program.process.kill(signal);
    expect(await program.ended).toMatchObject({ code: null, signal, stderr: "" });
    expect(names(receiver).sort()).toEqual(["open", "work"]);
  });

  test("by SIGTERM with a listener of its own decides itself", async ({ receiver }) => {
    const program = start(
      receiver,
      `import { trace } from "@sightline/sdk";
       const timer = setInterval(() => {}, 1000);
       process.once("SIGTERM", () => {
         trace(() => {}, { name: "closing" })();
         console.log("closing");
         clearInterval(timer);
       });
       trace(() => {}, { name: "work" })();
       console.log("ready");`,
    );
    await program.printed("ready");
    program.process.kill("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0, signal: null, stdout: "ready\nclosing\n" });
    expect(names(receiver)).toEqual(["work", "closing"]);
  });

  test("by SIGTERM under a library that counts listeners (as signal-exit does) still dies", async ({ receiver }) => {
    const program = start(
      receiver,
      `import { trace } from "@sightline/sdk";
       const listener = () => {
         // signal-exit 4: raises the signal again when nobody but itself listens.
         if (process.listeners("SIGTERM").length !== 1) return;
         process.off("SIGTERM", listener);
         process.kill(process.pid, "SIGTERM");
       };
       process.on("SIGTERM", listener);
       trace(() => {}, { name: "work" })();
       setInterval(() => {}, 1000);
       console.log("ready");`,
    );
    await program.printed("ready");
    program.process.kill("SIGTERM");
    expect(await program.ended).toMatchObject({ code: null, signal: "SIGTERM" });
  });
});

describe.concurrent("a worker thread that ends", () => {
  const inWorker = (text: string, after = ""): string => `
    import { Worker, isMainThread } from "node:worker_threads";
    // tsx runs TypeScript in the main thread only, unless it is asked.
    if (!isMainThread) (await import("tsx/esm/api")).register();
    const { trace } = await import("@sightline/sdk");
    if (isMainThread) {
      const worker = new Worker(new URL(import.meta.url));
      worker.on("error", (error) => console.log("error", error.message));
      worker.on("exit", (code) => console.log("exit", code));
      ${after}
    } else {
      trace(() => {}, { name: "in worker" })();
      ${text}
    }`;

  test.for([
    ["by itself", "", "exit 0\n"],
    ["by process.exit()", "process.exit(4);", "exit 4\n"],
    ["by an uncaught error", "setTimeout(() => { throw new Error('boom'); });", "error boom\nexit 1\n"],
  ] as const)("%s delivers what it traced, and the program goes on", async ([, text, stdout], { receiver }) => {
    const end = await run(receiver, inWorker(text));
    expect(end).toMatchObject({ code: 0, stdout });
    expect(names(receiver)).toEqual(["in worker"]);
  });

  test("is a process of its own for the server", async ({ receiver }) => {
    await run(receiver, inWorker("", `trace(() => {}, { name: "in main" })();`));
    expect(names(receiver).sort()).toEqual(["in main", "in worker"]);
    const ids = receiver.exports.map(({ resource }) => resource["service.instance.id"]);
    expect(new Set(ids).size).toBe(2);
  });
});

describe.concurrent("a program with a spool", () => {
  const withSpool = (dir: string, text: string, exitTimeoutMs = 10_000): string => `
    import { init, trace, stats, flush, startSpan } from "@sightline/sdk";
    init({ url: process.env.SIGHTLINE_URL, spool: { dir: ${JSON.stringify(dir)} }, exitTimeoutMs: ${exitTimeoutMs} });
    trace(() => {}, { name: "work" })();
    ${text}`;
  const spoolFolder = (): string => join(mkdtempSync(join(tmpdir(), "sightline-exit-")), "spool");

  test.for([
    ["ends by itself", ""],
    ["is ended by process.exit()", "process.exit(0);"],
    ["is ended by a signal", "process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000);"],
  ] as const)("that %s leaves nothing on disk when the server took everything", async ([, text], { receiver }) => {
    const dir = spoolFolder();
    await run(receiver, withSpool(dir, text));
    expect(names(receiver)).toEqual(["work"]);
    expect(readdirSync(dir)).toEqual([]);
  });

  test.for([
    ["ends by itself", ""],
    ["is ended by process.exit()", "process.exit(0);"],
    ["fails", "throw new Error('boom');"],
  ] as const)("that %s while the server is away leaves its spans to the next one", async ([, text], { receiver }) => {
    const dir = spoolFolder();
    const SIGHTLINE_URL = await deadUrl();
    const end = await runProgram(withSpool(dir, text, 300), { env: { SIGHTLINE_URL } });
    expect(end.stderr).toContain("the next process that spools to it sends what this one left");
    const { port } = new URL(SIGHTLINE_URL);
    const later = await startReceiver(Number(port));
    await run(later, withSpool(dir, "trace(() => {}, { name: 'later' })();"));
    await later.close();
    expect(names(later).sort()).toEqual(["later", "work", "work"]);
    expect(readdirSync(dir)).toEqual([]);
    expect(receiver.exports).toEqual([]);
  });
});

test("a program that traces but has no server set runs as if it did not trace", async () => {
  const end = await runProgram(
    `import { trace, withSpan, startSpan, flush, shutdown, stats, getCurrentSpan } from "@sightline/sdk";
     const add = trace((a, b) => a + b);
     withSpan({ name: "x" }, (span) => span.setInputs(1).run(() => console.log(add(1, 2), getCurrentSpan())));
     { const span = startSpan({ name: "y" }); span.end(); }
     console.log(await flush(), await shutdown(), stats().ended);`,
  );
  expect(end).toEqual({ code: 0, signal: null, stdout: "3 undefined\ntrue true 0\n", stderr: "" });
});

test("nothing global is taken: OpenTelemetry's own API stays the program's", async ({ receiver }) => {
  const end = await run(
    receiver,
    `import { trace, init } from "@sightline/sdk";
     import { trace as otel, context, propagation } from "@opentelemetry/api";
     init({ url: process.env.SIGHTLINE_URL });
     trace(() => {
       console.log(otel.getActiveSpan(), otel.getTracer("x").startSpan("y").isRecording(), context.active() === context.active());
       console.log(Object.keys(globalThis).filter((key) => /otel|sightline/i.test(key)).length);
       console.log(Object.getOwnPropertySymbols(globalThis).map(String).filter((key) => key.includes("opentelemetry")));
     })();`,
  );
  expect(end.stdout).toBe("undefined false true\n0\n[]\n");
});
