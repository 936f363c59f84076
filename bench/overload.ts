/**
 * Far more load than the server takes: what is refused, what memory that costs, and that every 200 is kept.
 *
 *   npm run bench -- overload [--seconds 60] [--connections 128] [--buffer-mib 16] [--from source] [--json FILE]
 *
 * 128 connections hold 85 MB of requests of 512 spans at any time, five times the bytes that may wait (SIGHTLINE_INGEST_BUFFER_BYTES,
 * here 16 MiB; its default is 64). Exits with 1 if an acknowledged span is not stored.
 */
import { parseArgs } from "node:util";
import { eachSystem } from "./measure/each-system.ts";
import { describeIngest, measureIngest } from "./measure/measure-ingest.ts";
import { withMemoryPeak } from "./measure/memory-sampler.ts";
import { chosenSystems, commonOptions, positive, printCircumstances, writeResults } from "./measure/options.ts";
import { settle } from "./measure/settle.ts";

const { values } = parseArgs({
  options: {
    ...commonOptions,
    seconds: { type: "string", default: "60" },
    connections: { type: "string", default: "128" },
    "buffer-mib": { type: "string", default: "16" },
  },
});
// The server that is measured inherits it.
process.env.SIGHTLINE_INGEST_BUFFER_BYTES = String(positive("buffer-mib", values["buffer-mib"]) * 1024 * 1024);

printCircumstances();
const results = await eachSystem(chosenSystems(values), async ({ system, start }) => {
  const running = await start();
  await settle(running.roots, 60);
  const { value, peakMib } = await withMemoryPeak(running.roots, () =>
    measureIngest(system, running, {
      load: "bulk",
      seconds: positive("seconds", values.seconds),
      connections: positive("connections", values.connections),
    }),
  );
  process.stdout.write(`  ${describeIngest(value)}\n  peak ${Math.round(peakMib)} MiB\n`);
  await settle(running.roots, 60);
  return { ...value, peakMib };
});
writeResults(values.json, "overload", results);
for (const [name, { acknowledgedSpans, storedSpans, refusedRequests }] of Object.entries(results)) {
  process.stdout.write(
    `${name}: refused ${refusedRequests}, acknowledged ${acknowledgedSpans}, stored ${storedSpans}\n`,
  );
  if (storedSpans !== acknowledgedSpans) process.exitCode = 1;
}
