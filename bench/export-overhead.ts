/**
 * What tracing costs a program: time added to the traced call, later holds of the event loop, CPU, memory.
 *
 *   npm run bench -- export-overhead [--peers all] [--only-peers] [--rounds 3] [--rounds-not-up 1]
 *                                    [--payloads small,10KB,1MB,10MB,objects] [--servers up,stalled,down]
 *                                    [--json FILE] [--quick] [--no-build]
 *
 * `--peers opentelemetry,langfuse,langsmith,traceloop,openinference` measures those SDKs beside Sightline in the same run; they are
 * installed into ~/.cache/sightline-bench/sdk-peers. Every measurement has a process of its own; SDKs and rounds alternate. Spans go
 * to a receiver on this machine that answers as the SDK's server does. `--quick` tries everything with few calls.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { circumstances, positive, printCircumstances, writeResults } from "./measure/options.ts";
import { formatNumber, median, quantile } from "./measure/statistics.ts";
import { type Measurement, measureAll, type ServerState, serverStates } from "./overhead/measure.ts";
import { type PayloadName, payloadKinds } from "./overhead/payloads.ts";
import { ensurePackages } from "./overhead/peer-packages.ts";
import { missedTargets, overheadTable } from "./overhead/report.ts";
import { summarize } from "./overhead/summary.ts";
import { type VariantName, variants } from "./overhead/variants.ts";

const { values } = parseArgs({
  options: {
    peers: { type: "string", default: "" },
    "only-peers": { type: "boolean", default: false },
    rounds: { type: "string", default: "3" },
    "rounds-not-up": { type: "string", default: "1" },
    payloads: { type: "string", default: Object.keys(payloadKinds).join(",") },
    servers: { type: "string", default: serverStates.join(",") },
    json: { type: "string" },
    quick: { type: "boolean", default: false },
    "no-build": { type: "boolean", default: false },
  },
});

const peers = Object.keys(variants).filter((name) => name !== "untraced" && name !== "sightline");
const chosen = ["untraced", ...named("peer", values.peers === "all" ? peers.join(",") : values.peers, peers)];
if (!values["only-peers"]) chosen.push("sightline");
const payloads = named("payload", values.payloads, Object.keys(payloadKinds)) as PayloadName[];
const servers = named("server state", values.servers, serverStates) as ServerState[];
const chosenVariants = chosen as VariantName[];
const began = performance.now();

printCircumstances();
if (!values["no-build"]) build();
const folders = new Map(chosenVariants.map((name) => [name, ensurePackages(name, variants[name].packages)]));
const measurements = await measureAll({
  variants: chosenVariants,
  payloads,
  servers,
  rounds: values.quick
    ? { up: 1, notUp: 1 }
    : { up: positive("rounds", values.rounds), notUp: positive("rounds-not-up", values["rounds-not-up"]) },
  divisor: values.quick ? 6 : 1,
  folderOf: (name) => folders.get(name),
  onMeasured: (measurement) => process.stdout.write(`  ${describe(measurement)}\n`),
});
const summaries = summarize(measurements);
const { machine, node, commit, load } = circumstances();
process.stdout.write(`\n${machine}, Node ${node}, commit ${commit}, load ${load}.\n`);
for (const server of servers) {
  process.stdout.write(`\nServer ${server}\n\n${overheadTable(summaries, server)}\n`);
}
const missed = missedTargets(summaries);
if (!values["only-peers"]) {
  process.stdout.write(missed.length === 0 ? "\nAll targets are met.\n" : `\nMissed:\n- ${missed.join("\n- ")}\n`);
}
process.stdout.write(`\n${((performance.now() - began) / 60_000).toFixed(1)} minutes\n`);
writeResults(values.json, "export-overhead", { summaries, measurements });

/** Those of a list on the command line that exist. */
function named(what: string, list: string, known: readonly string[]): string[] {
  const names = list.split(",").filter(Boolean);
  for (const name of names) {
    if (!known.includes(name)) throw new Error(`There is no ${what} "${name}": ${known.join(", ")}.`);
  }
  return names;
}

function build(): void {
  const root = join(import.meta.dirname, "..");
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  execFileSync(process.execPath, [compiler, "-b", join(root, "packages", "sdk")], { stdio: "inherit" });
}

function describe({ variant, payload, server, callMs, longestHoldMs, cpuMs, peakMib, calls, delivered }: Measurement) {
  return [
    `${server} ${payload} ${variant}:`.padEnd(32),
    `call p50 ${median(callMs).toFixed(4)} p99 ${quantile(callMs, 0.99).toFixed(4)} ms,`,
    `hold ${formatNumber(longestHoldMs)} ms, CPU ${(cpuMs / callMs.length).toFixed(3)} ms a call, ${Math.round(peakMib)} MiB,`,
    `${delivered} of ${calls} delivered`,
  ].join(" ");
}
