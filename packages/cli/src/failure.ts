/**
 * A failure as people meet it on the command line: one sentence; the stack only for those who ask.
 */
import { SightlineError } from "@sightline/wire/errors";

/** One sentence about what happened and what to do. With SIGHTLINE_DEBUG=1 the stack and its causes follow. */
export function explainFailure(error: unknown, env: NodeJS.ProcessEnv = process.env): string {
  const sentence = error instanceof SightlineError ? error.message : unexpected(error);
  return env.SIGHTLINE_DEBUG === "1" ? [sentence, ...stacks(error)].join("\n") : sentence;
}

function unexpected(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [firstLine = ""] = message.split("\n");
  return `Sightline failed: ${firstLine.replace(/\.$/, "")}; set SIGHTLINE_DEBUG=1 to see where.`;
}

function stacks(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  return [error.stack ?? error.message, ...(error.cause === undefined ? [] : ["Caused by:", ...stacks(error.cause)])];
}
