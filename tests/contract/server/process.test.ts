/**
 * The server as a process: signals, kill -9, what a terminal shows.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import {
  freePort,
  makeDataDir,
  processesUsing,
  removeDataDir,
  type SightlineProcess,
  startSightline,
} from "../../harness/sightline-process.ts";
import { makeTrace, send } from "./spans.ts";

const main = fileURLToPath(new URL("../../../packages/cli/src/main.ts", import.meta.url));

let running: SightlineProcess | undefined;
afterEach(async () => {
  if (running) {
    await running.stop();
    await removeDataDir(running.dataDir);
  }
  running = undefined;
});

for (const [signal, scope] of [
  ["SIGTERM", "process"],
  ["SIGTERM", "group"],
  ["SIGINT", "group"],
] as const) {
  test(`${signal} to the ${scope} while traces come: exit code 0, quiet, nothing left, nothing lost`, async () => {
    const process = await startSightline();
    const { dataDir, port } = process;
    const acknowledged: string[] = [];
    let stopping = false;
    const writers = Array.from({ length: 4 }, async () => {
      while (!stopping) {
        const spans = makeTrace(2);
        const status = await send(process.url, spans).then(
          (answer) => answer.status,
          () => 0,
        );
        if (status === 200) acknowledged.push(spans[0]!.traceId);
        if (status === 200 && acknowledged.length >= 20) stopping = true;
      }
    });
    await Promise.race(writers);
    process.kill(signal, scope);
    expect(await process.exited).toBe(0);
    await Promise.all(writers);
    expect(await processesUsing(dataDir)).toEqual([]);
    // The engines get the signal too; a person who pressed Ctrl+C must not read about it.
    const lines = process.output().split("\n");
    const after = lines.slice(lines.findIndex((line) => line.startsWith("Stopping")) + 1);
    expect(after.join("\n").trim()).toBe("");

    running = await startSightline({ dataDir, port });
    for (const id of acknowledged) expect((await fetch(`${running.url}/api/v1/traces/tr-${id}`)).status).toBe(200);
  });
}

test("after kill -9 the server starts again with what it had acknowledged", async () => {
  const first = await startSightline();
  const spans = makeTrace(5);
  expect((await send(first.url, spans)).status).toBe(200);
  first.kill("SIGKILL");
  await first.exited;
  running = await startSightline({ dataDir: first.dataDir, port: first.port });
  const answer = await fetch(`${running.url}/api/v1/traces/tr-${spans[0]!.traceId}`);
  expect(await answer.json()).toMatchObject({ trace: { info: { spanCount: 6 } } });
  expect((await send(running.url, makeTrace(1))).status).toBe(200);
});

test("the same Ctrl+C that comes twice, from the terminal and from npm, counts once", async () => {
  const first = await startSightline();
  first.kill("SIGINT", "group");
  first.kill("SIGINT", "process");
  expect(await first.exited).toBe(0);
  expect(first.output()).not.toContain("Ended at once");
  expect(await processesUsing(first.dataDir)).toEqual([]);
  await removeDataDir(first.dataDir);
});

test("a second signal ends everything at once with exit code 1; the data survives", async () => {
  const first = await startSightline();
  const spans = makeTrace(1);
  expect((await send(first.url, spans)).status).toBe(200);
  // An upload that does not end keeps the drain waiting.
  const { Socket } = await import("node:net");
  const socket = new Socket().connect(first.port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(
    "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
  );
  // Answered after the server has seen the upload on the older connection.
  await fetch(`${first.url}/health`);
  first.kill("SIGTERM", "process");
  // A signal that comes with the first one counts as the same; the second comes from a person, later.
  const later = setInterval(() => first.kill("SIGTERM", "process"), 1200);
  expect(await first.exited).toBe(1);
  clearInterval(later);
  socket.destroy();
  expect(first.output()).toContain("Ended at once. What was acknowledged is on disk.");
  expect(await processesUsing(first.dataDir)).toEqual([]);
  running = await startSightline({ dataDir: first.dataDir, port: first.port });
  expect((await fetch(`${running.url}/api/v1/traces/tr-${spans[0]!.traceId}`)).status).toBe(200);
});

for (const [signal, scope] of [
  ["SIGTERM", "process"],
  ["SIGINT", "group"],
] as const) {
  test(`${signal} to the ${scope} while the engines start: exit code 0, nothing left, and the next start works`, async () => {
    const dataDir = await makeDataDir();
    const child = spawn(process.execPath, ["--import", "tsx", "--conditions=@sightline/source", main, "server"], {
      env: { ...process.env, SIGHTLINE_DATA_DIR: dataDir, SIGHTLINE_PORT: String(await freePort()) },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        if (!output.includes("PostgreSQL") && text.includes("PostgreSQL")) {
          process.kill(scope === "group" ? -child.pid! : child.pid!, signal);
        }
        output += text;
      });
    }
    const [code] = await once(child, "exit");
    expect({ code, output }).toMatchObject({ code: 0, output: expect.not.stringContaining("failed") });
    expect(await processesUsing(dataDir)).toEqual([]);
    running = await startSightline({ dataDir });
    expect((await send(running.url, makeTrace(1))).status).toBe(200);
  });
}

test("a start that fails prints one sentence and ends with 1", async () => {
  running = await startSightline();
  const { dataDir, port } = running;
  const [sameDir, samePort] = await Promise.all([
    sightlineServer({ SIGHTLINE_DATA_DIR: dataDir, SIGHTLINE_PORT: String(await freePort()) }),
    sightlineServer({ SIGHTLINE_DATA_DIR: await makeDataDir(), SIGHTLINE_PORT: String(port) }),
  ]);
  expect(sameDir).toEqual({
    code: 1,
    stderr:
      `The data directory ${dataDir} is in use by the server with process id ${running.pid} at port ${port}; ` +
      "stop that server, or choose another directory with SIGHTLINE_DATA_DIR.\n",
  });
  expect(samePort).toEqual({
    code: 1,
    stderr: `Port ${port} of 127.0.0.1 is in use by another program; stop it, or choose another port with SIGHTLINE_PORT.\n`,
  });
});

async function sightlineServer(env: Record<string, string>) {
  const child = spawn(process.execPath, ["--import", "tsx", "--conditions=@sightline/source", main, "server"], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code] = await once(child, "close");
  return { code, stderr };
}
