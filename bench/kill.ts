/**
 * What is lost at kill -9 of all processes: 300 traces acknowledged, killed at once, started again, counted.
 *
 *   npm run bench -- kill [--rounds 20] [--peer-rounds 1] [--traces 300] [--peers all] [--from source] [--json FILE]
 */
import { parseArgs } from "node:util";
import { eachSystem } from "./measure/each-system.ts";
import { type KillResult, measureKill } from "./measure/measure-kill.ts";
import { chosenSystems, commonOptions, positive, printCircumstances, writeResults } from "./measure/options.ts";
import { formatNumber } from "./measure/statistics.ts";

const { values } = parseArgs({
  options: {
    ...commonOptions,
    rounds: { type: "string", default: "20" },
    "peer-rounds": { type: "string", default: "1" },
    traces: { type: "string", default: "300" },
  },
});

printCircumstances();
const results = await eachSystem(chosenSystems(values), async ({ system, isPeer, folder, start, keep }) => {
  let running = await start();
  const rounds: KillResult[] = [];
  for (let round = 0; round < positive("rounds", isPeer ? values["peer-rounds"] : values.rounds); round += 1) {
    const killed = await measureKill(system, folder, running, positive("traces", values.traces));
    running = killed.running;
    keep(running);
    rounds.push(killed.result);
  }
  const sum = (pick: (result: KillResult) => number) => rounds.reduce((total, result) => total + pick(result), 0);
  process.stdout.write(
    `  ${rounds.length} rounds: acknowledged ${sum((result) => result.acknowledged)}, lost ${sum((result) => result.lost)}, ` +
      `doubled spans ${sum((result) => result.doubledSpans)}, ` +
      `longest restart ${formatNumber(Math.max(...rounds.map((result) => result.restartSeconds)))} s\n`,
  );
  return rounds;
});
writeResults(values.json, "kill", results);
