/**
 * The whole filter language: tokens → tree.
 *
 * ```
 * filter     := or
 * or         := and { OR and }
 * and        := not { [AND] not }          AND may be left out after free text
 * not        := NOT not | "(" or ")" | "span" "(" or ")" | condition
 * condition  := field operator value | field [NOT] IN "(" value { "," value } ")"
 *             | field IS [NOT] NULL | EXISTS field | field EXISTS
 *             | word | "quoted text"       free text
 * ```
 *
 * Conditions on `span.x` that one AND joins mean one span, as on MLflow's API: they become one `span(…)`. `attributes.x` is an
 * attribute of any span, and `span(…)` always one of its own.
 *
 * A superset of MLflow's search grammar (mlflow/utils/search_utils.py, SearchTraceUtils).
 */
import type { Filter, FilterOperator } from "./ast.ts";
import { type FieldContext, filterFields, type ResolvedField, resolveField } from "./fields.ts";
import { isComparison, isMoreText, KEYWORDS, lacksOperator } from "./free-text.ts";
import type { Token } from "./lexer.ts";
import { nearestWord } from "./nearest.ts";
import { type Condition, joinConditions } from "./shape.ts";
import { isSymbol, listed, type Refusal, type TokenReader, wordOf } from "./token-reader.ts";
import { readValue, type Subject } from "./values.ts";

/** Bounds of a filter. */
export interface FilterLimits {
  readonly comparisons: number;
  readonly depth: number;
}

/**
 * Reads all tokens.
 *
 * @throws Refusal where the text leaves the language or its limits
 */
export function parseOpenTokens(reader: TokenReader, limits: FilterLimits): Filter {
  return new Parser(reader, limits).parse();
}

class Parser {
  readonly #reader: TokenReader;
  readonly #limits: FilterLimits;
  #depth = 0;
  #conditions = 0;

  constructor(reader: TokenReader, limits: FilterLimits) {
    this.#reader = reader;
    this.#limits = limits;
  }

  parse(): Filter {
    const filter = this.#or("trace");
    const rest = this.#reader.peek();
    if (rest.kind === "end") return filter;
    throw this.#reader.refusal(rest, `AND, OR or the end was expected, not ${this.#reader.show(rest)}.`, {
      expected: ["AND", "OR"],
    });
  }

  #or(context: FieldContext): Filter {
    const terms = [this.#and(context)];
    while (this.#reader.isKeyword("OR")) {
      this.#reader.skip();
      terms.push(this.#and(context));
    }
    const [only] = terms;
    return terms.length === 1 && only !== undefined ? only : { kind: "or", terms };
  }

  #and(context: FieldContext): Filter {
    const conditions = [this.#not(context)];
    const reader = this.#reader;
    while (true) {
      if (reader.isKeyword("AND")) {
        reader.skip();
        conditions.push(this.#not(context));
      } else if (conditions.at(-1)?.filter.kind === "text" && this.#startsCondition()) {
        conditions.push(
          isMoreText(reader, context) ? { filter: this.#counted(() => this.#text()) } : this.#not(context),
        );
      } else {
        return joinConditions(conditions);
      }
    }
  }

  /** Whether what follows free text can only be another condition: then AND may be left out. */
  #startsCondition(): boolean {
    const token = this.#reader.peek();
    if (token.kind === "path") return !["AND", "OR", "NOT"].includes(wordOf(token));
    return token.kind === "string" || token.kind === "number";
  }

  #not(context: FieldContext): Condition {
    const reader = this.#reader;
    const token = reader.peek();
    if (reader.isKeyword("NOT")) {
      return { filter: this.#deeper(token, () => ({ kind: "not", term: joinConditions([this.#not(context)]) })) };
    }
    if (reader.isSymbol("(")) return { filter: this.#deeper(token, () => this.#bracket(context)) };
    if (reader.isKeyword("SPAN") && reader.isSymbol("(", 1)) {
      if (context === "span") {
        throw reader.refusal(token, "span(…) inside span(…) has no meaning: a condition is on one span.");
      }
      const filter = this.#deeper(token, () => ({ kind: "span", filter: this.#spanBracket() }) as const);
      return { filter };
    }
    return this.#counted(() => this.#condition(context));
  }

  #counted<Result>(read: () => Result): Result {
    this.#conditions += 1;
    if (this.#conditions > this.#limits.comparisons) {
      throw this.#reader.refusal(
        this.#reader.peek(),
        `A filter may hold ${this.#limits.comparisons} comparisons; use IN for long lists.`,
      );
    }
    return read();
  }

  /** Reads what stands behind a token that opens another level. */
  #deeper<Result>(token: Token, read: () => Result): Result {
    this.#depth += 1;
    if (this.#depth > this.#limits.depth) {
      throw this.#reader.refusal(token, `Brackets and NOT are nested more than ${this.#limits.depth} deep.`);
    }
    this.#reader.skip();
    const result = read();
    this.#depth -= 1;
    return result;
  }

  #spanBracket(): Filter {
    this.#reader.skip();
    return this.#bracket("span");
  }

  #bracket(context: FieldContext): Filter {
    const filter = this.#or(context);
    const close = this.#reader.next();
    if (!isSymbol(close, ")")) {
      throw this.#reader.refusal(close, `A closing bracket was expected, not ${this.#reader.show(close)}.`, {
        expected: ["AND", "OR", ")"],
      });
    }
    return filter;
  }

  #condition(context: FieldContext): Condition {
    const reader = this.#reader;
    const token = reader.peek();
    if (reader.isKeyword("EXISTS") && reader.peek(1).kind === "path" && !KEYWORDS.has(wordOf(reader.peek(1)))) {
      reader.skip();
      const subject = this.#subject(context);
      return this.#onField(context, subject, { kind: "presence", left: subject.left, operator: "IS NOT NULL" });
    }
    const isCompared = isComparison(reader, context);
    // In double quotes a name may stand too, as in MLflow.
    if (token.kind === "string" && !(isCompared && token.quote === '"')) return { filter: this.#text() };
    if (!isCompared && !lacksOperator(reader, context)) {
      if (token.kind === "path" ? !KEYWORDS.has(wordOf(token)) : token.kind === "number") {
        return { filter: this.#text() };
      }
    }
    const subject = this.#subject(context);
    const operator = this.#operator(subject);
    if (operator === "IS NULL" || operator === "IS NOT NULL") {
      return this.#onField(context, subject, { kind: "presence", left: subject.left, operator });
    }
    const value = readValue(reader, subject, operator);
    return this.#onField(context, subject, { kind: "comparison", left: subject.left, operator, value });
  }

  #text(): Filter {
    const token = this.#reader.next();
    const text = token.kind === "string" ? token.value : this.#reader.source(token).replaceAll("`", "");
    if (text === "") throw this.#reader.refusal(token, "The text to search for is empty.");
    return { kind: "text", text };
  }

  #onField(context: FieldContext, subject: FoundSubject, filter: Filter): Condition {
    if (context === "span" || subject.field.entity !== "span") return { filter };
    return subject.ofAnySpan ? { filter: { kind: "span", filter } } : { filter, isOfSpan: true };
  }

  #subject(context: FieldContext): FoundSubject {
    const reader = this.#reader;
    const token = reader.next();
    const parts =
      token.kind === "path"
        ? token.parts
        : token.kind === "string" && token.quote === '"'
          ? [{ text: token.value, quoted: true }]
          : undefined;
    if (parts === undefined || KEYWORDS.has(wordOf(token))) {
      throw reader.refusal(token, `A field was expected, not ${reader.show(token)}.`, { expected: names(context) });
    }
    const resolved = resolveField(parts, context);
    const written = reader.show(token);
    switch (resolved.kind) {
      case "field": {
        const { field, key } = resolved;
        const left = key === undefined ? { field: field.name } : { field: field.name, key };
        return { field, left, written, ofAnySpan: resolved.ofAnySpan === true };
      }
      case "key missing":
        throw reader.refusal(token, `${written} needs a key: ${written}.env, for example.`);
      case "unknown":
        throw this.#unknownField(token, context, resolved);
    }
  }

  #unknownField(token: Token, context: FieldContext, { nearest }: ResolvedField & { kind: "unknown" }): Refusal {
    const parts = token.kind === "path" ? token.parts : [];
    const ofTrace = context === "span" && resolveField(parts, "trace").kind === "field";
    const whose = context === "span" ? "A span has no field" : "There is no field";
    const hint = ofTrace
      ? " It is a field of the trace: write it outside of span(…)."
      : nearest === undefined
        ? ""
        : ` Did you mean ${nearest}?`;
    return this.#reader.refusal(token, `${whose} ${this.#reader.show(token)}.${hint}`, {
      expected: names(context),
      ...(nearest === undefined || ofTrace ? {} : { suggestion: nearest }),
    });
  }

  #operator({ field, written }: Subject): FilterOperator {
    const reader = this.#reader;
    const token = reader.next();
    const operator = this.#operatorAt(token);
    const found = field.operators.find((candidate) => candidate === operator);
    if (found !== undefined) return found;
    const expected = field.operators;
    const nearest = nearestWord(wordOf(token), expected);
    throw reader.refusal(token, `After ${written} comes ${listed(expected)}, not ${reader.show(token)}.`, {
      expected,
      ...(nearest !== undefined && { suggestion: nearest }),
    });
  }

  #operatorAt(token: Token): string | undefined {
    const reader = this.#reader;
    if (token.kind === "symbol") return token.symbol;
    const word = wordOf(token);
    if (word === "NOT" && reader.isKeyword("IN")) {
      reader.skip();
      return "NOT IN";
    }
    if (word === "IS" && reader.isKeyword("NULL")) {
      reader.skip();
      return "IS NULL";
    }
    if (word === "IS" && reader.isKeyword("NOT") && reader.isKeyword("NULL", 1)) {
      reader.skip(2);
      return "IS NOT NULL";
    }
    return word === "EXISTS" ? "IS NOT NULL" : word;
  }
}

interface FoundSubject extends Subject {
  readonly ofAnySpan: boolean;
}

const traceNames = filterFields
  .filter((field) => field.entity !== "span")
  .map((field) => (field.keyed ? `${field.name}.` : field.name));
const spanNames = filterFields
  .filter((field) => field.entity === "span")
  .map((field) => (field.keyed ? `${field.name}.` : field.name).slice("span.".length));

function names(context: FieldContext): readonly string[] {
  return context === "span" ? spanNames : traceNames;
}
