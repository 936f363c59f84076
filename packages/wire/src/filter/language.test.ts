/**
 * What holds for every filter and for every text: printing and parsing are inverse, and nothing is thrown.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Filter, FilterOperator } from "./ast.ts";
import { completeFilter } from "./complete.ts";
import { type FilterField, filterFields } from "./fields.ts";
import { MAX_FILTER_LENGTH, parseFilter } from "./parser.ts";
import { printFilter } from "./print.ts";
import { parseRegex } from "./regex-syntax.ts";

/** For a machine with much else to do. */
const SLOW = 120_000;

const MODES = ["open", "mlflow"] as const;

describe("printing and parsing", () => {
  test(
    "what printFilter writes is read back as the same tree",
    () => {
      fc.assert(
        fc.property(anyFilter(), (filter) => {
          expect(parsed(printFilter(filter))).toEqual(filter);
        }),
        { numRuns: 3000 },
      );
    },
    SLOW,
  );

  test(
    "what any text is read as, in either mode, is what its printed form is read as",
    () => {
      let read = 0;
      fc.assert(
        fc.property(anyText(), fc.constantFrom(...MODES), (text, mode) => {
          const result = parseFilter(text, { mode });
          if (!result.ok || result.filter === undefined) return;
          read += 1;
          const printed = printFilter(result.filter);
          expect(parsed(printed)).toEqual(result.filter);
          expect(printFilter(parsed(printed))).toBe(printed);
        }),
        { numRuns: 3000 },
      );
      expect(read).toBeGreaterThan(500);
    },
    SLOW,
  );

  test(
    "texts at the limits are refused, or printed and read back",
    () => {
      const numbers = (item: string) => `tokens IN (${Array.from({ length: 15_000 }, () => item).join(",")})`;
      const deep = (count: number) =>
        `${"NOT (name = 'a' OR name = 'b' AND ".repeat(count)}name = 'c'${")".repeat(count)}`;
      const spans = (count: number) => `${"NOT (".repeat(count)}span.name = 'a' AND name = 'c'${")".repeat(count)}`;
      const texts = [
        numbers("1e20"),
        numbers("9e9k"),
        numbers("1k"),
        `name = "${"'".repeat(60_000)}"`,
        `a${" a".repeat(150)}`,
      ];
      for (const text of [...texts, ...[12, 16, 17, 24, 25].map(deep), ...[23, 24, 25].map(spans)]) {
        const result = parseFilter(text);
        if (result.ok && result.filter) expect(parsed(printFilter(result.filter))).toEqual(result.filter);
        else expect(result).toMatchObject({ ok: false });
      }
    },
    SLOW,
  );
});

describe("any text", () => {
  test(
    "gives a tree or an error inside the text",
    () => {
      fc.assert(
        fc.property(anyText(), fc.constantFrom(...MODES), (text, mode) => {
          const result = parseFilter(text, { mode });
          if (result.ok) return;
          const { position, length, message } = result.error;
          expect(message).not.toBe("");
          expect(position).toBeGreaterThanOrEqual(0);
          expect(length).toBeGreaterThanOrEqual(0);
          expect(position + length).toBeLessThanOrEqual(text.length);
        }),
        { numRuns: 3000 },
      );
    },
    SLOW,
  );

  test(
    "is completed at any cursor, from a place before it",
    () => {
      fc.assert(
        fc.property(anyText(), fc.integer({ min: -5, max: 200 }), (text, cursor) => {
          const { from, to, items } = completeFilter(text, cursor);
          expect(from).toBeGreaterThanOrEqual(0);
          expect(from).toBeLessThanOrEqual(to);
          expect(to).toBe(Math.max(0, Math.min(cursor, text.length)));
          for (const item of items) expect(item.text).not.toBe("");
        }),
        { numRuns: 3000 },
      );
      for (const cursor of [Number.NaN, Number.POSITIVE_INFINITY, 0.5]) {
        expect(completeFilter("name", cursor).to).toBeLessThanOrEqual(4);
      }
    },
    SLOW,
  );

  test(
    "is read in linear time, however long and odd",
    () => {
      const length = MAX_FILTER_LENGTH - 20;
      const pieces = [
        "(",
        "NOT ",
        "a ",
        "'' ",
        "a.",
        "`",
        '"a".',
        "span(",
        "((a) ",
        "-",
        "1e",
        "1 ",
        "name IN (",
        "''",
        "\\",
        ", ",
      ];
      const more = [
        "name = 'a' AND ",
        "name = 'a' OR ",
        "x=",
        "tags.`a``",
        "span.name = '",
        "IS NOT ",
        "💡",
        "\ud800",
        "\u0301",
      ];
      for (const piece of [...pieces, ...more]) {
        const text = piece.repeat(Math.floor(length / piece.length));
        for (const full of [text, `name IN (${text}`, `name RLIKE '${text}`, `name = '${text}`]) {
          for (const mode of MODES) expect(parseFilter(full, { mode }).ok).toBeDefined();
          expect(completeFilter(full, full.length).items).toBeDefined();
        }
      }
    },
    SLOW,
  );
});

function parsed(text: string): Filter {
  const result = parseFilter(text);
  if (!result.ok) throw new Error(`${text}: ${result.error.message}`);
  if (result.filter === undefined) throw new Error(`${text} is blank`);
  return result.filter;
}

/** Noise, words of the language in any order, and good filters with a few characters changed. */
function anyText(): fc.Arbitrary<string> {
  const words = fc.constantFrom(
    ...[
      "status",
      "name",
      "tags.",
      "tags.a",
      "duration",
      "span",
      "span.name",
      "attributes.x",
      "feedback.q",
      "prompt",
      "text",
    ],
    ...["AND", "or", "Not", "in", "LIKE", "rlike", "is", "NULL", "exists", "(", ")", ",", "=", "!=", "<", ">=", "true"],
    ...[
      "'a'",
      '"b"',
      "'a/1'",
      "'ERROR'",
      "'",
      '"',
      "`",
      "1",
      "-2.5e3",
      "5s",
      ".",
      "\\",
      "𝒳",
      "\ud800",
      ";",
      "--",
      "/*",
      "refund",
    ],
  );
  const condition = fc.constantFrom(
    ...[
      "status = 'ERROR'",
      "tags.env != 'a'",
      "span.name LIKE '%a'",
      "span.type = 'LLM'",
      "feedback.q > 0.5",
      "name IS NULL",
    ],
    ...[
      "status IN ('weird', 'OK')",
      "run_id != 'r'",
      "prompt = 'a/1'",
      "trace.text ILIKE '%x%'",
      "metadata.`a b` RLIKE 'a+'",
    ],
    ...[
      "span(name = 'a' OR error IS NULL)",
      "refund",
      '"two words"',
      "EXISTS cost",
      "NOT user = 'ada'",
      "(input = 'a')",
    ],
  );
  const conditions = fc.array(condition, { minLength: 1, maxLength: 5 });
  const good = fc.oneof(
    conditions.map((list) => list.join(" AND ")),
    fc
      .record({ list: conditions, word: fc.constantFrom(" AND ", " OR ", " ") })
      .map(({ list, word }) => list.join(word)),
    anyFilter().map(printFilter),
  );
  const change = fc.record({
    at: fc.nat({ max: 100 }),
    remove: fc.nat({ max: 3 }),
    insert: fc.oneof(fc.constant(""), words),
  });
  const changed = fc
    .record({ text: good, changes: fc.array(change, { maxLength: 3 }) })
    .map(({ text, changes }) =>
      changes.reduce((all, { at, remove, insert }) => all.slice(0, at) + insert + all.slice(at + remove), text),
    );
  return fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.string({ unit: "grapheme", maxLength: 60 }),
    fc.array(words, { maxLength: 30 }).map((parts) => parts.join(" ")),
    fc.array(words, { maxLength: 30 }).map((parts) => parts.join("")),
    good,
    changed,
  );
}

/** A filter as the parser may give it. */
function anyFilter(): fc.Arbitrary<Filter> {
  const spanFilter = treeOf(fc.oneof({ arbitrary: conditionOf("span"), weight: 4 }, freeText()), 3);
  const inSpan = spanFilter.map((filter): Filter => ({ kind: "span", filter }));
  return treeOf(fc.oneof({ arbitrary: conditionOf("trace"), weight: 4 }, freeText(), inSpan), 5);
}

function treeOf(leaf: fc.Arbitrary<Filter>, maxDepth: number): fc.Arbitrary<Filter> {
  const { tree } = fc.letrec<{ tree: Filter }>((tie) => {
    const terms = fc.array(tie("tree"), { minLength: 2, maxLength: 4 });
    return {
      tree: fc.oneof(
        { maxDepth, depthSize: "small" },
        leaf,
        terms.map((list): Filter => ({ kind: "and", terms: list })),
        terms.map((list): Filter => ({ kind: "or", terms: list })),
        tie("tree").map((term): Filter => ({ kind: "not", term })),
      ),
    };
  });
  return tree;
}

function freeText(): fc.Arbitrary<Filter> {
  return fc.string({ unit: "grapheme", minLength: 1 }).map((text): Filter => ({ kind: "text", text }));
}

function conditionOf(context: "trace" | "span"): fc.Arbitrary<Filter> {
  const fields = filterFields.filter((field) => (field.entity === "span") === (context === "span"));
  return fc
    .constantFrom(...fields)
    .chain((field) => fc.constantFrom(...field.operators).chain((operator) => conditionOn(field, operator)));
}

function conditionOn(field: FilterField, operator: FilterOperator): fc.Arbitrary<Filter> {
  const key = field.keyed ? fc.string({ unit: "grapheme", minLength: 1 }) : fc.constant(undefined);
  const left = key.map((text) => (text === undefined ? { field: field.name } : { field: field.name, key: text }));
  if (operator === "IS NULL" || operator === "IS NOT NULL") {
    return left.map((reference): Filter => ({ kind: "presence", left: reference, operator }));
  }
  const text = fc.string({ unit: "grapheme" });
  const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
  const listOf = (isList: boolean) => (isList ? { minLength: 1, maxLength: 3 } : { minLength: 1, maxLength: 1 });
  const size = listOf(operator === "IN" || operator === "NOT IN");
  const texts = (words: fc.Arbitrary<string>) => fc.array(words, size);
  const values: fc.Arbitrary<readonly string[] | readonly number[]> = valuesOf();
  return fc.record({ reference: left, list: values }).map(({ reference, list }): Filter => {
    const [first = ""] = list;
    const value = operator === "IN" || operator === "NOT IN" ? list : first;
    return { kind: "comparison", left: reference, operator, value };
  });

  function valuesOf(): fc.Arbitrary<readonly string[] | readonly number[]> {
    if (operator === "LIKE" || operator === "ILIKE") return texts(text);
    if (operator === "RLIKE") return texts(text.filter((pattern) => parseRegex(pattern).ok));
    switch (field.type) {
      case "text":
        return texts(text);
      case "word":
        return texts(fc.constantFrom(...(field.values ?? [])));
      case "prompt":
        return texts(fc.constantFrom("greet/1", "a b/2", "'/''"));
      case "json":
        return /[<>]/.test(operator)
          ? fc.array(number, size)
          : fc.oneof<[fc.Arbitrary<readonly string[]>, fc.Arbitrary<readonly number[]>]>(
              texts(text),
              fc.array(number, size),
            );
      default:
        return fc.array(number, size);
    }
  }
}
