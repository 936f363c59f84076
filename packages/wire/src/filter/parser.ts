/**
 * Filter text → tree, or an error that says where and what was expected. Two grammars are read: the whole language
 * (`open-parser.ts`), and MLflow's filter strings with its own refusals (`mlflow-parser.ts`).
 *
 * Time and memory are linear in the length of the text.
 */
import type { Filter } from "./ast.ts";
import { lexFilter } from "./lexer.ts";
import { parseMlflowTokens } from "./mlflow-parser.ts";
import { parseOpenTokens } from "./open-parser.ts";
import { printFilter } from "./print.ts";
import { nestingOf } from "./shape.ts";
import { type FilterError, Refusal, TokenReader } from "./token-reader.ts";

export type { FilterError } from "./token-reader.ts";

export type FilterResult =
  | {
      readonly ok: true;
      /** Undefined for blank text: everything matches. */
      readonly filter: Filter | undefined;
    }
  | { readonly ok: false; readonly error: FilterError };

/** Longest text that is read: room for an IN list of 2,000 trace ids. */
export const MAX_FILTER_LENGTH = 100_000;
/** Brackets and NOTs inside each other, and levels of the tree. */
export const MAX_FILTER_DEPTH = 50;
/** Comparisons in one filter; keeps the SQL made from it under the 128 KiB that ClickHouse takes in one form field. */
export const MAX_FILTER_COMPARISONS = 200;

/** Canonical spelling is at most five times as long in its lists, and somewhat longer in names. */
const MAY_PRINT_LONGER = MAX_FILTER_LENGTH / 8;

export interface ParseOptions {
  /** `mlflow` refuses what MLflow's API refuses; `open` (default) reads the whole language. */
  readonly mode?: "open" | "mlflow";
}

/**
 * Reads a filter.
 *
 * @param text  e.g. `status = 'ERROR' AND duration > 2s`; blank text is a filter that everything matches
 * @returns the tree, with canonical field names, states in capitals, durations and times in milliseconds; never throws
 */
export function parseFilter(text: string, { mode = "open" }: ParseOptions = {}): FilterResult {
  if (text.length > MAX_FILTER_LENGTH) {
    const message = `The filter has ${text.length} characters; at most ${MAX_FILTER_LENGTH} are read.`;
    return { ok: false, error: { message, position: MAX_FILTER_LENGTH, length: text.length - MAX_FILTER_LENGTH } };
  }
  const lexed = lexFilter(text);
  if (!lexed.ok) return { ok: false, error: lexed.error };
  try {
    const reader = new TokenReader(lexed.tokens, text);
    if (reader.peek().kind === "end") return { ok: true, filter: undefined };
    const filter =
      mode === "mlflow"
        ? parseMlflowTokens(reader, MAX_FILTER_COMPARISONS)
        : parseOpenTokens(reader, { comparisons: MAX_FILTER_COMPARISONS, depth: MAX_FILTER_DEPTH });
    return { ok: true, filter: checkSize(filter, text) };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, error: error.error };
    throw error;
  }
}

/** @throws Refusal if the tree could not be read back from what `printFilter` writes of it */
function checkSize(filter: Filter, text: string): Filter {
  const whole = { position: 0, length: text.length };
  if (nestingOf(filter) > MAX_FILTER_DEPTH) {
    throw new Refusal({ message: `AND, OR and NOT are nested more than ${MAX_FILTER_DEPTH} deep.`, ...whole });
  }
  if (text.length > MAY_PRINT_LONGER && printFilter(filter).length > MAX_FILTER_LENGTH) {
    throw new Refusal({ message: "The filter is too long once its numbers and texts are written out.", ...whole });
  }
  return filter;
}
