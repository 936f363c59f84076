/**
 * Runs the same work on every chosen system in turn, each on a folder of its own that is removed afterwards.
 */
import type { RunningSystem, System } from "../systems/system.ts";
import { withFolder } from "./options.ts";

export interface Place {
  readonly system: System;
  readonly isPeer: boolean;
  /** Where the system keeps its data. */
  readonly folder: string;
  /** Starts the system; what it returns is stopped when the work is over, however it ends. */
  start(): Promise<RunningSystem>;
  /** Puts another running system in its place, e.g. after a restart. */
  keep(running: RunningSystem): void;
}

/** Results by name of the system. */
export async function eachSystem<T>(
  systems: readonly System[],
  work: (place: Place) => Promise<T>,
): Promise<Record<string, T>> {
  const results: Record<string, T> = {};
  for (const system of systems) {
    await system.prepare();
    process.stdout.write(`\n${system.title}\n`);
    results[system.name] = await withFolder((folder) => onePlace(system, folder, work));
  }
  return results;
}

async function onePlace<T>(system: System, folder: string, work: (place: Place) => Promise<T>): Promise<T> {
  let current: RunningSystem | undefined;
  try {
    return await work({
      system,
      folder,
      isPeer: system.name !== "sightline",
      start: async () => {
        current = await system.start(folder);
        return current;
      },
      keep: (running) => {
        current = running;
      },
    });
  } finally {
    await current?.stop();
  }
}
