/**
 * What every topic's command line has in common, and where its results go.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { systemsNamed } from "../systems/all-systems.ts";
import type { System } from "../systems/system.ts";

/** Options of all topics, for `parseArgs`. */
export const commonOptions = {
  /** `build` (default): what `npm start` runs. `source`: through tsx, for a checkout that is being worked on. */
  from: { type: "string", default: "build" },
  /** `mlflow-sqlite,mlflow-postgres,phoenix`, or `all`; default none. */
  peers: { type: "string", default: "" },
  /** Leaves Sightline out: peers do not change, their results can be taken once. */
  "only-peers": { type: "boolean", default: false },
  /** A file for the results. */
  json: { type: "string" },
} as const;

/** Sightline, then the peers that were named. */
export function chosenSystems(values: {
  readonly from: string;
  readonly peers: string;
  readonly "only-peers"?: boolean;
}): System[] {
  if (values.from !== "build" && values.from !== "source") {
    throw new Error(`--from is "${values.from}"; it may be build or source.`);
  }
  const systems = systemsNamed(values.from, values.peers);
  return values["only-peers"] ? systems.slice(1) : systems;
}

/** Machine, date and versions, for the head of every result. */
export function circumstances(): Readonly<Record<string, string>> {
  const git = (...args: string[]) => execFileSync("git", args, { cwd: import.meta.dirname, encoding: "utf8" }).trim();
  return {
    date: new Date().toISOString(),
    machine: `${cpus().length} cores ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    load: readFileSync("/proc/loadavg", "utf8").split(" ")[0] ?? "",
    node: process.versions.node,
    commit: git("rev-parse", "--short", "HEAD"),
    changedFiles: String(git("status", "--porcelain").split("\n").filter(Boolean).length),
  };
}

/** Prints the circumstances on one line. */
export function printCircumstances(): void {
  process.stdout.write(
    `${Object.entries(circumstances())
      .map(([key, value]) => `${key} ${value}`)
      .join(", ")}\n`,
  );
}

/** Writes results with their circumstances, if a file was named. */
export function writeResults(file: string | undefined, topic: string, results: unknown): void {
  if (file === undefined) return;
  mkdirSync(dirname(resolve(file)), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ topic, ...circumstances(), results }, undefined, 2)}\n`);
  process.stdout.write(`written to ${file}\n`);
}

/** Runs `work` with a fresh folder, which is removed afterwards. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "sightline-bench-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A positive number of the command line. */
export function positive(name: string, text: string): number {
  const value = Number(text.replaceAll("_", ""));
  if (!(value > 0)) throw new Error(`--${name} is "${text}"; it must be a number above 0.`);
  return value;
}
