/**
 * From a fresh clone with an empty HOME to a visible trace: seconds cold and warm, memory of all processes, installed size.
 *
 * `npm run bench -- fresh-start [--runs N]`: clones this checkout's HEAD into a temporary folder, runs `npm start` there
 * (cold: install, build, engines, sample agent), stops it, then starts it N more times (default 5). Memory is PSS, the sum
 * over the process group of what /proc/<pid>/smaps_rollup says, so that shared pages count once. Linux only.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { memoryByProcess } from "./measure/processes.ts";
import { freePort } from "./systems/processes.ts";

const { values } = parseArgs({ options: { runs: { type: "string", default: "5" } } });
const folder = mkdtempSync(join(tmpdir(), "sightline-fresh-"));
const clone = join(folder, "clone");
const port = await freePort();

try {
  execFileSync("git", ["clone", "--quiet", join(import.meta.dirname, ".."), clone]);
  const cold = await startAndStop(true);
  report("cold start (install, build, engines, sample agent)", [cold]);
  const warm = [];
  for (let run = 0; run < Number(values.runs); run += 1) warm.push(await startAndStop(false));
  report("second start", warm);
  const size = (path: string) => Number(execFileSync("du", ["-sm", path], { encoding: "utf8" }).split("\t")[0]);
  console.info(`installed size: ${size(clone)} MiB, of which node_modules ${size(join(clone, "node_modules"))} MiB`);
  console.info(`data directory after the sample agent: ${size(join(clone, ".sightline"))} MiB`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

interface Measured {
  readonly seconds: number;
  readonly stopSeconds: number;
  readonly peakMiB: number;
  readonly idleMiB: number;
  readonly idleByProcess: readonly string[];
}

async function startAndStop(isCold: boolean): Promise<Measured> {
  const began = performance.now();
  const child = spawn("npm", ["start"], {
    cwd: clone,
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env.PATH, HOME: join(folder, "home"), SIGHTLINE_PORT: String(port) },
  });
  const group = child.pid;
  if (group === undefined) throw new Error("npm start could not be spawned");
  let output = "";
  let peakMiB = 0;
  const sampler = setInterval(() => {
    peakMiB = Math.max(peakMiB, sum(memoryByProcess([group])));
  }, 250);
  const exit = once(child, "exit");
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (isCold) process.stdout.write(text);
      if (/Open http/.test(output)) resolve();
    });
    void exit.then(([code]) => reject(new Error(`npm start ended with ${code}:\n${output}`)));
  });
  const secondsToReady = (performance.now() - began) / 1000;
  // Idle: what is left after the start's own garbage had time to go.
  await new Promise((resolve) => setTimeout(resolve, 20_000));
  const idle = memoryByProcess([group]);
  clearInterval(sampler);
  const stopping = performance.now();
  process.kill(-group, "SIGTERM");
  const [code] = await exit;
  if (code !== 0) throw new Error(`npm start ended with ${code} after SIGTERM:\n${output}`);
  return {
    seconds: secondsToReady,
    stopSeconds: (performance.now() - stopping) / 1000,
    peakMiB,
    idleMiB: sum(idle),
    idleByProcess: idle.map((process) => `${process.name} ${Math.round(process.mib)}`),
  };
}

function sum(processes: ReturnType<typeof memoryByProcess>): number {
  return processes.reduce((total, process) => total + process.mib, 0);
}

function report(title: string, runs: readonly Measured[]): void {
  const spread = (pick: (run: Measured) => number, digits: number) => {
    const sorted = runs.map(pick).sort((a, b) => a - b);
    const at = (index: number) => (sorted[index] ?? Number.NaN).toFixed(digits);
    return `${at(Math.floor(sorted.length / 2))} (${at(0)} to ${at(sorted.length - 1)})`;
  };
  console.info(`\n${title}, ${runs.length} run(s), median (min to max)`);
  console.info(`  seconds to the printed address: ${spread((run) => run.seconds, 1)}`);
  console.info(
    `  memory, all processes, PSS MiB: peak ${spread((run) => run.peakMiB, 0)}, idle ${spread((run) => run.idleMiB, 0)}`,
  );
  console.info(`  seconds from SIGTERM to the end: ${spread((run) => run.stopSeconds, 1)}`);
  for (const line of runs.at(-1)?.idleByProcess ?? []) console.info(`    idle: ${line} MiB`);
}
