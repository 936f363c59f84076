/**
 * What may be written at a place in a filter: fields, operators, values, keywords.
 *
 * It looks at the tokens left of the cursor only, so that it works in texts that are not finished or wrong elsewhere.
 */
import type { FilterField } from "./field-type.ts";
import { bareName, type FieldContext, filterFields, resolveField } from "./fields.ts";
import { lexFilter, type Token } from "./lexer.ts";
import { MAX_FILTER_LENGTH } from "./parser.ts";
import { type Place, placeAfter } from "./place.ts";

export interface CompletionItem {
  readonly kind: "field" | "operator" | "value" | "keyword" | "snippet";
  /** What replaces the text from `from` to `to`. */
  readonly text: string;
  /** One sentence; "" when the text says it all. */
  readonly help: string;
}

export interface Completion {
  /** First UTF-16 unit that an item replaces. */
  readonly from: number;
  /** Behind the last one: the cursor. */
  readonly to: number;
  /** Best first. */
  readonly items: readonly CompletionItem[];
  /**
   * The values of a field are asked for: the server knows the frequent ones. They go between `from` and `to`, texts in quotes.
   * `prefix` is what stands there of the value, without its quote. Of a keyed field (`tags`) without a key its keys are asked for.
   */
  readonly values?: { readonly field: string; readonly key?: string; readonly prefix: string };
}

/**
 * Completes a filter at a cursor. Never throws, whatever the text.
 *
 * @param cursor  UTF-16 units before it; what is out of the text is brought into it
 */
export function completeFilter(text: string, cursor: number): Completion {
  const to = Math.max(0, Math.min(Math.trunc(cursor) || 0, text.length));
  if (to > MAX_FILTER_LENGTH) return { from: to, to, items: [] };
  const { tokens, begun, from } = cut(text.slice(0, to));
  const place = placeAfter(tokens);
  switch (place.kind) {
    case "condition":
      return (
        keyCompletion(place.context, { from, to, begun }) ?? {
          from,
          to,
          items: matching(conditionItems(place, begun), begun),
        }
      );
    case "operator":
      return { from, to, items: matching(operatorItems(place.field), begun) };
    case "null":
      return { from, to, items: matching([keyword("NULL", ""), keyword("NOT NULL", "")], begun) };
    case "list":
      return { from, to, items: begun === "" ? [keyword("(", "The list begins.")] : [] };
    case "value":
      return valueCompletion(place, { from, to, begun });
    case "end":
      return { from, to, items: matching(endItems(place), begun) };
    case "nothing":
      return { from, to, items: [] };
  }
}

/** What is being written, and where it stands. */
interface Begun {
  readonly from: number;
  readonly to: number;
  readonly begun: string;
}

/** Cuts the text before the cursor into whole tokens and the one that is being written. */
function cut(before: string): { tokens: readonly Token[]; begun: string; from: number } {
  const lexed = lexFilter(before);
  const tokens = lexed.tokens.filter((token) => token.kind !== "end");
  if (!lexed.ok) return { tokens, begun: before.slice(lexed.error.position), from: lexed.error.position };
  const last = tokens.at(-1);
  const touches = last !== undefined && last.position + last.length === before.length;
  // A closed string is whole; words, numbers and halves of operators may go on.
  const goesOn = touches && last.kind !== "string" && !(last.kind === "symbol" && /[(),]/.test(last.symbol));
  if (!goesOn) return { tokens, begun: "", from: before.length };
  return { tokens: tokens.slice(0, -1), begun: before.slice(last.position), from: last.position };
}

function keyword(text: string, help: string): CompletionItem {
  return { kind: "keyword", text, help };
}

const SNIPPETS: readonly CompletionItem[] = [
  { kind: "snippet", text: "span(", help: "A span that satisfies all conditions in the brackets." },
  keyword("NOT", "The condition that follows does not hold."),
  keyword("EXISTS", "The trace has the field that follows."),
];

const fieldItems = {
  trace: itemsOf("trace"),
  span: itemsOf("span"),
} as const satisfies Readonly<Record<FieldContext, readonly CompletionItem[]>>;

/** Fields by the name that people use: `duration`, not `execution_time_ms`. */
function itemsOf(context: FieldContext): CompletionItem[] {
  const fields = filterFields.filter((field) => (field.entity === "span") === (context === "span"));
  return fields.flatMap((field) => {
    const short = bareName(field).endsWith("_ms") ? (field.aliases.find((alias) => !alias.includes("_")) ?? "") : "";
    const name = short === "" ? bareName(field) : short;
    return [{ kind: "field", text: field.keyed ? `${name}.` : name, help: field.help }] as const;
  });
}

/** `tags.` and the beginning of a key; undefined when something else was begun. */
function keyCompletion(context: FieldContext, { from, to, begun }: Begun): Completion | undefined {
  const match = /^((?:span\.|trace\.)?[a-z_]+\.)([^`"]*)$/i.exec(begun);
  const [, head = "", prefix = ""] = match ?? [];
  const parts = head.split(".").slice(0, -1);
  const resolved = resolveField(
    [...parts, "key"].map((text) => ({ text, quoted: false })),
    context,
  );
  if (match === null || resolved.kind !== "field" || !resolved.field.keyed) return undefined;
  return { from: from + head.length, to, items: [], values: { field: resolved.field.name, prefix } };
}

function conditionItems({ context, isFirst }: Place & { kind: "condition" }, begun: string): readonly CompletionItem[] {
  if (context === "trace" && begun.toLowerCase().startsWith("span.")) {
    return fieldItems.span.map((item) => ({ ...item, text: `span.${item.text}` }));
  }
  const snippets = context === "span" ? SNIPPETS.slice(1) : SNIPPETS;
  const examples: CompletionItem[] =
    isFirst && context === "trace" ? [{ kind: "snippet", text: "status = 'ERROR'", help: "Failed traces." }] : [];
  return [...examples, ...fieldItems[context], ...snippets];
}

function operatorItems(field: FilterField): readonly CompletionItem[] {
  return field.operators.map((operator) => ({ kind: "operator", text: operator, help: OPERATOR_HELP[operator] }));
}

const OPERATOR_HELP = {
  "=": "Is equal.",
  "!=": "Is there and not equal.",
  "<": "Is less.",
  "<=": "Is less or equal.",
  ">": "Is more.",
  ">=": "Is more or equal.",
  IN: "Is one of a list.",
  "NOT IN": "Is there and none of a list.",
  LIKE: "Fits a pattern: % is any text, _ any character.",
  ILIKE: "Fits a pattern, in any case.",
  RLIKE: "A regular expression is found in it.",
  "IS NULL": "Is not there.",
  "IS NOT NULL": "Is there.",
} as const;

function endItems({ isBracket }: Place & { kind: "end" }): readonly CompletionItem[] {
  const items = [keyword("AND", "Both must hold."), keyword("OR", "One of them must hold.")];
  return isBracket ? [...items, keyword(")", "The bracket ends.")] : items;
}

function valueCompletion({ field, key, isList }: Place & { kind: "value" }, { from, to, begun }: Begun): Completion {
  const isQuoted = begun.startsWith("'") || begun.startsWith('"');
  const prefix = isQuoted ? begun.slice(1) : begun;
  const words = (field.values ?? []).map((word): CompletionItem => ({ kind: "value", text: `'${word}'`, help: "" }));
  const items = words.filter((item) => item.text.slice(1).toLowerCase().startsWith(prefix.toLowerCase()));
  const separators =
    isList && begun === "" ? [keyword(",", "Another value follows."), keyword(")", "The list ends.")] : [];
  const units = unitItems(field, begun);
  const isAsked =
    field.values === undefined && (field.type === "text" || field.type === "json" || field.type === "prompt");
  return {
    from,
    to,
    items: [...items, ...units, ...separators],
    ...(isAsked && { values: { field: field.name, ...(key !== undefined && { key }), prefix } }),
  };
}

/** A number that was begun, with the units it may have. */
function unitItems({ type }: FilterField, begun: string): CompletionItem[] {
  const units = type === "duration" ? ["ms", "s", "m", "h"] : type === "number" ? ["k"] : [];
  return /^\d+(?:\.\d+)?$/.test(begun)
    ? units.map((unit): CompletionItem => ({ kind: "value", text: begun + unit, help: "" }))
    : [];
}

/** Items that begin with what was begun, then those that hold it; in any case. */
function matching(items: readonly CompletionItem[], begun: string): readonly CompletionItem[] {
  const word = begun.toLowerCase();
  if (word === "") return items;
  const starting = items.filter((item) => item.text.toLowerCase().startsWith(word));
  const holding = items.filter((item) => !starting.includes(item) && item.text.toLowerCase().includes(word));
  return [...starting, ...holding].filter((item) => item.text !== begun);
}
