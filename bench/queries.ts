/**
 * How fast questions are answered over HTTP: lists, filters, traces, large traces, percentiles, counts, text search.
 *
 *   npm run bench -- queries [--spans 156000] [--peer-spans 156000] [--only newest,tag] [--runs 40] [--peers all]
 *                            [--from source] [--json FILE]
 *
 * Seeds a fresh system, then asks every query in turn on one connection: p50, p95 and CPU of all processes a query.
 */
import { parseArgs } from "node:util";
import { eachSystem } from "./measure/each-system.ts";
import { describeQuery, measureQueries } from "./measure/measure-queries.ts";
import { chosenSystems, commonOptions, positive, printCircumstances, writeResults } from "./measure/options.ts";
import { seedSystem } from "./measure/seed-system.ts";
import { settle } from "./measure/settle.ts";
import { type QueryName, queryTitles } from "./systems/system.ts";
import { SPANS_PER_TRACE } from "./workload/traces.ts";

const { values } = parseArgs({
  options: {
    ...commonOptions,
    spans: { type: "string", default: "156000" },
    "peer-spans": { type: "string", default: "156000" },
    runs: { type: "string", default: "40" },
    only: { type: "string" },
  },
});

const only = values.only?.split(",").map((name) => {
  if (!Object.hasOwn(queryTitles, name))
    throw new Error(`There is no query "${name}": ${Object.keys(queryTitles).join(", ")}.`);
  return name as QueryName;
});
const systems = chosenSystems(values);
printCircumstances();
const results = await eachSystem(systems, async ({ system, isPeer, start }) => {
  const running = await start();
  await settle(running.roots, 30);
  const seeded = await seedSystem(system, running, {
    traces: Math.round(positive("spans", isPeer ? values["peer-spans"] : values.spans) / SPANS_PER_TRACE),
    largeTraces: isPeer ? [2000] : [2000, 10_000, 50_000],
  });
  process.stdout.write(`  ${await running.storedSpans()} spans stored\n`);
  await settle(running.roots, 60);
  return measureQueries(running, await running.queries(seeded), {
    ...(only && { only }),
    maxRuns: positive("runs", values.runs),
    onResult: (result) => process.stdout.write(`  ${describeQuery(result)}\n`),
  });
});
writeResults(values.json, "queries", results);
