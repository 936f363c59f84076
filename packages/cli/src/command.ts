/**
 * Commands as data: what they take, what their help says, and how their arguments are read.
 */
import { parseArgs } from "node:util";
import { SightlineError } from "@sightline/wire/errors";

export interface Option {
  /** What stands for the value in the help, e.g. `URL`; absent = the option is given or not. */
  readonly value?: string;
  /** May be given several times. */
  readonly many?: true;
  readonly sentence: string;
}

export interface Command {
  readonly summary: string;
  /** Positional arguments as the help shows them, e.g. `FILE…`; a name in capitals is needed. */
  readonly args?: string;
  readonly options?: Readonly<Record<string, Option>>;
  /** Lines below the options. */
  readonly notes?: readonly string[];
  /** Loaded when it is needed: `sightline --help` does not wait for the server's modules. */
  readonly load: () => Promise<{
    /** @returns the exit code */
    run(given: Given): Promise<number>;
    /** In place of the help made from the table. */
    help?(): string;
  }>;
}

/** What was given to a command. */
export interface Given {
  readonly args: readonly string[];
  /** The value of an option; undefined if it was not given. */
  text(name: string): string | undefined;
  /** The values of an option that may be given several times. */
  texts(name: string): readonly string[];
  /** Whether an option without a value was given. */
  has(name: string): boolean;
}

/**
 * Reads the arguments of a command.
 *
 * @throws BAD_SETTING in a sentence that names the argument
 */
export function readArguments(name: string, command: Command, argv: readonly string[]): Given {
  const options = command.options ?? {};
  const refuse = (sentence: string) => new SightlineError("BAD_SETTING", `${sentence}; see sightline ${name} --help.`);
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: optionTypes(options),
  });
  const args: string[] = [];
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === "positional") args.push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (!option) throw refuse(`sightline ${name} takes no "${argv[token.index]}"`);
    if (option.value !== undefined && (token.value === undefined || token.value === "")) {
      throw refuse(`--${token.name} needs a value: --${token.name} ${option.value}`);
    }
    if (option.value === undefined && token.value !== undefined) throw refuse(`--${token.name} takes no value`);
    const before = values.get(token.name) ?? [];
    if (before.length > 0 && option.value !== undefined && !option.many) {
      throw refuse(`--${token.name} is given twice`);
    }
    values.set(token.name, [...before, token.value ?? ""]);
  }
  checkCount(name, command.args ?? "", args, refuse);
  return {
    args,
    text: (option) => values.get(option)?.[0],
    texts: (option) => values.get(option) ?? [],
    has: (option) => values.has(option),
  };
}

function optionTypes(options: Readonly<Record<string, Option>>) {
  return Object.fromEntries(
    Object.entries(options).map(([name, { value }]) => [
      name,
      { type: value === undefined ? ("boolean" as const) : ("string" as const), multiple: true },
    ]),
  );
}

function checkCount(
  name: string,
  expected: string,
  args: readonly string[],
  refuse: (sentence: string) => SightlineError,
): void {
  const names = expected.split(" ").filter((word) => word !== "");
  const isMany = names.at(-1)?.endsWith("…") ?? false;
  const missing = names[args.length];
  if (missing !== undefined) throw refuse(`sightline ${name} needs ${missing}`);
  const extra = isMany ? undefined : args[names.length];
  if (extra !== undefined) throw refuse(`sightline ${name} takes no "${extra}"`);
}

/** The help of one command. */
export function commandHelp(name: string, { summary, args, options = {}, notes = [] }: Command): string {
  const rows = Object.entries(options).map(([option, { value, many, sentence }]) => {
    const form = `--${option}${value === undefined ? "" : ` ${value}`}${many ? " …" : ""}`;
    return `  ${form.padEnd(22)}${sentence}`;
  });
  return [
    `Usage: sightline ${name}${args ? ` ${args}` : ""}${rows.length > 0 ? " [options]" : ""}`,
    "",
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
    ...(rows.length > 0 ? ["", ...rows] : []),
    ...(notes.length > 0 ? ["", ...notes] : []),
  ].join("\n");
}
