/**
 * Tokens of the text before a cursor → what is expected there.
 */
import type { FilterField } from "./field-type.ts";
import { type FieldContext, resolveField } from "./fields.ts";
import type { Token } from "./lexer.ts";
import { isSymbol, wordOf } from "./token-reader.ts";

/** Where the cursor is: what is expected there, and what was begun. */
export type Place =
  | { readonly kind: "condition"; readonly context: FieldContext; readonly isFirst: boolean }
  | { readonly kind: "operator"; readonly field: FilterField }
  | { readonly kind: "null" }
  | { readonly kind: "list" }
  | { readonly kind: "value"; readonly field: FilterField; readonly key?: string; readonly isList: boolean }
  | { readonly kind: "end"; readonly context: FieldContext; readonly isBracket: boolean }
  | { readonly kind: "nothing" };

/** Follows the tokens to the place behind them. Wrong ones are passed over as free text is. */
export function placeAfter(tokens: readonly Token[]): Place {
  /** What each open bracket is. */
  const brackets: FieldContext[] = [];
  let index = 0;
  let isFirst = true;
  const context = () => brackets.at(-1) ?? "trace";
  while (true) {
    const token = tokens[index];
    if (token === undefined) return { kind: "condition", context: context(), isFirst };
    if (isSymbol(token, "(")) {
      brackets.push(context());
      isFirst = true;
      index += 1;
      continue;
    }
    const next = tokens[index + 1];
    const isExists = wordOf(token) === "EXISTS";
    if (wordOf(token) === "NOT" || (isExists && next === undefined)) {
      isFirst = false;
      index += 1;
      continue;
    }
    if (wordOf(token) === "SPAN" && next !== undefined && isSymbol(next, "(")) {
      brackets.push("span");
      isFirst = true;
      index += 2;
      continue;
    }
    const condition = isExists ? index + 2 : passCondition(tokens, index, context());
    if (typeof condition !== "number") return condition;
    index = condition;
    isFirst = false;
    let after = tokens[index];
    while (after !== undefined && isSymbol(after, ")")) {
      brackets.pop();
      index += 1;
      after = tokens[index];
    }
    if (after === undefined) return { kind: "end", context: context(), isBracket: brackets.length > 0 };
    if (["AND", "OR"].includes(wordOf(after))) index += 1;
  }
}

/** Passes over a condition: the index behind it, or the place inside it where the tokens end. */
function passCondition(tokens: readonly Token[], start: number, context: FieldContext): number | Place {
  const token = tokens[start];
  const resolved = token?.kind === "path" ? resolveField(token.parts, context) : undefined;
  if (resolved?.kind !== "field") return passUnknown(tokens, start);
  const { field, key } = resolved;
  const operator = tokens[start + 1];
  if (operator === undefined) return { kind: "operator", field };
  const value = (isList: boolean): Place => ({ kind: "value", field, ...(key !== undefined && { key }), isList });
  switch (operator.kind === "symbol" ? operator.symbol : wordOf(operator)) {
    case "IS":
      return passNull(tokens, start + 2);
    case "NOT":
      return passList(tokens, start + 2, value);
    case "IN":
      return passList(tokens, start + 1, value);
    case "EXISTS":
      return start + 2;
    case "=":
    case "!=":
    case "<":
    case "<=":
    case ">":
    case ">=":
    case "LIKE":
    case "ILIKE":
    case "RLIKE":
      return tokens[start + 2] === undefined ? value(false) : start + 3;
    default:
      return start + 1;
  }
}

/** What is no field: free text, or a field that does not exist with what it is compared with. */
function passUnknown(tokens: readonly Token[], start: number): number | Place {
  const operator = tokens[start + 1];
  const isCompared = operator?.kind === "symbol" && /[=<>]/.test(operator.symbol);
  if (!isCompared) return start + 1;
  return tokens[start + 2] === undefined ? { kind: "nothing" } : start + 3;
}

function passNull(tokens: readonly Token[], start: number): number | Place {
  const token = tokens[start];
  if (token === undefined) return { kind: "null" };
  if (wordOf(token) !== "NOT") return start + 1;
  return tokens[start + 1] === undefined ? { kind: "null" } : start + 2;
}

/** Passes over `IN (…)`. @param start  index of IN */
function passList(tokens: readonly Token[], start: number, value: (isList: boolean) => Place): number | Place {
  const open = tokens[start + 1];
  if (open === undefined) return { kind: "list" };
  if (!isSymbol(open, "(")) return start + 1;
  for (let index = start + 2; ; index += 1) {
    const token = tokens[index];
    if (token === undefined) return value(true);
    if (isSymbol(token, ")")) return index + 1;
  }
}
