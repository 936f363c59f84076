/**
 * What stands right of an operator → a value, by the type of the field.
 */
import { preview } from "../json.ts";
import { parseRfc3339 } from "../time.ts";
import type { ComparisonOperator, FieldReference, FilterValue } from "./ast.ts";
import type { FilterField } from "./field-type.ts";
import type { Token } from "./lexer.ts";
import { nearestWord } from "./nearest.ts";
import { parseRegex } from "./regex-syntax.ts";
import { isSymbol, listed, type TokenReader, wordOf } from "./token-reader.ts";

/** The left side of a comparison, with the spelling that messages repeat. */
export interface Subject {
  readonly field: FilterField;
  readonly left: FieldReference;
  readonly written: string;
}

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const THOUSANDS: Readonly<Record<string, number>> = { k: 1000 };
const PATTERN_OPERATORS: readonly ComparisonOperator[] = ["LIKE", "ILIKE", "RLIKE"];
const ORDER_OPERATORS: readonly ComparisonOperator[] = ["<", "<=", ">", ">="];

/**
 * Reads the value of a comparison: a list for IN and NOT IN.
 *
 * @throws Refusal with the place and what was expected there
 */
export function readValue(reader: TokenReader, subject: Subject, operator: ComparisonOperator): FilterValue {
  return operator === "IN" || operator === "NOT IN"
    ? readList(reader, subject, operator)
    : readScalar(reader, subject, operator);
}

function readList(reader: TokenReader, subject: Subject, operator: ComparisonOperator): FilterValue {
  const open = reader.next();
  if (!isSymbol(open, "(")) {
    throw reader.refusal(open, `IN takes a list in brackets, not ${reader.show(open)}.`, { expected: ["("] });
  }
  const texts: string[] = [];
  const numbers: number[] = [];
  while (true) {
    const at = reader.peek();
    const value = readScalar(reader, subject, operator);
    if (typeof value === "string") texts.push(value);
    else numbers.push(value);
    if (texts.length > 0 && numbers.length > 0) {
      throw reader.refusal(at, `The list holds numbers and texts; ${reader.show(at)} is of the other kind.`);
    }
    const token = reader.next();
    if (isSymbol(token, ")")) return texts.length > 0 ? texts : numbers;
    if (!isSymbol(token, ",")) {
      throw reader.refusal(token, `A comma or a closing bracket was expected, not ${reader.show(token)}.`, {
        expected: [",", ")"],
      });
    }
  }
}

function readScalar(reader: TokenReader, subject: Subject, operator: ComparisonOperator): string | number {
  const token = reader.next();
  if (PATTERN_OPERATORS.includes(operator)) return readPattern(reader, subject, operator, token);
  switch (subject.field.type) {
    case "text":
      return readText(reader, subject, token);
    case "word":
      return readWord(reader, subject, token);
    case "number":
      return readNumber(reader, subject, token, THOUSANDS);
    case "duration":
      return readNumber(reader, subject, token, MILLISECONDS);
    case "time":
      return token.kind === "string" ? readTime(reader, subject, token) : readNumber(reader, subject, token, {});
    case "json":
      return readJson(reader, subject, operator, token);
    case "prompt":
      return readPrompt(reader, subject, token);
  }
}

function readPattern(reader: TokenReader, subject: Subject, operator: ComparisonOperator, token: Token): string {
  // A word of the language may stand without quotes.
  const isWord = subject.field.type === "word" && token.kind === "path";
  const pattern = isWord ? reader.source(token) : readText(reader, subject, token);
  if (operator !== "RLIKE") return pattern;
  const parsed = parseRegex(pattern);
  if (!parsed.ok) throw reader.refusal(token, parsed.message);
  return pattern;
}

function readText(reader: TokenReader, { written }: Subject, token: Token): string {
  if (token.kind === "string") return token.value;
  const message = `${written} is compared with a text in quotes, not ${reader.show(token)}.`;
  const isWord = token.kind === "path" || token.kind === "number";
  throw reader.refusal(token, isWord && token.length <= 60 ? `${message} Write '${reader.source(token)}'.` : message);
}

function readWord(reader: TokenReader, { written, field }: Subject, token: Token): string {
  const text = token.kind === "string" ? token.value : token.kind === "path" ? reader.source(token) : undefined;
  const values = field.values ?? [];
  const word = text === undefined ? undefined : values.find((value) => value === text.toUpperCase());
  if (word !== undefined) return word;
  const nearest = text === undefined ? undefined : nearestWord(text.toUpperCase(), values);
  throw reader.refusal(token, `${written} is ${listed(values)}, not ${reader.show(token)}.`, {
    expected: values,
    ...(nearest !== undefined && { suggestion: `'${nearest}'` }),
  });
}

function readNumber(
  reader: TokenReader,
  { written }: Subject,
  token: Token,
  units: Readonly<Record<string, number>>,
): number {
  if (token.kind !== "number") {
    throw reader.refusal(token, `${written} is compared with a number, not ${reader.show(token)}.`);
  }
  const factor = token.unit === "" ? 1 : Object.hasOwn(units, token.unit) ? units[token.unit] : undefined;
  if (factor === undefined) {
    const known = Object.keys(units);
    const hint =
      known.length === 0
        ? "It takes no unit."
        : known.length === 1
          ? `Its unit: ${known.join()}.`
          : `Its units: ${known.join(", ")}.`;
    throw reader.refusal(token, `${written} has no unit "${preview(token.unit, 20)}". ${hint}`, {
      ...(known.length === 0 ? {} : { expected: known }),
    });
  }
  // 15 digits: 1.001s is 1001 ms, not 1000.9999999999999.
  const value = factor === 1 ? token.value : Number((token.value * factor).toPrecision(15));
  if (!Number.isFinite(value)) throw reader.refusal(token, `The number ${reader.show(token)} is too large.`);
  return value + 0; // -0 becomes 0
}

function readTime(reader: TokenReader, { written }: Subject, token: Token & { kind: "string" }): number {
  const nanos = parseRfc3339(token.value);
  if (nanos !== undefined) return Number(nanos / 1000n) / 1000;
  // MLflow's own server lets a quoted number of milliseconds pass.
  if (/^\d{1,16}$/.test(token.value)) return Number(token.value);
  const example = "a time such as '2026-11-24T08:00:00Z' or a number of milliseconds";
  throw reader.refusal(token, `${written} is compared with ${example}, not ${reader.show(token)}.`);
}

function readJson(reader: TokenReader, subject: Subject, operator: ComparisonOperator, token: Token): string | number {
  const word = wordOf(token);
  if (ORDER_OPERATORS.includes(operator) || token.kind === "number") {
    return readNumber(reader, subject, token, THOUSANDS);
  }
  return word === "TRUE" || word === "FALSE" ? word.toLowerCase() : readText(reader, subject, token);
}

function readPrompt(reader: TokenReader, subject: Subject, token: Token): string {
  const text = readText(reader, subject, token);
  if (/^[^/]+\/[^/]+$/.test(text)) return text;
  throw reader.refusal(token, `A prompt is named by 'name/version', with one slash, not ${reader.show(token)}.`);
}
