/**
 * The comparison table: Sightline beside MLflow and Phoenix in one run, with our targets, as Markdown.
 *
 *   npm run bench -- table --peers all [--json FILE] [--scale FOLDER] [--again NAME,…] [--quick] [--from source]
 *
 * Takes about half an hour with all peers: each system in turn gets the same start, seed, queries, text search, restarts,
 * ingest loads and kill -9 (peers shorter loads and fewer spans, said in the table). FILE (default .cache/bench-table.json)
 * is written after each system: an interrupted run goes on with the next one, `--again` measures named systems anew.
 * `--scale` names the folder of a scale run, whose figures at its largest step are added. `--quick` tries everything with tiny loads.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { comparisonTable, type SystemResults } from "./measure/comparison-table.ts";
import { eachSystem } from "./measure/each-system.ts";
import { type Effort, measureEverything, type SystemResult } from "./measure/measure-everything.ts";
import { chosenSystems, circumstances, commonOptions, printCircumstances } from "./measure/options.ts";

const { values } = parseArgs({
  options: {
    ...commonOptions,
    scale: { type: "string" },
    again: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
  },
});

/** 156,000 spans as in the first measurement of the peers; those that store fewer than 1,000 spans a second get fewer. */
const efforts: Readonly<Record<string, Effort>> = {
  sightline: {
    seedSpans: 156_000,
    ingestSeconds: 10,
    ingestRounds: 2,
    warmStarts: 5,
    killRounds: 20,
    queryRuns: 40,
    querySeconds: 2,
    searchSeconds: 6,
  },
  "mlflow-sqlite": peerEffort(80_000, 12),
  "mlflow-postgres": peerEffort(80_000, 12),
  // Stores 60 to 130 spans a second, and accepts more than that into its memory.
  phoenix: { ...peerEffort(12_000, 6), ingestMaxTraces: 1000 },
};

function peerEffort(seedSpans: number, ingestSeconds: number): Effort {
  return { seedSpans, ingestSeconds, ingestRounds: 1, warmStarts: 2, killRounds: 1, queryRuns: 20, querySeconds: 1.5 };
}

const quick: Effort = { ...peerEffort(4000, 2), killRounds: 1, warmStarts: 1, queryRuns: 3, querySeconds: 0.5 };

const file = values.json ?? join(import.meta.dirname, "..", ".cache", "bench-table.json");
const again = values.again.split(",");
const results: Record<string, SystemResult> = existsSync(file)
  ? (JSON.parse(readFileSync(file, "utf8")) as { results: Record<string, SystemResult> }).results // written by save()
  : {};
printCircumstances();
const began = performance.now();
for (const system of chosenSystems(values)) {
  if (results[system.name] && !again.includes(system.name)) {
    process.stdout.write(`\n${system.title}: measured before, in ${file} (--again ${system.name} measures anew)\n`);
    continue;
  }
  const effort = efforts[system.name];
  if (!effort) throw new Error(`no effort is set for ${system.name}`);
  const chosen = values.quick ? { ...quick, ...(effort.searchSeconds !== undefined && { searchSeconds: 2 }) } : effort;
  const measured = await eachSystem([system], (place) => measureEverything(place, chosen));
  Object.assign(results, measured);
  save();
}
if (results["sightline"]) {
  process.stdout.write(`\n${heading(results)}\n\n${comparisonTable(results)}\n${growth()}`);
}
process.stdout.write(`\n${((performance.now() - began) / 60_000).toFixed(1)} minutes, results in ${file}\n`);

function save(): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ topic: "table", results }, undefined, 2)}\n`);
}

/** Machine and date; a warning when the systems were not measured in one run. */
function heading(all: SystemResults): string {
  const { machine, node } = circumstances();
  const each = Object.entries(all).map(
    ([
      name,
      {
        circumstances: { date = "", commit, load },
      },
    ]) => ({
      name,
      text: `${name} ${date.slice(0, 16)} (commit ${commit}, load ${load})`,
      time: Date.parse(date),
    }),
  );
  const hours = (Math.max(...each.map(({ time }) => time)) - Math.min(...each.map(({ time }) => time))) / 3_600_000;
  const apart = hours > 1 ? `\n\nNot one run: ${hours.toFixed(1)} hours lie between the systems.` : "";
  return `${machine}, Node ${node}; ${each.map(({ text }) => text).join(", ")}.${apart}`;
}

/** The lines that compare this run with the largest step of a scale run. */
function growth(): string {
  if (values.scale === undefined) return "";
  const { steps } = JSON.parse(readFileSync(join(values.scale, "scale.json"), "utf8")) as {
    steps: Record<string, { storedSpans: number; queries: SystemResult["queries"]; warmStartSeconds: number }>;
  };
  const largest = Object.values(steps).sort((a, b) => b.storedSpans - a.storedSpans)[0];
  const newest = largest?.queries.find(({ query }) => query === "newest");
  const here = results["sightline"]?.queries.find(({ query }) => query === "newest");
  if (!largest || !newest || !here) return "";
  const factor = newest.p50Ms / here.p50Ms;
  return (
    `\nNewest 50 at ${largest.storedSpans.toLocaleString("en-US")} spans: ${newest.p50Ms.toFixed(1)} ms, ` +
    `${factor.toFixed(1)} x (target ≤ 2 x: ${factor <= 2 ? "met" : "**missed**"}); ` +
    `warm start there ${largest.warmStartSeconds.toFixed(2)} s.\n`
  );
}
