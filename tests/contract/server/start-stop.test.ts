/**
 * Starting and stopping inside one process: what is checked first, what is said, what is left.
 */
import { once } from "node:events";
import { access, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "@sightline/server/main";
import { expect, test } from "vitest";
import { makeDataDir, processesUsing, removeDataDir } from "../../harness/sightline-process.ts";
import { startInProcess, testConfig } from "./in-process.ts";
import { makeTrace, send } from "./spans.ts";

test("a server says each step, knows a fresh directory, and leaves neither processes nor its lock", async () => {
  const config = await testConfig();
  const steps: string[] = [];
  const first = await startServer(config, { onProgress: (sentence) => steps.push(sentence) });
  expect(first.freshDataDir).toBe(true);
  expect(first.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(steps[0]).toBe(`Data directory ${config.dataDir} (new)`);
  expect(steps.length).toBeGreaterThan(1);
  const spans = makeTrace(1);
  expect((await send(first.url, spans)).status).toBe(200);
  await Promise.all([first.close(), first.close()]);
  expect(await processesUsing(config.dataDir)).toEqual([]);
  expect(await readdir(config.dataDir)).not.toContain("sightline.lock");

  const second = await startServer(config);
  expect(second.freshDataDir).toBe(false);
  expect((await fetch(`${second.url}/api/v1/traces/tr-${spans[0]!.traceId}`)).status).toBe(200);
  await second.close();
  await removeDataDir(config.dataDir);
});

test("a second server on the same directory is told process and port, and disturbs nobody", async () => {
  const under = await startInProcess();
  const config = await testConfig({ SIGHTLINE_DATA_DIR: under.dataDir });
  const { port } = new URL(under.url);
  await expect(startServer(config)).rejects.toMatchObject({
    code: "DATA_DIR_IN_USE",
    message:
      `The data directory ${under.dataDir} is in use by the server with process id ${process.pid} at port ${port}; ` +
      "stop that server, or choose another directory with SIGHTLINE_DATA_DIR.",
  });
  expect((await send(under.url, makeTrace(0))).status).toBe(200);
  await under.stop();
});

test("a port in use is told before any engine starts, and the directory is free again", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const config = await testConfig({ SIGHTLINE_PORT: String(port) });
  await expect(startServer(config)).rejects.toMatchObject({
    code: "PORT_IN_USE",
    message: `Port ${port} of 127.0.0.1 is in use by another program; stop it, or choose another port with SIGHTLINE_PORT.`,
  });
  expect(await readdir(config.dataDir)).toEqual([]);
  other.close();
  const server = await startServer(config);
  await server.close();
  await removeDataDir(config.dataDir);
});

test("an address that this machine does not have is told", async () => {
  const config = await testConfig({ SIGHTLINE_HOST: "192.0.2.1", SIGHTLINE_INSECURE: "1" });
  await expect(startServer(config)).rejects.toMatchObject({
    code: "PORT_IN_USE",
    message: 'This machine has no address "192.0.2.1"; correct SIGHTLINE_HOST.',
  });
  await removeDataDir(config.dataDir);
});

test("a directory that cannot be written and a full disk are told", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sightline-test-"));
  await writeFile(join(folder, "file"), "");
  const unwritable = await testConfig({ SIGHTLINE_DATA_DIR: join(folder, "file/data") });
  await expect(startServer(unwritable)).rejects.toMatchObject({ code: "DATA_DIR_UNUSABLE" });
  const full = await testConfig({
    SIGHTLINE_DATA_DIR: join(folder, "data"),
    SIGHTLINE_MIN_FREE_DISK_BYTES: String(2 ** 50),
  });
  await expect(startServer(full)).rejects.toMatchObject({
    code: "DATA_DIR_UNUSABLE",
    message: expect.stringMatching(/has \d+ MB free and 1125899906 MB are needed/),
  });
  await rm(folder, { recursive: true });
});

test("a store that does not open leaves nothing behind: no lock, no port, no process", async () => {
  const dataDir = await makeDataDir();
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const { port } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, "close");
  const config = await testConfig({
    SIGHTLINE_DATA_DIR: dataDir,
    SIGHTLINE_DATABASE_URL: `postgres://u:hunter2@127.0.0.1:${port}/x`,
  });
  const failure = await startServer(config).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect((failure as Error).message).not.toContain("hunter2");
  await access(dataDir);
  expect(await readdir(dataDir)).not.toContain("sightline.lock");
  expect(await processesUsing(dataDir)).toEqual([]);
  await removeDataDir(dataDir);
});

test("requests that are in flight at the stop are answered, and what was answered 200 is kept", async () => {
  const config = await testConfig();
  const server = await startServer(config);
  const traces = Array.from({ length: 40 }, () => makeTrace(3));
  const answers = traces.map((spans) =>
    send(server.url, spans).then(
      ({ status }) => status,
      () => "no answer" as const,
    ),
  );
  await answers[0];
  await server.close();
  const statuses = await Promise.all(answers);
  const kept = traces.filter((_, index) => statuses[index] === 200);
  expect(kept.length).toBeGreaterThan(0);

  const again = await startServer(config);
  for (const [root] of kept) expect((await fetch(`${again.url}/api/v1/traces/tr-${root!.traceId}`)).status).toBe(200);
  await again.close();
  await removeDataDir(config.dataDir);
});
