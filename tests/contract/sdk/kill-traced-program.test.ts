/**
 * A traced program is killed while it works, again and again, with the spool on; the server is there, or stopped. Every span that
 * had ended is stored once, or the server says that it is missing: none is lost in silence, none is there twice.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SdkProcess } from "@sightline/wire/model/sdk-process";
import { afterAll, expect, test } from "vitest";
import { removeDataDir, type SightlineProcess, startSightline } from "../../harness/sightline-process.ts";

const ROUNDS = Number(process.env["SIGHTLINE_TEST_KILL_ROUNDS"] ?? 8);
const EXPERIMENT = "killed programs";
const program = fileURLToPath(new URL("./killed-program.ts", import.meta.url));

const folder = mkdtempSync(join(tmpdir(), "sightline-kill-"));
let server: SightlineProcess | undefined;
afterAll(async () => {
  if (server) {
    server.kill("SIGCONT", "process");
    await server.stop();
    await removeDataDir(server.dataDir);
  }
  rmSync(folder, { recursive: true });
});

test(`${ROUNDS} rounds of kill -9 of a traced program: every span is stored once or reported missing`, {
  timeout: 120_000 + ROUNDS * 30_000,
}, async () => {
  server = await startSightline();
  const { url } = server;
  const rounds: { readonly pid: number; readonly ended: readonly string[] }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const victim = start(url, round);
    const stopsServer = round % 4 === 3;
    await linesOf(victim, round, 1);
    if (stopsServer) server.kill("SIGSTOP", "process");
    // Each round has another number of spans before the kill, so that it hits different moments.
    await linesOf(victim, round, 1 + Math.floor(Math.random() * 150));
    victim.kill("SIGKILL");
    await once(victim, "close");
    if (stopsServer) server.kill("SIGCONT", "process");
    rounds.push({ pid: victim.pid as number, ended: idsOf(round) });
  }
  // The last one ends by itself, and sends what those before it left.
  const last = start(url, ROUNDS, { STOP_AFTER: "5" });
  await once(last, "close");
  rounds.push({ pid: last.pid as number, ended: idsOf(ROUNDS) });
  expect(readdirSync(join(folder, "spool"))).toEqual([]);

  const stored = await storedSpans(url);
  const processes = await sdkProcesses(url);
  const totals = { ended: 0, stored: 0, missing: 0 };
  for (const [round, { pid, ended }] of rounds.entries()) {
    const reported = processes.find((process) => process.pid === pid);
    const here = stored.filter((span) => span.round === String(round)).map(({ id }) => id);
    // The program may have been killed before it could write down the span that it had just ended.
    const unwritten = (reported?.spansEnded ?? 0) - ended.length;
    const absent = ended.filter((id) => !here.includes(id));
    const unknown = here.filter((id) => !ended.includes(id));
    expect([0, 1], `round ${round}`).toContain(unwritten);
    expect(unknown.length, `round ${round}`).toBeLessThanOrEqual(unwritten);
    expect(new Set(here).size, `round ${round}`).toBe(here.length);
    expect(reported, `round ${round}`).toMatchObject({
      spansReceived: here.length,
      missing: { spans: absent.length + unwritten - unknown.length, mayStillCome: 0, isExact: true },
      state: "ended",
    });
    totals.ended += reported?.spansEnded ?? 0;
    totals.stored += here.length;
    totals.missing += absent.length + unwritten - unknown.length;
  }
  console.info(
    `kill -9 of a traced program, ${ROUNDS} rounds: ended ${totals.ended}, stored ${totals.stored}, ` +
      `reported missing ${totals.missing}, silently lost 0, doubled 0`,
  );
  expect(totals.stored + totals.missing).toBe(totals.ended);
  const stats = (await (await fetch(`${url}/api/v1/stats`)).json()) as { spans: number };
  expect(stats.spans).toBe(totals.stored);
});

function start(url: string, round: number, env: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, ["--import", "tsx", "--conditions=@sightline/source", program], {
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      SIGHTLINE_URL: url,
      SIGHTLINE_EXPERIMENT: EXPERIMENT,
      SIGHTLINE_SPOOL: join(folder, "spool"),
      IDS_FILE: idsFile(round),
      ROUND: String(round),
      ...env,
    },
  });
}

function idsFile(round: number): string {
  return join(folder, `${round}.ids`);
}

/** Trace and span of every line; the last one may be half. */
function idsOf(round: number): string[] {
  return readFileSync(idsFile(round), "utf8").split("\n").slice(0, -1);
}

/** Waits until the program has ended so many spans. */
async function linesOf(victim: ChildProcess, round: number, count: number): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!existsSync(idsFile(round)) || idsOf(round).length < count) {
    if (victim.exitCode !== null || Date.now() > deadline)
      throw new Error(`round ${round}: the program did not get going`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

interface StoredSpan {
  /** Trace and span, as the program writes them. */
  readonly id: string;
  readonly round: unknown;
}

/** Every stored span that has ended. */
async function storedSpans(url: string): Promise<StoredSpan[]> {
  const found: StoredSpan[] = [];
  let pageToken: string | undefined;
  do {
    const answer = await fetch(`${url}/api/v1/traces/search`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ experiments: [EXPERIMENT], maxResults: 1000, include: ["spans"], pageToken }),
    });
    expect(answer.status).toBe(200);
    const page = (await answer.json()) as {
      traces: { info: { traceId: string }; spans: { spanId: string; attributes: Record<string, unknown> }[] }[];
      nextPageToken?: string;
    };
    for (const { info, spans } of page.traces) {
      for (const { spanId, attributes } of spans) {
        found.push({ id: `${info.traceId} ${spanId}`, round: attributes["round"] });
      }
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  return found;
}

async function sdkProcesses(url: string): Promise<SdkProcess[]> {
  const answer = await fetch(`${url}/api/v1/sdk-processes?maxResults=1000`);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { processes: SdkProcess[] }).processes;
}
