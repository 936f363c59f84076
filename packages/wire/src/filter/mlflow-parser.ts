/**
 * Filter strings as MLflow's API takes them: comparisons joined by AND, and nothing else.
 *
 * What MLflow's own server refuses is refused here. Two things that it lets pass by accident pass here too: AND at the end, and
 * quotes around a time.
 */
import type { Comparison, ComparisonOperator, FieldReference, Filter, FilterOperator } from "./ast.ts";
import type { FilterField } from "./field-type.ts";
import { fieldNamed, type PathPart } from "./fields.ts";
import type { Token } from "./lexer.ts";
import { type MlflowKey, mlflowEntities, mlflowSpanAttribute, SOURCE_RUN_KEY } from "./mlflow-grammar.ts";
import { nearestWord } from "./nearest.ts";
import { type Condition, joinConditions } from "./shape.ts";
import { listed, type Refusal, type TokenReader, wordOf } from "./token-reader.ts";
import { readValue } from "./values.ts";

interface MlflowSubject {
  readonly key: MlflowKey;
  readonly field: FilterField;
  readonly left: FieldReference;
  readonly written: string;
}

/**
 * Reads all tokens.
 *
 * @param maxComparisons  more are refused
 * @throws Refusal where the text leaves MLflow's grammar
 */
export function parseMlflowTokens(reader: TokenReader, maxComparisons: number): Filter {
  const conditions: Condition[] = [];
  while (true) {
    if (conditions.length === maxComparisons) {
      throw reader.refusal(reader.peek(), `A filter may hold ${maxComparisons} comparisons; use IN for long lists.`);
    }
    conditions.push(readCondition(reader));
    const token = reader.next();
    if (token.kind === "end") break;
    if (wordOf(token) !== "AND") throw leftOver(reader, token);
    if (reader.peek().kind === "end") break;
  }
  return joinConditions(conditions);
}

function leftOver(reader: TokenReader, token: Token): Refusal {
  const hint =
    wordOf(token) === "OR"
      ? "OR is not part of MLflow's filter strings; POST /api/v1/traces/search takes it."
      : `AND or the end was expected, not ${reader.show(token)}.`;
  return reader.refusal(token, hint, { expected: ["AND"] });
}

function readCondition(reader: TokenReader): Condition {
  const subject = readSubject(reader);
  const operator = readOperator(reader, subject);
  const filter = readRest(reader, subject, operator);
  return subject.field.entity === "span" ? { filter, isOfSpan: true } : { filter };
}

function readRest(reader: TokenReader, subject: MlflowSubject, operator: FilterOperator): Filter {
  const left =
    subject.field.name === "run" && operator !== "=" ? { field: "metadata", key: SOURCE_RUN_KEY } : subject.left;
  if (operator === "IS NULL" || operator === "IS NOT NULL") return { kind: "presence", left, operator };
  checkValue(reader, subject, operator);
  // Any text may be compared with a state, as on MLflow's server, where it just never matches.
  const isWord = subject.field.type === "word";
  const field: FilterField = isWord ? { ...subject.field, type: "text" } : subject.field;
  const value = readValue(reader, { ...subject, field }, operator);
  const comparison: Comparison = { kind: "comparison", left, operator, value };
  return isWord ? withKnownWords(comparison, subject.field.values ?? []) : comparison;
}

/** Refuses what the grammar's values are not, before the larger language reads them. */
function checkValue(reader: TokenReader, { key, written }: MlflowSubject, operator: ComparisonOperator): void {
  const token = reader.peek();
  const isOrder = operator !== "=" && operator !== "!=" && /^[<>]/.test(operator);
  const wantsNumber = key.value === "number" || (key.value === "assessment" && isOrder);
  if (wantsNumber) {
    if (token.kind === "number" && token.unit !== "") {
      throw reader.refusal(token, `MLflow's filter strings have no units: write ${written} as a bare number.`);
    }
    return;
  }
  if (operator === "IN" || operator === "NOT IN" || token.kind === "string") return;
  throw reader.refusal(token, `${written} is compared with a text in quotes, not ${reader.show(token)}.`);
}

/**
 * The same condition in words that the language has. A word it has not is never equal to a value of the field: LIKE says so,
 * because it takes any text.
 */
function withKnownWords(comparison: Comparison, words: readonly string[]): Filter {
  const { operator, value } = comparison;
  if (operator === "LIKE" || operator === "ILIKE" || operator === "RLIKE") return comparison;
  const isKnown = (text: unknown) => words.some((word) => word === text);
  const values = Array.isArray(value) ? value : [value];
  if (values.every(isKnown)) return comparison;
  const known = values.filter(isKnown).map(String);
  if (known.length > 0) return { ...comparison, value: known };
  const pattern = String(values[0]).replace(/[\\%_]/g, "\\$&");
  const never: Filter = { ...comparison, operator: "LIKE", value: pattern };
  return operator === "!=" || operator === "NOT IN" ? { kind: "not", term: never } : never;
}

function readSubject(reader: TokenReader): MlflowSubject {
  const token = reader.next();
  const parts = partsOf(token);
  if (parts === undefined || wordOf(token) === "AND") {
    const what = parts === undefined || !["NOT", "OR", "EXISTS"].includes(wordOf(token)) ? "" : wordOf(token);
    const hint =
      reader.show(token) === "(" || what !== ""
        ? `${what || "A bracket"} is not part of MLflow's filter strings; POST /api/v1/traces/search takes it.`
        : `A key was expected, not ${reader.show(token)}.`;
    throw reader.refusal(token, hint);
  }
  const written = reader.show(token);
  const found = findKey(parts);
  if (found.key !== undefined) {
    const field = fieldNamed(found.key.field);
    if (field === undefined) throw new RangeError(`There is no filter field "${found.key.field}".`);
    const left = found.name === undefined ? { field: field.name } : { field: field.name, key: found.name };
    return { key: found.key, field, left, written };
  }
  const word = wordOf(token);
  if (word === "NOT" || word === "EXISTS" || word === "OR") {
    throw reader.refusal(token, `${word} is not part of MLflow's filter strings; POST /api/v1/traces/search takes it.`);
  }
  const hint = found.nearest === undefined ? "" : ` Did you mean ${found.nearest}?`;
  throw reader.refusal(token, `MLflow's filter strings have no key ${written}.${hint}`, {
    ...(found.expected && { expected: found.expected }),
    ...(found.nearest !== undefined && { suggestion: found.nearest }),
  });
}

function partsOf(token: Token): readonly PathPart[] | undefined {
  if (token.kind === "path") return token.parts;
  return token.kind === "string" && token.quote === '"' ? [{ text: token.value, quoted: true }] : undefined;
}

interface FoundKey {
  readonly key?: MlflowKey;
  /** Of a tag, an assessment and so on. */
  readonly name?: string;
  readonly nearest?: string;
  readonly expected?: readonly string[];
}

/** Names are case-sensitive, as on MLflow's server. */
function findKey(parts: readonly PathPart[]): FoundKey {
  const [head, ...rest] = parts.length > 1 ? parts.map((part) => part.text) : ["", ...parts.map((part) => part.text)];
  const entity = mlflowEntities.find((candidate) => candidate.names.includes(head ?? ""));
  const name = rest.join(".");
  if (entity === undefined) {
    const nearest = nearestWord(
      head ?? "",
      mlflowEntities.flatMap((row) => row.names),
    );
    return nearest === undefined ? {} : { nearest: `${nearest}.${name}` };
  }
  if (entity.anyKey !== undefined) return name === "" ? {} : { key: entity.anyKey, name };
  if (head === "span" && (rest[0] === "attributes" || rest[0] === "attribute") && rest.length > 1) {
    const attribute = rest.slice(1).join(".");
    return attribute === "" ? {} : { key: mlflowSpanAttribute, name: attribute };
  }
  const keys = entity.keys ?? {};
  const key = Object.hasOwn(keys, name) ? keys[name] : undefined;
  if (key !== undefined) return { key };
  const nearest = nearestWord(name, Object.keys(keys));
  const prefix = head === "" ? "" : `${head}.`;
  return {
    expected: Object.keys(keys).map((candidate) => prefix + candidate),
    ...(nearest !== undefined && { nearest: prefix + nearest }),
  };
}

function readOperator(reader: TokenReader, { key, written }: MlflowSubject): FilterOperator {
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
  const found = key.operators.find((candidate) => candidate === operator);
  if (found !== undefined) return found;
  throw reader.refusal(
    token,
    `On MLflow's API ${written} is compared by ${listed(key.operators)}, not by ${reader.show(token)}.`,
    { expected: key.operators },
  );
}
