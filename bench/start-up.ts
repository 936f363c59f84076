/**
 * Seconds from the start to the first answer: on a fresh folder, and again on a store full of spans.
 *
 *   npm run bench -- start-up [--spans 1000000] [--peer-spans 10000] [--runs 5] [--peers all] [--from source] [--json FILE]
 */
import { parseArgs } from "node:util";
import { eachSystem } from "./measure/each-system.ts";
import { measureWarmStarts } from "./measure/measure-start.ts";
import { chosenSystems, commonOptions, positive, printCircumstances, writeResults } from "./measure/options.ts";
import { seedSystem } from "./measure/seed-system.ts";
import { settle } from "./measure/settle.ts";
import { formatNumber, formatSpread, spread } from "./measure/statistics.ts";
import { SPANS_PER_TRACE } from "./workload/traces.ts";

const { values } = parseArgs({
  options: {
    ...commonOptions,
    spans: { type: "string", default: "1000000" },
    "peer-spans": { type: "string", default: "10000" },
    runs: { type: "string", default: "5" },
  },
});

printCircumstances();
const results = await eachSystem(chosenSystems(values), async ({ system, isPeer, folder, start, keep }) => {
  const began = performance.now();
  const first = await start();
  const freshSeconds = (performance.now() - began) / 1000;
  const spans = positive("spans", isPeer ? values["peer-spans"] : values.spans);
  await seedSystem(system, first, { traces: Math.round(spans / SPANS_PER_TRACE), largeTraces: [] });
  const stored = await first.storedSpans();
  await settle(first.roots, 120);
  const { running, seconds } = await measureWarmStarts(system, folder, first, positive("runs", values.runs));
  keep(running);
  process.stdout.write(
    `  fresh ${freshSeconds.toFixed(2)} s; warm with ${formatNumber(stored)} spans ${formatSpread(spread(seconds))} s\n`,
  );
  return { freshSeconds, stored, warmSeconds: seconds };
});
writeResults(values.json, "start-up", results);
