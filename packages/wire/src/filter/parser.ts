/**
 * Filter text → tree, or an error that says where and what was expected.
 *
 * ```
 * filter     := or
 * or         := and { OR and }
 * and        := not { AND not }
 * not        := NOT not | "(" or ")" | comparison
 * comparison := field operator value | field [NOT] IN "(" value { "," value } ")"
 * ```
 *
 * A superset of the trace part of MLflow's search grammar, which has comparisons joined by AND only
 * (mlflow/utils/search_utils.py, SearchTraceUtils). Time and memory are linear in the length of the text.
 */
import { preview } from "../json.ts";
import { parseRfc3339 } from "../time.ts";
import type { ComparisonOperator, FieldReference, Filter, FilterValue } from "./ast.ts";
import { type FilterField, filterFields, resolveField, STATE_VALUES } from "./fields.ts";
import { lexFilter, type Token } from "./lexer.ts";

export interface FilterError {
  /** A sentence for people. */
  readonly message: string;
  /** Where it is wrong: first UTF-16 unit and number of units (0 at the end of the text). */
  readonly position: number;
  readonly length: number;
  /** What may stand there, when that is a short list. */
  readonly expected?: readonly string[];
  /** The field that was probably meant. */
  readonly suggestion?: string;
}

export type FilterResult =
  | {
      readonly ok: true;
      /** Undefined for blank text: everything matches. */
      readonly filter: Filter | undefined;
    }
  | { readonly ok: false; readonly error: FilterError };

/** Longest text that is read: room for an IN list of 2,000 trace ids. */
export const MAX_FILTER_LENGTH = 100_000;
/** Brackets and NOTs inside each other. */
export const MAX_FILTER_DEPTH = 50;
/** Comparisons in one filter; keeps the SQL made from it under the 128 KiB that ClickHouse takes in one form field. */
export const MAX_FILTER_COMPARISONS = 200;

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const THOUSANDS: Readonly<Record<string, number>> = { k: 1000 };

/**
 * Reads a filter.
 *
 * @param text  e.g. `status = 'ERROR' AND duration > 2s`; blank text is a filter that everything matches
 * @returns the tree, with canonical field names, states in capitals, durations and times in milliseconds; never throws
 */
export function parseFilter(text: string): FilterResult {
  if (text.length > MAX_FILTER_LENGTH) {
    const message = `The filter has ${text.length} characters; at most ${MAX_FILTER_LENGTH} are read.`;
    return { ok: false, error: { message, position: MAX_FILTER_LENGTH, length: text.length - MAX_FILTER_LENGTH } };
  }
  const lexed = lexFilter(text);
  if (!lexed.ok) return lexed;
  try {
    return { ok: true, filter: new Parser(lexed.tokens, text).parse() };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, error: error.error };
    throw error;
  }
}

/** Carries a FilterError out of the recursive descent; never leaves this file. */
class Refusal extends Error {
  readonly error: FilterError;
  constructor(error: FilterError) {
    super(error.message);
    this.error = error;
  }
}

/** The left side of a comparison, with the spelling that messages repeat. */
interface Subject {
  readonly field: FilterField;
  readonly left: FieldReference;
  readonly written: string;
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #text: string;
  #index = 0;
  #depth = 0;
  #comparisons = 0;

  constructor(tokens: readonly Token[], text: string) {
    this.#tokens = tokens;
    this.#text = text;
  }

  parse(): Filter | undefined {
    if (this.#peek().kind === "end") return undefined;
    const filter = this.#joined("or");
    const rest = this.#peek();
    if (rest.kind === "end") return filter;
    throw this.#refusal(rest, `AND, OR or the end was expected, not ${this.#show(rest)}.`, {
      expected: ["AND", "OR"],
    });
  }

  #joined(kind: "and" | "or"): Filter {
    const keyword = kind.toUpperCase();
    const term = () => (kind === "or" ? this.#joined("and") : this.#not());
    const first = term();
    if (!this.#isKeyword(keyword)) return first;
    const terms = [first];
    while (this.#isKeyword(keyword)) {
      this.#index += 1;
      terms.push(term());
    }
    return { kind, terms };
  }

  #not(): Filter {
    const token = this.#peek();
    const isNot = this.#isKeyword("NOT");
    if (!isNot && !isSymbol(token, "(")) return this.#comparison();

    this.#depth += 1;
    if (this.#depth > MAX_FILTER_DEPTH) {
      throw this.#refusal(token, `Brackets and NOT are nested more than ${MAX_FILTER_DEPTH} deep.`);
    }
    this.#index += 1;
    let filter: Filter;
    if (isNot) {
      filter = { kind: "not", term: this.#not() };
    } else {
      filter = this.#joined("or");
      const close = this.#next();
      if (!isSymbol(close, ")")) {
        throw this.#refusal(close, `A closing bracket was expected, not ${this.#show(close)}.`, {
          expected: ["AND", "OR", ")"],
        });
      }
    }
    this.#depth -= 1;
    return filter;
  }

  #comparison(): Filter {
    this.#comparisons += 1;
    const start = this.#peek();
    if (this.#comparisons > MAX_FILTER_COMPARISONS) {
      throw this.#refusal(start, `A filter may hold ${MAX_FILTER_COMPARISONS} comparisons; use IN for long lists.`);
    }
    const subject = this.#subject();
    const operator = this.#operator(subject);
    const value = operator === "IN" || operator === "NOT IN" ? this.#list(subject) : this.#value(subject, operator);
    return { kind: "comparison", left: subject.left, operator, value };
  }

  #subject(): Subject {
    const token = this.#next();
    if (token.kind !== "path" || ["AND", "OR", "IN", "LIKE", "ILIKE"].some((word) => isKeyword(token, word))) {
      throw this.#refusal(token, `A field was expected, not ${this.#show(token)}.`, { expected: fieldNames });
    }
    const resolved = resolveField(token.parts);
    switch (resolved.kind) {
      case "field":
        return {
          field: resolved.field,
          written: this.#show(token),
          left:
            resolved.key === undefined
              ? { field: resolved.field.name }
              : { field: resolved.field.name, key: resolved.key },
        };
      case "key missing":
        throw this.#refusal(token, `${this.#show(token)} needs a key: ${resolved.field.name}.env, for example.`);
      case "unknown": {
        const hint = resolved.nearest === undefined ? "" : ` Did you mean ${resolved.nearest}?`;
        throw this.#refusal(token, `There is no field ${this.#show(token)}.${hint}`, {
          expected: fieldNames,
          ...(resolved.nearest === undefined ? {} : { suggestion: resolved.nearest }),
        });
      }
    }
  }

  #operator({ field, written }: Subject): ComparisonOperator {
    const token = this.#next();
    let operator: string | undefined;
    if (token.kind === "symbol") {
      operator = token.symbol;
    } else if (isKeyword(token, "NOT") && this.#isKeyword("IN")) {
      this.#index += 1;
      operator = "NOT IN";
    } else if (token.kind === "path") {
      operator = ["IN", "LIKE", "ILIKE"].find((word) => isKeyword(token, word));
    }
    const found = field.operators.find((candidate) => candidate === operator);
    if (found !== undefined) return found;
    const expected = field.operators;
    throw this.#refusal(token, `After ${written} comes ${listed(expected)}, not ${this.#show(token)}.`, {
      expected,
    });
  }

  #list(subject: Subject): FilterValue {
    const open = this.#next();
    if (!isSymbol(open, "(")) {
      throw this.#refusal(open, `IN takes a list in brackets, not ${this.#show(open)}.`, { expected: ["("] });
    }
    const texts: string[] = [];
    const numbers: number[] = [];
    while (true) {
      const value = this.#value(subject, "IN");
      if (typeof value === "string") texts.push(value);
      else numbers.push(value);
      const token = this.#next();
      if (isSymbol(token, ")")) return texts.length > 0 ? texts : numbers;
      if (!isSymbol(token, ",")) {
        throw this.#refusal(token, `A comma or a closing bracket was expected, not ${this.#show(token)}.`, {
          expected: [",", ")"],
        });
      }
    }
  }

  #value(subject: Subject, operator: ComparisonOperator): string | number {
    const token = this.#next();
    switch (subject.field.type) {
      case "text":
        if (token.kind === "string") return token.value;
        throw this.#refusal(token, this.#quoteHint(subject, token));
      case "state":
        return this.#state(subject, operator, token);
      case "number":
        return this.#number(subject, token, THOUSANDS);
      case "duration":
        return this.#number(subject, token, MILLISECONDS);
      case "time":
        return token.kind === "string" ? this.#time(subject, token) : this.#number(subject, token, {});
    }
  }

  #state({ written }: Subject, operator: ComparisonOperator, token: Token): string {
    // A state is a word of the language: it may stand without quotes.
    const text = token.kind === "string" ? token.value : token.kind === "path" ? this.#source(token) : undefined;
    if (text !== undefined) {
      if (operator === "LIKE" || operator === "ILIKE") return text;
      const state = STATE_VALUES.find((value) => value === text.toUpperCase());
      if (state !== undefined) return state;
    }
    throw this.#refusal(token, `${written} is ${listed(STATE_VALUES)}, not ${this.#show(token)}.`, {
      expected: STATE_VALUES,
    });
  }

  #number({ written }: Subject, token: Token, units: Readonly<Record<string, number>>): number {
    if (token.kind !== "number") {
      throw this.#refusal(token, `${written} is compared with a number, not ${this.#show(token)}.`);
    }
    const factor = token.unit === "" ? 1 : Object.hasOwn(units, token.unit) ? units[token.unit] : undefined;
    if (factor === undefined) {
      const known = Object.keys(units);
      const hint = known.length === 0 ? "It takes no unit." : `Its units: ${known.join(", ")}.`;
      throw this.#refusal(token, `${written} has no unit "${preview(token.unit, 20)}". ${hint}`, {
        ...(known.length === 0 ? {} : { expected: known }),
      });
    }
    // 15 digits: 1.001s is 1001 ms, not 1000.9999999999999.
    const value = factor === 1 ? token.value : Number((token.value * factor).toPrecision(15));
    if (!Number.isFinite(value)) throw this.#refusal(token, `The number ${this.#show(token)} is too large.`);
    return value + 0; // -0 becomes 0
  }

  #time({ written }: Subject, token: Token & { kind: "string" }): number {
    const nanos = parseRfc3339(token.value);
    if (nanos !== undefined) return Number(nanos / 1000n) / 1000;
    // MLflow's own server lets a quoted number of milliseconds pass.
    if (/^\d{1,16}$/.test(token.value)) return Number(token.value);
    const example = "a time such as '2026-11-24T08:00:00Z' or a number of milliseconds";
    throw this.#refusal(token, `${written} is compared with ${example}, not ${this.#show(token)}.`);
  }

  #quoteHint({ written }: Subject, token: Token): string {
    const message = `${written} is compared with a text in quotes, not ${this.#show(token)}.`;
    const isWord = token.kind === "path" || token.kind === "number";
    return isWord && token.length <= 60 ? `${message} Write '${this.#source(token)}'.` : message;
  }

  #peek(): Token {
    return this.#tokens[this.#index] ?? END;
  }

  #next(): Token {
    const token = this.#peek();
    this.#index += 1;
    return token;
  }

  #isKeyword(word: string): boolean {
    return isKeyword(this.#peek(), word);
  }

  #source(token: Token): string {
    return this.#text.slice(token.position, token.position + token.length);
  }

  /** A token as it stands in the text, for messages. */
  #show(token: Token): string {
    return token.kind === "end" ? "the end" : preview(this.#source(token), 60);
  }

  #refusal(at: Token, message: string, more: { expected?: readonly string[]; suggestion?: string } = {}): Refusal {
    return new Refusal({ message, position: at.position, length: at.length, ...more });
  }
}

/** Never reached: the lexer ends every list with its own end token, and nothing reads past it without failing. */
const END: Token = { kind: "end", position: 0, length: 0 };

const fieldNames = filterFields.map((field) => (field.keyed ? `${field.name}.` : field.name));

function isKeyword(token: Token, word: string): boolean {
  const part = token.kind === "path" && token.parts.length === 1 ? token.parts[0] : undefined;
  return part !== undefined && !part.quoted && part.text.toUpperCase() === word;
}

function isSymbol(token: Token, symbol: string): boolean {
  return token.kind === "symbol" && token.symbol === symbol;
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
