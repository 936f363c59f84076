/**
 * How fast spans are taken: stored spans a second, CPU for each span, time to the acknowledgement, memory.
 *
 *   npm run bench -- ingest [--seconds 10] [--peer-seconds 15] [--rounds 2] [--loads bulk,single,singleGzip] [--connections 8]
 *                           [--peers all] [--from source] [--json FILE]
 *
 * A trace has 8 spans with 11 KB of inputs and outputs, 13 KB as OTLP protobuf. The load is a closed loop over kept-alive
 * connections. CPU is that of all processes of the system, from /proc (Linux). Afterwards the stored spans are counted.
 */
import { parseArgs } from "node:util";
import { eachSystem } from "./measure/each-system.ts";
import {
  describeIngest,
  type IngestLoad,
  type IngestResult,
  ingestLoads,
  measureIngest,
} from "./measure/measure-ingest.ts";
import { chosenSystems, commonOptions, positive, printCircumstances, writeResults } from "./measure/options.ts";
import { settle } from "./measure/settle.ts";
import { formatSpread, spread } from "./measure/statistics.ts";

const { values } = parseArgs({
  options: {
    ...commonOptions,
    seconds: { type: "string", default: "10" },
    "peer-seconds": { type: "string", default: "15" },
    rounds: { type: "string", default: "2" },
    connections: { type: "string", default: "8" },
    loads: { type: "string", default: Object.keys(ingestLoads).join(",") },
  },
});

const systems = chosenSystems(values);
const loads = values.loads.split(",").map((name) => {
  if (!Object.hasOwn(ingestLoads, name))
    throw new Error(`There is no load "${name}": ${Object.keys(ingestLoads).join(", ")}.`);
  return name as IngestLoad;
});
printCircumstances();
const results = await eachSystem(systems, async ({ system, isPeer, start }) => {
  const running = await start();
  // Workers that are still starting would count as CPU of the first spans.
  await settle(running.roots, 30);
  const measured: IngestResult[] = [];
  for (let round = 0; round < (isPeer ? 1 : positive("rounds", values.rounds)); round += 1) {
    for (const load of loads) {
      const result = await measureIngest(system, running, {
        load,
        seconds: positive("seconds", isPeer ? values["peer-seconds"] : values.seconds),
        connections: positive("connections", values.connections),
      });
      process.stdout.write(`  ${describeIngest(result)}\n`);
      measured.push(result);
    }
  }
  return measured;
});
process.stdout.write("\nmedian (min to max)\n");
for (const [name, measured] of Object.entries(results)) {
  for (const load of loads) {
    const ofLoad = measured.filter((result) => result.load === load);
    const of = (pick: (result: IngestResult) => number) => formatSpread(spread(ofLoad.map(pick)));
    process.stdout.write(
      `  ${name}, ${ingestLoads[load].title}: ${of((result) => result.storedSpansPerSecond)} spans/s, ` +
        `CPU ${of((result) => result.cpuMicrosPerSpan)} µs/span, p99 ${of((result) => result.ackP99Ms)} ms\n`,
    );
  }
}
writeResults(values.json, "ingest", results);
const lost = Object.entries(results).flatMap(([name, measured]) =>
  measured
    .filter(({ storedSpans, acknowledgedSpans }) => storedSpans !== acknowledgedSpans)
    .map((result) => ({ name, result })),
);
for (const { name, result } of lost) {
  process.stdout.write(
    `${name}: ${result.acknowledgedSpans} spans were acknowledged and ${result.storedSpans} are stored\n`,
  );
}
if (lost.some(({ name }) => name === "sightline")) process.exitCode = 1;
