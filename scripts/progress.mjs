/**
 * Says what a long command is doing: step n of m, how long it has run, and what to do when it fails.
 *
 * Run by start.mjs, test.mjs and check.mjs, before any package is installed: only Node's own modules may be used here.
 */
import { spawn } from "node:child_process";

/** A failed step: `message` is one sentence about what failed, `advice` one about what to do. */
export class StepFailure extends Error {
  constructor(message, advice, options) {
    super(message, options);
    this.name = "StepFailure";
    this.advice = advice;
  }
}

const HEARTBEAT_MS = 5_000;

/**
 * A printer of numbered steps.
 *
 * @param {number} total  number of steps
 * @returns {(title: string, work: (report: (detail: string) => void) => Promise<string | void>) => Promise<void>}
 *   runs `work`; what it returns is shown behind the title ("already done"); `report` sets what the heartbeat shows
 */
export function stepper(total) {
  let number = 0;
  return async (title, work) => {
    number += 1;
    const label = `[${number}/${total}] ${title}`;
    const started = performance.now();
    let detail = "";
    print(`${label} …`);
    const heartbeat = setInterval(() => {
      print(`${" ".repeat(6)}${seconds(started)} ${detail || "still working"}`);
    }, HEARTBEAT_MS);
    try {
      const result = await work((text) => {
        detail = text;
      });
      print(`${label}: ${result ?? "done"} (${seconds(started)})`);
    } catch (error) {
      print(`${label}: FAILED (${seconds(started)})`);
      throw error;
    } finally {
      clearInterval(heartbeat);
    }
  };
}

/** Runs a script's main function; a failure is told in sentences and ends the process with code 1. */
export async function runMain(main) {
  try {
    const code = await main();
    process.exitCode = code ?? 0;
  } catch (error) {
    if (error instanceof StepFailure) {
      print(`\nFailed: ${error.message}`);
      if (error.advice) print(`What to do: ${error.advice}`);
    } else {
      print(`\nFailed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
    process.exitCode = 1;
  }
}

/**
 * Runs a command to its end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, onLine?: (line: string) => void, show?: boolean, advice?: string }} [options]
 *   `show` passes the output on; otherwise the last lines are told only when the command fails
 * @throws StepFailure with the exit code and the last 30 lines
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const tail = [];
    let rest = "";
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: options.show ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
    });
    const take = (chunk) => {
      const lines = (rest + chunk).split(/\r?\n/);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.trim() === "") continue;
        tail.push(line);
        if (tail.length > 30) tail.shift();
        options.onLine?.(line);
      }
    };
    child.stdout?.setEncoding("utf8").on("data", take);
    child.stderr?.setEncoding("utf8").on("data", take);
    child.on("error", (cause) => {
      reject(new StepFailure(`${command} could not be started: ${cause.message}`, options.advice, { cause }));
    });
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(undefined);
      if (rest.trim() !== "") tail.push(rest);
      for (const line of tail) print(`    ${line}`);
      const ending = signal ? `was ended by ${signal}` : `ended with code ${code}`;
      reject(new StepFailure(`"${[command, ...args].join(" ")}" ${ending}.`, options.advice));
    });
  });
}

/** Seconds since `started` (a `performance.now()`), as `3.2 s`. */
export function seconds(started) {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}

/** One line to standard output. */
export function print(line) {
  process.stdout.write(`${line}\n`);
}
