/**
 * Quick views are terms of the filter text: All, Errors and Slow edit what stands in the bar and nothing else.
 */
import { lexFilter } from "@sightline/wire/filter/lexer";
import { parseFilter } from "@sightline/wire/filter/parser";
import type { TraceInfo } from "@sightline/wire/model/trace";

export type QuickView = "errors" | "slow";

export interface QuickViews {
  /** Views whose term is part of the filter, with that term. */
  readonly active: Readonly<Partial<Record<QuickView, string>>>;
  /** The filter without those terms. */
  readonly rest: string;
}

export const ERRORS_TERM = "status = 'ERROR'";

/** Finds the terms of quick views among those that a filter joins by AND. */
export function readQuickViews(filter: string): QuickViews {
  const active: Partial<Record<QuickView, string>> = {};
  const rest: string[] = [];
  for (const term of splitTerms(filter)) {
    const view = viewOf(term);
    if (view !== undefined && active[view] === undefined) active[view] = term;
    else rest.push(term);
  }
  return { active, rest: rest.join(" AND ") };
}

/** A filter and one more term that must hold too. */
export function withTerm(filter: string, term: string): string {
  if (filter.trim() === "") return term;
  const parsed = parseFilter(filter);
  // What cannot be read is replaced: it gave no result either.
  if (!parsed.ok) return term;
  return `${parsed.filter?.kind === "or" ? `(${filter})` : filter} AND ${term}`;
}

function viewOf(term: string): QuickView | undefined {
  const parsed = parseFilter(term);
  if (!parsed.ok || parsed.filter?.kind !== "comparison") return undefined;
  const { left, operator, value } = parsed.filter;
  if (left.field === "status" && operator === "=" && value === "ERROR") return "errors";
  return left.field === "execution_time_ms" && operator === ">" ? "slow" : undefined;
}

/** The terms that AND joins at the top, as they are written; the whole text when an OR stands beside them or it cannot be read. */
export function splitTerms(filter: string): string[] {
  const lexed = lexFilter(filter);
  if (!lexed.ok || filter.trim() === "") return filter.trim() === "" ? [] : [filter];
  const terms: string[] = [];
  let depth = 0;
  let start = 0;
  for (const token of lexed.tokens) {
    if (token.kind === "symbol" && token.symbol === "(") depth += 1;
    if (token.kind === "symbol" && token.symbol === ")") depth -= 1;
    const part = token.kind === "path" && token.parts.length === 1 ? token.parts[0] : undefined;
    const word = part && !part.quoted && depth === 0 ? part.text.toUpperCase() : "";
    if (word === "OR") return [filter];
    if (word !== "AND") continue;
    terms.push(filter.slice(start, token.position).trim());
    start = token.position + token.length;
  }
  return [...terms, filter.slice(start).trim()];
}

/** Fewer finished traces than this have no 95th percentile worth a button. */
const MIN_FOR_PERCENTILE = 20;

/**
 * The term of the view "Slow": longer than the 95th percentile of some traces, rounded up to two digits.
 *
 * @returns undefined when there are too few finished traces
 */
export function slowTerm(traces: readonly TraceInfo[]): string | undefined {
  const durations = traces.filter((trace) => trace.state !== "IN_PROGRESS").map((trace) => trace.durationMs);
  if (durations.length < MIN_FOR_PERCENTILE) return undefined;
  durations.sort((a, b) => a - b);
  const p95 = durations[Math.ceil(durations.length * 0.95) - 1] ?? 0;
  if (p95 < 1) return undefined;
  const step = 10 ** (Math.floor(Math.log10(p95)) - 1);
  const ms = Math.ceil(p95 / step) * step;
  return `duration > ${ms < 1000 ? `${Number(ms.toPrecision(2))}ms` : `${Number((ms / 1000).toPrecision(2))}s`}`;
}
