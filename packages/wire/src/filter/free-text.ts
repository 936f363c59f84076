/**
 * Is it a comparison or free text? Words such as `in`, `like` and `error` are part of the language and of many sentences.
 */
import { type FieldContext, resolveField } from "./fields.ts";
import { nearestWord } from "./nearest.ts";
import { type TokenReader, wordOf } from "./token-reader.ts";

/** Operators that may be misspelt. */
const OPERATOR_WORDS = ["LIKE", "ILIKE", "RLIKE"];
/** Words that free text does not begin with. */
export const KEYWORDS = new Set(["AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "RLIKE", "IS", "NULL", "EXISTS"]);

/**
 * Whether a comparison stands here, and no free text. Words such as `in` and `like` are part of many sentences: they are
 * operators behind a field, or before what they are compared with.
 */
export function isComparison(reader: TokenReader, context: FieldContext): boolean {
  const token = reader.peek();
  const next = reader.peek(1);
  if (next.kind === "symbol") return ["=", "!=", "<", "<=", ">", ">="].includes(next.symbol);
  if (next.kind !== "path") return false;
  const resolved = token.kind === "path" ? resolveField(token.parts, context) : undefined;
  const isField = resolved !== undefined && resolved.kind !== "unknown";
  switch (wordOf(next)) {
    case "IN":
      // `error in production` is free text; so would `status in OK` be, but for its values.
      return reader.isSymbol("(", 2) || (isField && (reader.peek(2).kind !== "path" || resolved.field.type === "word"));
    case "LIKE":
    case "ILIKE":
    case "RLIKE":
      return isField || reader.peek(2).kind === "string";
    case "IS":
      if (reader.isKeyword("NULL", 2) || (reader.isKeyword("NOT", 2) && reader.isKeyword("NULL", 3))) return true;
      return isField && reader.peek(2).kind !== "path";
    case "NOT":
      return isField && ["IN", "LIKE", "ILIKE", "RLIKE"].includes(wordOf(reader.peek(2)));
    case "EXISTS":
      return isField;
    default:
      return false;
  }
}

/**
 * Whether a field stands here whose operator is missing or misspelt, and no free text: `status 'OK'`, `name lik 'a'`, `tags.env`.
 * Names of one word (`error`) are words that people search for.
 */
export function lacksOperator(reader: TokenReader, context: FieldContext): boolean {
  const token = reader.peek();
  if (token.kind !== "path" || resolveField(token.parts, context).kind !== "field") return false;
  const isMisspelt = nearestWord(wordOf(reader.peek(1)), OPERATOR_WORDS) !== undefined;
  return token.parts.length > 1 || reader.peek(isMisspelt ? 2 : 1).kind === "string";
}

/** Whether a keyword in the middle of free text is one more word of it: `what is this like`. */
export function isMoreText(reader: TokenReader, context: FieldContext): boolean {
  const word = wordOf(reader.peek());
  if (!KEYWORDS.has(word)) return false;
  const next = reader.peek(1);
  return word !== "EXISTS" || next.kind !== "path" || resolveField(next.parts, context).kind !== "field";
}
