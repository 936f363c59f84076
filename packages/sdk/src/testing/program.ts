/**
 * Small programs run as processes of their own: entry kinds, exits and signals can be tested no other way.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// Inside the repository, so that packages are found; ignored by git.
const folder = fileURLToPath(new URL("../../.cache/programs", import.meta.url));

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Program {
  readonly process: ChildProcess;
  /** Resolves with all of standard output when it holds `text`. */
  printed(text: string): Promise<string>;
  readonly ended: Promise<ProgramEnd>;
}

export interface ProgramOptions {
  /** Default `mjs`. */
  readonly extension?: "mjs" | "cjs" | "mts";
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
}

/** Starts a program from its text. Nothing of this process's environment about tracing comes through. */
export function startProgram(text: string, { extension = "mjs", ...options }: ProgramOptions = {}): Program {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${randomUUID()}.${extension}`);
  writeFileSync(file, text);
  const program = startFile(file, options);
  void program.ended.then(() => rmSync(file));
  return program;
}

/** Starts a program that is a file already. */
export function startFile(file: string, { env = {}, nodeArgs = [] }: Omit<ProgramOptions, "extension"> = {}): Program {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(SIGHTLINE|MLFLOW|OTEL|OPENAI|VITEST|NODE_OPTIONS)/.test(name),
  );
  const child = spawn(process.execPath, ["--import", "tsx", "--conditions=@sightline/source", ...nodeArgs, file], {
    cwd: dirname(file),
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  const waiters = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
    for (const check of waiters) check();
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, stdout, stderr }) as ProgramEnd);
  return {
    process: child,
    printed: (text) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (stdout.includes(text)) resolve(stdout);
        };
        waiters.add(check);
        check();
        void ended.then((end) =>
          reject(new Error(`the program ended without printing ${text}: ${JSON.stringify(end)}`)),
        );
      }),
    ended,
  };
}

/** Runs a program to its end. */
export function runProgram(text: string, options?: ProgramOptions): Promise<ProgramEnd> {
  return startProgram(text, options).ended;
}
