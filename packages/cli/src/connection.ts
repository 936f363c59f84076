/**
 * The server that a command talks to, and how its result is said.
 */
import type { ClientOptions } from "@sightline/wire/api/client";
import { SightlineError } from "@sightline/wire/errors";
import type { Given } from "./command.ts";
import { type Progress, showProgress, silent } from "./progress.ts";

/** @throws BAD_SETTING for an address that is none */
export function readConnection(given: Given, env: NodeJS.ProcessEnv = process.env): ClientOptions {
  const baseUrl = given.text("url") ?? (env.SIGHTLINE_URL || `http://127.0.0.1:${env.SIGHTLINE_PORT || "5500"}`);
  if (!/^https?:/.test(baseUrl) || !URL.canParse(baseUrl)) {
    throw new SightlineError(
      "BAD_SETTING",
      `"${baseUrl}" is no address of a server; write it as http://127.0.0.1:5500.`,
    );
  }
  return { baseUrl };
}

/** The progress of a command: none with `--json`. */
export function progressOf(given: Given): Progress {
  return given.has("json") ? silent : showProgress();
}

/** Says the result: a sentence on standard error, or JSON on standard output. */
export function sayResult(given: Given, sentence: string, result: object): void {
  if (given.has("json")) process.stdout.write(`${JSON.stringify(result)}\n`);
  else process.stderr.write(`${sentence}\n`);
}
