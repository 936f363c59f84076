/**
 * Text search of the product over HTTP: rare, absent, common and Chinese words, in the last day and all time, also while spans come in.
 *
 *   npm run bench -- search [--spans 156000] [--peer-spans 156000] [--seconds 8] [--pace 2000] [--peers all] [--from source]
 *                           [--json FILE]
 *
 * The rare words stand in known spans, so the number of traces found is checked. For Sightline also: what searches cost the
 * ingest (512 spans a request, closed loop, with and without searches), and search times while `--pace` spans a second arrive.
 */
import { parseArgs } from "node:util";
import { eachSystem } from "./measure/each-system.ts";
import { describeQuery, measureQueries } from "./measure/measure-queries.ts";
import { measureSearchUnderLoad, type SearchUnderLoad } from "./measure/measure-search.ts";
import { chosenSystems, commonOptions, positive, printCircumstances, writeResults } from "./measure/options.ts";
import { seedSystem } from "./measure/seed-system.ts";
import { settle } from "./measure/settle.ts";
import { formatNumber } from "./measure/statistics.ts";
import { queriesNamed, textQueries } from "./systems/system.ts";
import { SPANS_PER_TRACE } from "./workload/traces.ts";

const { values } = parseArgs({
  options: {
    ...commonOptions,
    spans: { type: "string", default: "156000" },
    "peer-spans": { type: "string", default: "156000" },
    seconds: { type: "string", default: "8" },
    pace: { type: "string", default: "2000" },
  },
});

printCircumstances();
const results = await eachSystem(chosenSystems(values), async ({ system, isPeer, start }) => {
  const running = await start();
  const seeded = await seedSystem(system, running, {
    traces: Math.round(positive("spans", isPeer ? values["peer-spans"] : values.spans) / SPANS_PER_TRACE),
    largeTraces: [],
  });
  await settle(running.roots, 60);
  const queries = queriesNamed(await running.queries(seeded), textQueries);
  const alone = await measureQueries(running, queries, {
    onResult: (result) => process.stdout.write(`  ${describeQuery(result)}\n`),
  });
  if (isPeer) return { alone };
  const underLoad = await measureSearchUnderLoad(system, running, queries, {
    seconds: positive("seconds", values.seconds),
    pace: positive("pace", values.pace),
  });
  print(underLoad);
  return { alone, underLoad };
});
writeResults(values.json, "search", results);

function print(result: SearchUnderLoad): void {
  process.stdout.write(
    `  ingest alone ${formatNumber(result.spansPerSecondAlone)} spans/s, with searches ` +
      `${formatNumber(result.spansPerSecondWithSearches)} (${formatNumber(result.ingestRatio * 100)} %); ` +
      `${result.searchesUnderFullLoad} searches meanwhile, p50 ${formatNumber(result.p50MsUnderFullLoad)} ms\n` +
      `  while ${formatNumber(result.pacedSpansPerSecond)} spans/s arrive:\n`,
  );
  for (const query of result.paced) process.stdout.write(`  ${describeQuery(query)}\n`);
}
