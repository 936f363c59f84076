/**
 * Which texts a filter looks for in spans: what a list of results can point at.
 */
import type { Comparison, Filter } from "@sightline/wire/filter/ast";
import { parseLike } from "@sightline/wire/filter/like";

/** More would be noise in a list. */
const MAX_TEXTS = 5;

const TEXT_FIELDS = ["text", "span.content", "span.input", "span.output", "span.error"];

/** Free texts, and the longest literal part of each pattern for texts of spans; none of what a NOT rules out. */
export function textsSought(filter: Filter | undefined): readonly string[] {
  const texts = filter === undefined ? [] : textsOf(filter);
  return [...new Set(texts)].filter((text) => text !== "").slice(0, MAX_TEXTS);
}

function textsOf(filter: Filter): readonly string[] {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.terms.flatMap(textsOf);
    case "span":
      return textsOf(filter.filter);
    case "text":
      return [filter.text];
    case "comparison":
      return isPatternOfText(filter) ? [longestLiteral(String(filter.value))] : [];
    default:
      return [];
  }
}

function isPatternOfText({ left, operator }: Comparison): boolean {
  return (operator === "LIKE" || operator === "ILIKE") && TEXT_FIELDS.includes(left.field);
}

function longestLiteral(pattern: string): string {
  const literals = [""];
  for (const part of parseLike(pattern)) {
    if (typeof part === "string") literals.push("");
    else literals.push(`${literals.pop() ?? ""}${part.literal}`);
  }
  return literals.reduce((longest, literal) => (literal.length > longest.length ? literal : longest));
}
