/**
 * What importing the SDK costs a program: CPU time, memory and modules, in a fresh process each time, beside OpenTelemetry's.
 *
 *   npm run bench -- import-cost [--rounds 15]
 *
 * Imports what `npm run build` made, as installed programs do. The packages take turns, so that the machine's mood hits all alike.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { positive, printCircumstances } from "./measure/options.ts";
import { formatNumber, median, quantile } from "./measure/statistics.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "15" } } });

const subjects = [
  "@sightline/sdk",
  "@sightline/sdk/opentelemetry",
  "@opentelemetry/api",
  "@opentelemetry/sdk-trace-base",
  "@opentelemetry/exporter-trace-otlp-proto",
];

/** Run with the package's name as argument. */
const IMPORT = `
  const before = { cpu: process.cpuUsage(), rss: process.memoryUsage.rss() };
  await import(process.argv[1]);
  const { user, system } = process.cpuUsage(before.cpu);
  console.log(JSON.stringify([(user + system) / 1000, (process.memoryUsage.rss() - before.rss) / 2 ** 20]));
`;

/** Counts files that the loader reads: ES modules by a hook, CommonJS modules in their cache. */
const COUNT = `
  import { createRequire, register } from "node:module";
  import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
  const { port1, port2 } = new MessageChannel();
  const hook = \`
    let port;
    export const initialize = (given) => { port = given; };
    export const load = (url, context, next) => {
      if (!url.startsWith("node:")) port.postMessage(url);
      return next(url, context);
    };
  \`;
  register("data:text/javascript," + encodeURIComponent(hook), import.meta.url, { data: port2, transferList: [port2] });
  await import(process.argv[1]);
  const files = new Set(Object.keys(createRequire(process.execPath).cache));
  for (let message; (message = receiveMessageOnPort(port1)); ) {
    const { message: url } = message;
    if (url.startsWith("file:")) files.add(new URL(url).pathname);
  }
  console.log(JSON.stringify([files.size, [...files].filter((file) => file.includes("/zod/")).length]));
  process.exit();
`;

const root = fileURLToPath(new URL("..", import.meta.url));

function numbersOf(program: string, name: string): number[] {
  const args = ["--input-type=module", "--eval", program, name];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" })) as number[];
}

printCircumstances();
const rounds = positive("rounds", values.rounds);
const measured = new Map<string, number[][]>(subjects.map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, results] of measured) results.push(numbersOf(IMPORT, name));
}
process.stdout.write("| package | modules | CPU ms, p50 (p10 to p90) | memory MiB, p50 |\n|---|---|---|---|\n");
for (const [name, results] of measured) {
  const [modules = 0, zod = 0] = numbersOf(COUNT, name);
  const cpu = results.map(([ms = Number.NaN]) => ms);
  const [low, middle, high] = [0.1, 0.5, 0.9].map((part) => formatNumber(quantile(cpu, part)));
  const memory = formatNumber(median(results.map(([, mebibytes = Number.NaN]) => mebibytes)));
  const ofZod = zod > 0 ? ` (${zod} of zod)` : "";
  process.stdout.write(`| ${name} | ${modules}${ofZod} | ${middle} (${low} to ${high}) | ${memory} |\n`);
}
