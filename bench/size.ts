/**
 * Bytes on disk for a span, after merges: what the data directory grew by, as `du` counts it.
 *
 *   npm run bench -- size [--spans 500000] [--peer-spans 30000] [--peers all] [--from source] [--json FILE]
 *
 * The empty store is subtracted and said (PostgreSQL's empty cluster alone is 40 MB).
 */
import { parseArgs } from "node:util";
import { eachSystem } from "./measure/each-system.ts";
import { chosenSystems, commonOptions, positive, printCircumstances, writeResults } from "./measure/options.ts";
import { seedSystem } from "./measure/seed-system.ts";
import { settle } from "./measure/settle.ts";
import { formatNumber } from "./measure/statistics.ts";
import { bytesOf, bytesPerSpan } from "./systems/system.ts";
import { SPANS_PER_TRACE } from "./workload/traces.ts";

const { values } = parseArgs({
  options: {
    ...commonOptions,
    spans: { type: "string", default: "500000" },
    "peer-spans": { type: "string", default: "30000" },
  },
});

printCircumstances();
const results = await eachSystem(chosenSystems(values), async ({ system, isPeer, start }) => {
  const running = await start();
  await settle(running.roots, 30);
  const empty = await bytesOf(running);
  const spans = positive("spans", isPeer ? values["peer-spans"] : values.spans);
  await seedSystem(system, running, { traces: Math.round(spans / SPANS_PER_TRACE), largeTraces: [] });
  const rightAfter = await bytesOf(running);
  const settled = await settle(running.roots, 300);
  const stored = await running.storedSpans();
  const perSpan = bytesPerSpan(empty, await bytesOf(running), stored);
  const before = bytesPerSpan(empty, rightAfter, stored);
  process.stdout.write(
    `  ${formatNumber(perSpan.live)} bytes a span of ${formatNumber(stored)} (${settled ? "idle" : "still merging"}), ` +
      `with files that wait for their removal ${formatNumber(perSpan.all)}; ` +
      `right after the last span ${formatNumber(before.live)} and ${formatNumber(before.all)}; ` +
      `empty ${formatNumber(empty.all / 1e6)} MB\n`,
  );
  return { stored, emptyBytes: empty, bytesPerSpan: perSpan, bytesPerSpanBeforeMerges: before, settled };
});
writeResults(values.json, "size", results);
