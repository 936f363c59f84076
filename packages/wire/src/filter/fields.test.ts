/**
 * The tables of fields are whole: every row has an example that is read, a reader in memory, and a spelling of its own.
 */
import { describe, expect, test } from "vitest";
import type { TraceInfo } from "../model/trace.ts";
import type { Filter } from "./ast.ts";
import { bareName, fieldNamed, filterFields } from "./fields.ts";
import { matchesFilter, matchesSpan } from "./matches.ts";
import { mlflowEntities, mlflowSpanAttribute } from "./mlflow-grammar.ts";
import { parseFilter } from "./parser.ts";
import { printFilter } from "./print.ts";
import { someCondition } from "./shape.ts";
import type { SpanFacts } from "./subject.ts";

const info: TraceInfo = {
  traceId: "tr-1",
  experimentId: "0",
  name: "chat",
  state: "OK",
  requestTime: "2026-11-24T08:25:09.717123Z",
  durationMs: 1,
  tags: {},
  metadata: {},
  spanCount: 1,
  assessments: [],
};
const span: SpanFacts = {
  spanId: "1",
  parentSpanId: "",
  name: "chat",
  spanType: "LLM",
  service: "",
  startTimeUnixNano: 0n,
  endTimeUnixNano: 0n,
  statusCode: "OK",
  model: "",
  provider: "",
  sessionId: "",
  userId: "",
  inputText: "",
  outputText: "",
  errorText: "",
  attributes: {},
};

describe.each(filterFields)("$name", (field) => {
  test("has an example that is read as a condition on it, and said in a sentence", () => {
    const result = parseFilter(field.example);
    if (!result.ok || result.filter === undefined) throw new Error(`${field.example} is no filter`);
    const isOnField = (condition: Filter) => "left" in condition && condition.left.field === field.name;
    expect(someCondition(result.filter, isOnField)).toBe(true);
    expect(typeof matchesFilter(result.filter, { info, spans: [span] })).toBe("boolean");
    expect(field.help).toMatch(/^[A-Z].*\.$/);
    expect(field.type === "word").toBe(field.values !== undefined);
  });

  test("can be asked for in memory", () => {
    const filter: Filter = { kind: "presence", left: { field: field.name, key: "x" }, operator: "IS NULL" };
    const answer = field.entity === "span" ? matchesSpan(filter, span) : matchesFilter(filter, { info, spans: [span] });
    expect(typeof answer).toBe("boolean");
  });
});

test("no two fields of a trace, or of a span, share a spelling", () => {
  for (const isOfSpan of [true, false]) {
    const fields = filterFields.filter((field) => (field.entity === "span") === isOfSpan);
    const spellings = fields.flatMap((field) => [bareName(field), ...field.aliases]);
    expect(spellings.filter((spelling, index) => spellings.indexOf(spelling) !== index)).toEqual([]);
  }
});

test("every spelling of a field is read", () => {
  for (const field of filterFields) {
    for (const spelling of [bareName(field), ...field.aliases]) {
      const operator = field.operators.includes("IS NULL") ? "IS NULL" : "LIKE 'x'";
      const text = `${field.keyed ? `${spelling}.x` : spelling} ${operator}`;
      const result = parseFilter(field.entity === "span" ? `span(${text})` : text);
      expect(result.ok && result.filter && printFilter(result.filter), text).toContain(bareName(field));
    }
  }
});

test("MLflow's grammar names fields and operators that there are", () => {
  const keys = mlflowEntities.flatMap((row) => [...Object.values(row.keys ?? {}), ...(row.anyKey ? [row.anyKey] : [])]);
  for (const key of [...keys, mlflowSpanAttribute]) {
    const field = fieldNamed(key.field);
    expect(field?.operators, key.field).toEqual(expect.arrayContaining([...key.operators]));
  }
});
