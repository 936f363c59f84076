/**
 * Memory of all processes of a system, PSS: idle after a fresh start, peak under each ingest load, idle again.
 *
 *   npm run bench -- memory [--seconds 20] [--peers all] [--from source] [--json FILE]
 */
import { parseArgs } from "node:util";
import { eachSystem } from "./measure/each-system.ts";
import { type IngestLoad, ingestLoads, measureIngest } from "./measure/measure-ingest.ts";
import { withMemoryPeak } from "./measure/memory-sampler.ts";
import { chosenSystems, commonOptions, positive, printCircumstances, writeResults } from "./measure/options.ts";
import { memoryByProcess, memoryMib } from "./measure/processes.ts";
import { settle } from "./measure/settle.ts";

const { values } = parseArgs({ options: { ...commonOptions, seconds: { type: "string", default: "20" } } });

printCircumstances();
const results = await eachSystem(chosenSystems(values), async ({ system, start }) => {
  const running = await start();
  await settle(running.roots, 60);
  const idle = memoryByProcess(running.roots);
  const idleMib = memoryMib(running.roots);
  const names = idle.filter(({ mib }) => mib >= 1).map(({ name, mib }) => `${name} ${Math.round(mib)}`);
  process.stdout.write(`  idle ${Math.round(idleMib)} MiB (${names.join(", ")})\n`);
  const peaks: Partial<Record<IngestLoad, number>> = {};
  for (const load of Object.keys(ingestLoads) as IngestLoad[]) {
    const seconds = positive("seconds", values.seconds);
    const { peakMib } = await withMemoryPeak(running.roots, () => measureIngest(system, running, { load, seconds }));
    peaks[load] = peakMib;
    process.stdout.write(`  ${ingestLoads[load].title}: peak ${Math.round(peakMib)} MiB\n`);
  }
  await settle(running.roots, 60);
  const afterwardsMib = memoryMib(running.roots);
  process.stdout.write(`  idle afterwards ${Math.round(afterwardsMib)} MiB\n`);
  return { idleMib, idle, peaks, afterwardsMib };
});
writeResults(values.json, "memory", results);
