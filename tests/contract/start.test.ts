/**
 * `npm start` and its ending, as a person at a terminal meets them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { freePort, makeDataDir, processesUsing, removeDataDir } from "../harness/sightline-process.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const running: ChildProcess[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      process.kill(-child.pid, "SIGKILL");
      await once(child, "exit");
    }
  }
});

test("npm start shows the sample agent's trace, a second start skips it, Ctrl+C and SIGTERM leave nothing behind", async () => {
  const dataDir = await makeDataDir();
  const port = await freePort();

  const first = npmStart({ SIGHTLINE_DATA_DIR: dataDir, SIGHTLINE_PORT: String(port) });
  const address = await first.printed(/Open (http:\/\/\S+)/);
  const traceId = /tr-[0-9a-f]{32}/.exec(address)?.[0];
  expect(address).toBe(`http://127.0.0.1:${port}/t/${traceId}`);
  expect(first.output()).toContain("the project's own scripted endpoint");
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/traces/${traceId}`);
  const { trace } = (await answer.json()) as {
    trace: { info: Record<string, unknown>; spans: Record<string, unknown>[] };
  };
  expect(trace.info).toMatchObject({ state: "OK", spanCount: 4, tags: expect.objectContaining({ topic: "weather" }) });
  expect(trace.spans.map((span) => span.spanType)).toEqual(["AGENT", "CHAT_MODEL", "TOOL", "CHAT_MODEL"]);
  first.signalGroup("SIGINT");
  expect(await first.exit).toBe(0);
  expect(await processesUsing(dataDir)).toEqual([]);

  const second = npmStart({ SIGHTLINE_DATA_DIR: dataDir, SIGHTLINE_PORT: String(port) });
  expect(await second.printed(/Open (http:\/\/\S+)/)).toBe(`http://127.0.0.1:${port}/`);
  expect(second.output()).not.toContain("Sample agent");
  const stats = await (await fetch(`http://127.0.0.1:${port}/api/v1/stats`)).json();
  expect(stats).toMatchObject({ traces: 1, spans: 4 });
  second.signalGroup("SIGTERM");
  expect(await second.exit).toBe(0);
  expect(await processesUsing(dataDir)).toEqual([]);
  await removeDataDir(dataDir);
});

test("SIGHTLINE_DEMO=off starts an empty server", async () => {
  const dataDir = await makeDataDir();
  const port = await freePort();
  const start = npmStart({ SIGHTLINE_DATA_DIR: dataDir, SIGHTLINE_PORT: String(port), SIGHTLINE_DEMO: "off" });
  await start.printed(/Open (http:\/\/\S+)/);
  const stats = await (await fetch(`http://127.0.0.1:${port}/api/v1/stats`)).json();
  expect(stats).toMatchObject({ traces: 0, spans: 0 });
  start.signalGroup("SIGTERM");
  expect(await start.exit).toBe(0);
  await removeDataDir(dataDir);
});

test("a data directory in use and a port in use are refused in one sentence, exit code 1", async () => {
  const dataDir = await makeDataDir();
  const port = await freePort();
  const env = { SIGHTLINE_DATA_DIR: dataDir, SIGHTLINE_DEMO: "off" };
  const first = npmStart({ ...env, SIGHTLINE_PORT: String(port) });
  await first.printed(/Open (http:\/\/\S+)/);

  const samePort = npmStart({ ...env, SIGHTLINE_DATA_DIR: `${dataDir}-other`, SIGHTLINE_PORT: String(port) });
  expect(await samePort.exit).toBe(1);
  expect(samePort.output()).toContain(`${port}`);
  expect(samePort.output()).toContain("SIGHTLINE_PORT");

  const sameDir = npmStart({ ...env, SIGHTLINE_PORT: String(await freePort()) });
  expect(await sameDir.exit).toBe(1);
  expect(sameDir.output()).toContain(dataDir);

  for (const refused of [samePort, sameDir]) expect(refused.output()).not.toMatch(/^\s+at .+:\d+:\d+\)?$/m);
  first.signalGroup("SIGTERM");
  expect(await first.exit).toBe(0);
  await removeDataDir(dataDir);
});

/** `npm start` in this checkout, in a process group of its own. */
function npmStart(env: Record<string, string>) {
  const child = spawn("npm", ["start"], {
    cwd: root,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  running.push(child);
  let output = "";
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      for (const check of waiting) check();
    });
  }
  const exit = once(child, "exit").then(([code, signal]) => (code ?? signal) as number | string);
  return {
    output: () => output,
    exit,
    signalGroup: (signal: NodeJS.Signals) => {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    },
    /** The first group of the first match of `pattern` in what it printed. */
    printed: (pattern: RegExp) =>
      new Promise<string>((resolve, reject) => {
        const check = () => {
          const match = pattern.exec(output);
          if (match) {
            waiting.delete(check);
            resolve(match[1] ?? match[0]);
          }
        };
        waiting.add(check);
        check();
        void exit.then((code) => reject(new Error(`npm start ended with ${code}:\n${output}`)));
      }),
  };
}
