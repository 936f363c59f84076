/**
 * Filter and order strings of runs: comparisons joined by AND, as MLflow's API has them. The own API reads the same.
 */
import { parseRfc3339 } from "../time.ts";
import type { FilterOperator, FilterValue } from "./ast.ts";
import { lexFilter, type Token } from "./lexer.ts";
import { nearestWord } from "./nearest.ts";
import {
  RUN_ATTRIBUTE_ALIASES,
  RUN_ATTRIBUTES,
  type RunAttribute,
  type RunField,
  runEntities,
  typeOfRunField,
} from "./run-grammar.ts";
import { type FilterError, isSymbol, listed, Refusal, TokenReader, wordOf } from "./token-reader.ts";

/** One comparison; `value` is absent for IS NULL and IS NOT NULL, a list for IN and NOT IN. Times are milliseconds. */
export interface RunCondition {
  readonly field: RunField;
  readonly operator: FilterOperator;
  readonly value?: FilterValue;
}

/** One key of an order. Runs that have nothing under it come last, in both directions. */
export interface RunOrder {
  readonly field: RunField;
  readonly direction: "ASC" | "DESC";
}

type Result<Key extends string, Value> =
  | ({ readonly ok: true } & { readonly [K in Key]: Value })
  | { readonly ok: false; readonly error: FilterError };

const MAX_LENGTH = 100_000;
const MAX_CONDITIONS = 200;

/**
 * Reads a filter of runs.
 *
 * A comparison with something that a run does not have is false, also with `!=`.
 *
 * @param text  e.g. `metrics.accuracy > 0.9 AND params.model = 'gpt-4o' AND status = 'FINISHED'`; blank text = all runs
 * @returns the conditions, all of which must hold, or where the text is wrong; never throws
 */
export function parseRunFilter(text: string): Result<"conditions", readonly RunCondition[]> {
  return reading("conditions", text, (reader) => {
    const conditions: RunCondition[] = [];
    if (reader.peek().kind === "end") return conditions;
    for (;;) {
      if (conditions.length === MAX_CONDITIONS) {
        throw reader.refusal(reader.peek(), `A filter may hold ${MAX_CONDITIONS} comparisons; use IN for long lists.`);
      }
      conditions.push(readCondition(reader));
      const token = reader.next();
      if (token.kind === "end") return conditions;
      if (wordOf(token) === "AND") {
        // MLflow's server lets AND stand at the end.
        if (reader.peek().kind === "end") return conditions;
        continue;
      }
      const what = wordOf(token) === "OR" ? "OR is not part of the filters of runs;" : `Not ${reader.show(token)}:`;
      throw reader.refusal(token, `${what} comparisons are joined by AND.`, { expected: ["AND"] });
    }
  });
}

/**
 * Reads one `key [ASC|DESC]`; without a direction it is ASC.
 *
 * @param text  e.g. `metrics.accuracy DESC`, `attributes.start_time`
 * @returns the order, or where it is wrong; never throws
 */
export function parseRunOrder(text: string): Result<"order", RunOrder> {
  return reading("order", text, (reader) => {
    const field = readField(reader);
    const token = reader.next();
    const word = wordOf(token);
    if (token.kind !== "end" && word !== "ASC" && word !== "DESC") {
      throw reader.refusal(token, `After the key comes ASC or DESC, not ${reader.show(token)}.`, {
        expected: ["ASC", "DESC"],
      });
    }
    if (token.kind !== "end" && reader.peek().kind !== "end") {
      throw reader.refusal(reader.peek(), `The order ends before ${reader.show(reader.peek())}.`);
    }
    return { field, direction: word === "DESC" ? "DESC" : "ASC" };
  });
}

function reading<Key extends string, Value>(
  key: Key,
  text: string,
  read: (reader: TokenReader) => Value,
): Result<Key, Value> {
  if (text.length > MAX_LENGTH) {
    const message = `The text has ${text.length} characters; at most ${MAX_LENGTH} are read.`;
    return { ok: false, error: { message, position: MAX_LENGTH, length: text.length - MAX_LENGTH } };
  }
  const lexed = lexFilter(text);
  if (!lexed.ok) return { ok: false, error: lexed.error };
  try {
    // The one member is named by `key`, which the type of a computed name does not keep.
    return { ok: true, [key]: read(new TokenReader(lexed.tokens, text)) } as Result<Key, Value>;
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, error: error.error };
    throw error;
  }
}

function readCondition(reader: TokenReader): RunCondition {
  const written = reader.show(reader.peek());
  const field = readField(reader);
  const { type, operators } = typeOfRunField(field);
  const operator = readOperator(reader, operators, written);
  if (operator === "IS NULL" || operator === "IS NOT NULL") return { field, operator };
  const readOne = type === "text" ? readText : type === "time" ? readTime : readNumber;
  const isList = operator === "IN" || operator === "NOT IN";
  return { field, operator, value: isList ? readList(reader, written) : readOne(reader, written) };
}

function readField(reader: TokenReader): RunField {
  const token = reader.next();
  const parts = partsOf(token);
  if (parts === undefined) throw reader.refusal(token, `A key was expected, not ${reader.show(token)}.`);
  const [head = "", ...rest] = parts.length > 1 ? parts : ["", ...parts];
  const found = runEntities.find(({ names }) => names.includes(head));
  const key = rest.join(".");
  if (found === undefined) {
    const names = runEntities.flatMap((entity) => entity.names);
    const nearest = nearestWord(head, names);
    throw reader.refusal(
      token,
      `Runs have no ${reader.show(token)}.${hint(nearest && `${nearest}.${key}`)} Keys begin with metrics., params., tags. or attributes.`,
    );
  }
  if (key === "") throw reader.refusal(token, `After ${reader.show(token)} a key was expected.`);
  if (found.entity !== "attribute") return { entity: found.entity, key };
  const attribute = attributeNamed(key);
  if (attribute !== undefined) return { entity: "attribute", key: attribute };
  throw reader.refusal(
    token,
    `Runs have no attribute ${reader.show(token)}.${hint(nearestWord(key, RUN_ATTRIBUTES))} They have ${listed(RUN_ATTRIBUTES)}.`,
    { expected: RUN_ATTRIBUTES },
  );
}

function attributeNamed(key: string): RunAttribute | undefined {
  const alias = Object.hasOwn(RUN_ATTRIBUTE_ALIASES, key) ? RUN_ATTRIBUTE_ALIASES[key] : undefined;
  return alias ?? RUN_ATTRIBUTES.find((attribute) => attribute === key);
}

function hint(nearest: string | undefined): string {
  return nearest === undefined ? "" : ` Did you mean ${nearest}?`;
}

function partsOf(token: Token): readonly string[] | undefined {
  if (token.kind === "path") return token.parts.map((part) => part.text);
  return token.kind === "string" && token.quote === '"' ? [token.value] : undefined;
}

function readOperator(reader: TokenReader, operators: readonly FilterOperator[], written: string): FilterOperator {
  const token = reader.next();
  let operator: string = token.kind === "symbol" ? token.symbol : wordOf(token);
  if (operator === "NOT" && reader.isKeyword("IN")) {
    reader.skip();
    operator = "NOT IN";
  } else if (operator === "IS" && reader.isKeyword("NULL")) {
    reader.skip();
    operator = "IS NULL";
  } else if (operator === "IS" && reader.isKeyword("NOT") && reader.isKeyword("NULL", 1)) {
    reader.skip(2);
    operator = "IS NOT NULL";
  }
  const found = operators.find((candidate) => candidate === operator);
  if (found !== undefined) return found;
  throw reader.refusal(token, `${written} is compared by ${listed(operators)}, not by ${reader.show(token)}.`, {
    expected: operators,
  });
}

function readList(reader: TokenReader, written: string): string[] {
  const open = reader.next();
  if (!isSymbol(open, "(")) {
    throw reader.refusal(open, `IN takes a list in brackets, not ${reader.show(open)}.`, { expected: ["("] });
  }
  const texts: string[] = [];
  for (;;) {
    texts.push(readText(reader, written));
    const token = reader.next();
    if (isSymbol(token, ")")) return texts;
    if (!isSymbol(token, ",")) {
      throw reader.refusal(token, `A comma or a closing bracket was expected, not ${reader.show(token)}.`, {
        expected: [",", ")"],
      });
    }
  }
}

function readText(reader: TokenReader, written: string): string {
  const token = reader.next();
  if (token.kind === "string") return token.value;
  throw reader.refusal(token, `${written} is compared with a text in quotes, not ${reader.show(token)}.`);
}

function readNumber(reader: TokenReader, written: string): number {
  const token = reader.next();
  if (token.kind === "number" && token.unit === "" && Number.isFinite(token.value)) return token.value;
  throw reader.refusal(token, `${written} is compared with a number, not ${reader.show(token)}.`);
}

function readTime(reader: TokenReader, written: string): number {
  const token = reader.peek();
  const nanos = token.kind === "string" ? parseRfc3339(token.value) : undefined;
  if (nanos === undefined) return readNumber(reader, written);
  reader.skip();
  return Number(nanos / 1000n) / 1000;
}
