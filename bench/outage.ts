/**
 * The server is away for a minute under load: what users of the traced program meet, what memory it takes, what comes afterwards.
 *
 *   npm run bench -- outage [--seconds 60] [--rate 50] [--queue-mib 64,16] [--kinds stop,kill] [--from source] [--json FILE]
 *
 * `stop` freezes the server's processes (SIGSTOP: connections are made, nothing answers), `kill` ends them all and starts them
 * again. 50 requests a second make some 40 MB of spans in a minute: they fit in a queue of 64 MiB, the default, and not in one of
 * 16. Exits with 1 if a span is lost that was not counted, if one is there twice, or if the queue was over its bound.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { commonOptions, positive, printCircumstances, withFolder, writeResults } from "./measure/options.ts";
import { formatNumber } from "./measure/statistics.ts";
import type { Phase, PhaseResult, ProgramResult } from "./outage/messages.ts";
import { Server } from "./outage/server.ts";
import { sightline } from "./systems/sightline.ts";

const { values } = parseArgs({
  options: {
    from: commonOptions.from,
    json: commonOptions.json,
    seconds: { type: "string", default: "60" },
    rate: { type: "string", default: "50" },
    "queue-mib": { type: "string", default: "64,16" },
    kinds: { type: "string", default: "stop,kill" },
  },
});
const seconds = positive("seconds", values.seconds);
const rate = positive("rate", values.rate);
const from = values.from === "source" ? "source" : "build";
/** Before the outage and after it. */
const AROUND_SECONDS = 10;
const MIB = 1024 * 1024;

printCircumstances();
await sightline(from).prepare();
const results: Record<string, unknown> = {};
for (const kind of values.kinds.split(",")) {
  if (kind !== "stop" && kind !== "kill") throw new Error(`--kinds has "${kind}"; it may have stop and kill.`);
  for (const mib of values["queue-mib"].split(",")) {
    const queueMib = positive("queue-mib", mib);
    process.stdout.write(`${kind} for ${seconds} s, ${rate} requests/s, queue of ${queueMib} MiB\n`);
    const result = await withFolder((folder) => measure(folder, kind, queueMib));
    if (result.faults.length > 0) process.exitCode = 1;
    results[`${kind}, ${queueMib} MiB`] = result;
  }
}
writeResults(values.json, "outage", results);

async function measure(folder: string, kind: "stop" | "kill", queueMib: number) {
  const server = await Server.start(folder, from);
  const program = await startLoad(server.url, queueMib);
  const result = once(program, "message");
  const next = (phase: Phase) => program.send(phase);
  await wait(AROUND_SECONDS);
  next("outage");
  if (kind === "stop") server.signal("SIGSTOP");
  else await server.kill();
  await wait(seconds);
  if (kind === "stop") server.signal("SIGCONT");
  else await server.startAgain();
  next("after");
  await wait(AROUND_SECONDS);
  next("end");
  const [told] = (await result) as [ProgramResult];
  const storedSpans = await server.storedSpans();
  const reported = await server.sdkProcess();
  await server.stop();
  const { stats, phases } = told;
  const { ended, sent, dropped } = stats;
  const maxQueuedBytes = Math.max(...Object.values(phases).map((phase) => phase.maxQueuedBytes));
  const faults = [
    !told.isDelivered && "not everything was sent within a minute",
    ended !== sent + dropped.queueFull && `${ended - sent - dropped.queueFull} spans are neither sent nor dropped`,
    storedSpans !== sent && `${sent} spans were acknowledged, ${storedSpans} are stored`,
    reported.missing.spans !== dropped.queueFull && `the server reports ${reported.missing.spans} as missing`,
    maxQueuedBytes > queueMib * MIB && `the queue held ${maxQueuedBytes} bytes`,
  ].filter((fault) => fault !== false);
  for (const [phase, numbers] of Object.entries(phases)) process.stdout.write(`  ${describe(phase, numbers)}\n`);
  process.stdout.write(
    `  ended ${ended}, sent ${sent}, dropped ${dropped.queueFull}, stored ${storedSpans}, ` +
      `the server misses ${reported.missing.spans}, requests tried again ${stats.retries}\n`,
  );
  for (const fault of faults) process.stdout.write(`  FAULT: ${fault}\n`);
  return { phases, stats, storedSpans, reportedMissing: reported.missing, faults };
}

async function startLoad(url: string, queueMib: number): Promise<ChildProcess> {
  const program = fork(fileURLToPath(new URL("./outage/program.ts", import.meta.url)), {
    execArgv: ["--import", "tsx", "--conditions=@sightline/source", "--disable-warning=SightlineWarning"],
    env: { ...process.env, RATE: String(rate), SIGHTLINE_URL: url, QUEUE_BYTES: String(queueMib * MIB) },
  });
  await once(program, "message");
  return program;
}

function describe(phase: string, result: PhaseResult): string {
  const { requests, p50Ms, p99Ms, maxMs, loopMaxMs, maxQueuedBytes, maxRssBytes } = result;
  return (
    `${phase.padEnd(6)} ${requests} requests, p50 ${formatNumber(p50Ms)} ms, p99 ${formatNumber(p99Ms)} ms, ` +
    `max ${formatNumber(maxMs)} ms; event loop held ${formatNumber(loopMaxMs)} ms; ` +
    `queue ${formatNumber(maxQueuedBytes / MIB)} MiB, memory ${formatNumber(maxRssBytes / MIB)} MiB`
  );
}

function wait(duration: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, duration * 1000));
}
