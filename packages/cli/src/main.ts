#!/usr/bin/env node
/**
 * `sightline`: the command table.
 */
import { readFileSync } from "node:fs";
import { explainFailure } from "./failure.ts";

interface Command {
  readonly summary: string;
  /** Loaded when it is needed: `sightline --help` does not wait for the server's modules. */
  readonly load: () => Promise<{
    readonly help: () => string;
    /** @returns the exit code */
    readonly run: () => Promise<number>;
  }>;
}

const commands: Readonly<Record<string, Command>> = {
  server: {
    summary: "start the server: UI, API and ingest",
    load: async () => {
      const { runServer, serverHelp } = await import("./commands/server.ts");
      return { help: serverHelp, run: runServer };
    },
  },
};

function help(): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`);
  return [
    "Sightline: see what your agents do.",
    "",
    "Usage: sightline <command>",
    "",
    ...rows,
    "",
    "  --help      this text; after a command: its settings",
    "  --version   the version",
  ].join("\n");
}

function version(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

async function main(args: readonly string[]): Promise<number> {
  const [name = "--help", ...rest] = args;
  if (name === "--version" || name === "-v") return say(version());
  if (name === "--help" || name === "-h" || name === "help") return say(help());
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) return refuse(`There is no command "${name}"; sightline --help lists them.`);
  const { help: commandHelp, run } = await command.load();
  if (rest.includes("--help") || rest.includes("-h")) return say(commandHelp());
  const [unknown] = rest;
  if (unknown !== undefined) return refuse(`sightline ${name} takes no "${unknown}"; see sightline ${name} --help.`);
  return run();
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

function refuse(sentence: string): number {
  process.stderr.write(`${sentence}\n`);
  return 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = refuse(explainFailure(error));
}
