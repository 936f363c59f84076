/**
 * A filter that the server refused: where it is wrong and why.
 */
import { SightlineError } from "@sightline/wire/errors";
import { parseFilter } from "@sightline/wire/filter/parser";

export interface FilterProblem {
  readonly message: string;
  /** First UTF-16 unit in the text and number of units; 0 = at the end. */
  readonly position: number;
  readonly length: number;
  /** What was probably meant in place of the marked text. */
  readonly suggestion?: string;
}

/** The problem of a text, found here by the server's own parser: no need to ask. */
export function checkFilter(text: string): FilterProblem | undefined {
  const result = parseFilter(text);
  return result.ok ? undefined : result.error;
}

/** The problem that an error of the API tells; undefined for errors about something else. */
export function filterProblem(error: unknown): FilterProblem | undefined {
  if (!(error instanceof SightlineError) || error.code !== "BAD_FILTER") return undefined;
  const { position, length, suggestion } = error.details ?? {};
  return {
    message: error.message,
    position: typeof position === "number" ? position : 0,
    length: typeof length === "number" ? length : 0,
    ...(typeof suggestion === "string" && { suggestion }),
  };
}

/** The text in three pieces: before the wrong part, the wrong part, after it. A problem at the end marks a blank there. */
export function markProblem(
  text: string,
  problem: FilterProblem,
): readonly [before: string, wrong: string, after: string] {
  const start = Math.min(Math.max(problem.position, 0), text.length);
  const end = Math.min(start + Math.max(problem.length, 0), text.length);
  return [text.slice(0, start), text.slice(start, end) || " ", text.slice(end)];
}

/** The text with the suggestion in place of the wrong part; undefined when there is none. */
export function applySuggestion(text: string, problem: FilterProblem): string | undefined {
  if (problem.suggestion === undefined) return undefined;
  const { position, length, suggestion } = problem;
  return text.slice(0, position) + suggestion + text.slice(position + length);
}
