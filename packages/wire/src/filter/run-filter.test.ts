/**
 * MLflow's filter and order strings of runs, as its search API takes and refuses them.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FilterOperator } from "./ast.ts";
import { parseRunFilter, parseRunOrder } from "./run-filter.ts";
import { RUN_ATTRIBUTES } from "./run-grammar.ts";

const ALL: readonly FilterOperator[] = [
  ...(["=", "!=", "<", "<=", ">", ">=", "IN", "NOT IN", "LIKE", "ILIKE", "RLIKE", "IS NULL", "IS NOT NULL"] as const),
];

function rest(operator: FilterOperator, value: string): string {
  if (operator.startsWith("IS")) return operator;
  return operator.endsWith("IN") ? `${operator} (${value}, ${value})` : `${operator} ${value}`;
}

/** The conditions, or the message. */
function read(text: string): unknown {
  const result = parseRunFilter(text);
  return result.ok ? result.conditions : result.error.message;
}

const NUMBER = ["=", "!=", "<", "<=", ">", ">="] as const;
const ENTRY = ["=", "!=", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL"] as const;
const TEXT = ["=", "!=", "IN", "NOT IN", "LIKE", "ILIKE"] as const;

describe.each([
  { names: ["metrics.a", "metric.`a b`", 'metrics."a/b"'], value: "0.5", operators: NUMBER },
  { names: ["params.a", "param.a.b", "parameters.a", "parameter.a"], value: "'x'", operators: ENTRY },
  { names: ["tags.a", "tag.mlflow.user"], value: '"x"', operators: ENTRY },
  {
    names: ["status", "attributes.status", "attribute.status", "attr.status", "run.status"],
    value: "'x'",
    operators: TEXT,
  },
  { names: ["run_name", "run_id", "user_id", "experiment_id", "attributes.`Run name`"], value: "'x'", operators: TEXT },
  { names: ["start_time", "attributes.end_time", "created", "Created"], value: "5", operators: NUMBER },
  { names: ["start_time"], value: "'2026-11-24T08:00:00Z'", operators: NUMBER },
])("$names", ({ names, value, operators }) => {
  test.each(names)("%s takes the operators that it has, and no others", (name) => {
    for (const operator of ALL) {
      const result = parseRunFilter(`${name} ${rest(operator, value)}`);
      expect([operator, result.ok]).toEqual([operator, operators.some((own) => own === operator)]);
    }
  });
});

test("conditions are joined by AND, in any case", () => {
  expect(
    read("metrics.`m 1` >= -1e3 and params.model = 'it''s' AND run_name not in (\"a\", 'b') AND tag.x is not null"),
  ).toEqual([
    { field: { entity: "metric", key: "m 1" }, operator: ">=", value: -1000 },
    { field: { entity: "param", key: "model" }, operator: "=", value: "it's" },
    { field: { entity: "attribute", key: "run_name" }, operator: "NOT IN", value: ["a", "b"] },
    { field: { entity: "tag", key: "x" }, operator: "IS NOT NULL" },
  ]);
  expect(read("")).toEqual([]);
  expect(read("  ")).toEqual([]);
});

test("messages say what is wrong", () => {
  const texts = [
    "metrics.a > '1'",
    "metrics.a > 10k",
    "params.a = 1",
    "params.a > '1'",
    "metric.a = 1 OR metric.b = 1",
    "metric.a = 1 AND AND",
    "metricz.a = 1",
    "metrics. = 1",
    "stats = 'x'",
    "attributes.artifacts = 'x'",
    "status IN 'x'",
    "status IN ('x'",
    "= 1",
    "metric.a",
    "tags.a = 'x",
  ];
  expect(texts.map((text) => `${text} → ${read(text)}`).join("\n")).toMatchInlineSnapshot(`
    "metrics.a > '1' → metrics.a is compared with a number, not '1'.
    metrics.a > 10k → metrics.a is compared with a number, not 10k.
    params.a = 1 → params.a is compared with a text in quotes, not 1.
    params.a > '1' → params.a is compared by =, !=, LIKE, ILIKE, IS NULL or IS NOT NULL, not by >.
    metric.a = 1 OR metric.b = 1 → OR is not part of the filters of runs; comparisons are joined by AND.
    metric.a = 1 AND AND → Runs have no attribute AND. They have run_id, run_name, status, user_id, experiment_id, start_time or end_time.
    metricz.a = 1 → Runs have no metricz.a. Did you mean metrics.a? Keys begin with metrics., params., tags. or attributes.
    metrics. = 1 → After metrics. a key was expected.
    stats = 'x' → Runs have no attribute stats. Did you mean status? They have run_id, run_name, status, user_id, experiment_id, start_time or end_time.
    attributes.artifacts = 'x' → Runs have no attribute attributes.artifacts. They have run_id, run_name, status, user_id, experiment_id, start_time or end_time.
    status IN 'x' → IN takes a list in brackets, not 'x'.
    status IN ('x' → A comma or a closing bracket was expected, not the end.
    = 1 → A key was expected, not =.
    metric.a → metric.a is compared by =, !=, <, <=, > or >=, not by the end.
    tags.a = 'x → The text that starts here has no closing '."
  `);
});

test("an error has its place", () => {
  expect(parseRunFilter("metrics.a > 'x'")).toMatchObject({ error: { position: 12, length: 3 } });
});

test("an order is a key and a direction", () => {
  expect(parseRunOrder("metrics.`a b` desc")).toEqual({
    ok: true,
    order: { field: { entity: "metric", key: "a b" }, direction: "DESC" },
  });
  for (const key of RUN_ATTRIBUTES) {
    expect(parseRunOrder(key)).toEqual({ ok: true, order: { field: { entity: "attribute", key }, direction: "ASC" } });
  }
  for (const text of ["", "metrics.a UP", "metrics.a ASC DESC", "nothing", "5"]) {
    expect(parseRunOrder(text).ok, text).toBe(false);
  }
});

test("whatever the text, it is read or refused, with a place inside of it", () => {
  const word = fc.constantFrom(
    ...[
      "metrics.a",
      "params.`b`",
      "status",
      "=",
      "!=",
      "IN",
      "NOT",
      "LIKE",
      "IS",
      "NULL",
      "AND",
      "(",
      ")",
      ",",
      "'x'",
      "1",
    ],
    ...["OR", "'", "`", "ASC", "start_time", "run."],
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(word).map((words) => words.join(" ")),
  );
  fc.assert(
    fc.property(text, (some) => {
      for (const result of [parseRunFilter(some), parseRunOrder(some)]) {
        if (result.ok) continue;
        expect(result.error.position + result.error.length).toBeLessThanOrEqual(some.length);
      }
    }),
  );
});
