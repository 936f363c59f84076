#!/usr/bin/env node
/**
 * `sightline`: finds the command, its help or its version, and ends with its exit code.
 */
import { readFileSync } from "node:fs";
import { SightlineError } from "@sightline/wire/errors";
import { type Command, commandHelp, readArguments } from "./command.ts";
import { commands } from "./commands/table.ts";
import { explainFailure } from "./failure.ts";

function help(): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(16)}${summary}`);
  return [
    "Sightline: see what your agents do.",
    "",
    "Usage: sightline <command>",
    "",
    ...rows,
    "",
    "  --help          this text; after a command: its settings",
    "  --version       the version",
  ].join("\n");
}

function version(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

async function main(argv: readonly string[]): Promise<number> {
  const [first = "--help"] = argv;
  if (first === "--version" || first === "-v") return say(version());
  if (first === "--help" || first === "-h") return say(help());
  if (first === "help") return argv.length === 1 ? say(help()) : main([...argv.slice(1), "--help"]);
  const { name, command, rest } = findCommand(argv);
  if (rest.includes("--help") || rest.includes("-h")) {
    const loaded = await command.load();
    return say(loaded.help?.() ?? commandHelp(name, command));
  }
  const given = readArguments(name, command, rest);
  return (await command.load()).run(given);
}

/** The command of the longest name that the arguments begin with. @throws BAD_SETTING if there is none */
function findCommand(argv: readonly string[]): { name: string; command: Command; rest: readonly string[] } {
  for (const words of [2, 1]) {
    const name = argv.slice(0, words).join(" ");
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command) return { name, command, rest: argv.slice(words) };
  }
  throw new SightlineError("BAD_SETTING", `There is no command "${argv[0]}"; sightline --help lists them.`);
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

function explain(error: unknown): string {
  if (!process.argv.includes("--json")) return explainFailure(error);
  const code = error instanceof SightlineError ? error.code : "INTERNAL_ERROR";
  return JSON.stringify({ error: { code, message: explainFailure(error) } });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
}
