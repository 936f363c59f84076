/**
 * MLflow's grammar, operator by operator, as its search API takes and refuses it.
 */
import { describe, expect, test } from "vitest";
import type { FilterOperator } from "./ast.ts";
import { parseFilter } from "./parser.ts";
import { printFilter } from "./print.ts";

const ALL = [
  "=",
  "!=",
  "<",
  "<=",
  ">",
  ">=",
  "IN",
  "NOT IN",
  "LIKE",
  "ILIKE",
  "RLIKE",
  "IS NULL",
  "IS NOT NULL",
] as const;
const TEXT = ["=", "!=", "IN", "NOT IN", "LIKE", "ILIKE", "RLIKE"] as const;
const ENTRY = ["=", "!=", "LIKE", "ILIKE", "RLIKE", "IS NULL", "IS NOT NULL"] as const;
const NUMBER = ["=", "!=", "<", "<=", ">", ">="] as const;

/** What may stand right of each operator. */
function rest(operator: FilterOperator, value: string): string {
  if (operator.startsWith("IS")) return operator;
  return operator.endsWith("IN") ? `${operator} (${value}, ${value})` : `${operator} ${value}`;
}

function strict(text: string) {
  return parseFilter(text, { mode: "mlflow" });
}

/** Canonical form, or the message. */
function read(text: string): string {
  const result = strict(text);
  return result.ok ? (result.filter === undefined ? "" : printFilter(result.filter)) : result.error.message;
}

/** Keys with every spelling, a good value, and the operators that MLflow has for them. */
const keys: readonly { names: string[]; value: string; operators: readonly FilterOperator[] }[] = [
  {
    names: ["status", "attributes.status", "attribute.status", "trace.status", "attributes.`status`", '"status"'],
    value: "'OK'",
    operators: TEXT,
  },
  { names: ["request_id", "trace.request_id", "client_request_id"], value: "'x'", operators: TEXT },
  {
    names: [
      "timestamp",
      "timestamp_ms",
      "execution_time",
      "attributes.execution_time_ms",
      "end_time",
      "trace.end_time_ms",
    ],
    value: "5",
    operators: NUMBER,
  },
  { names: ["name", "attributes.name", "trace.name"], value: "'x'", operators: ENTRY },
  { names: ["run_id", "trace.run_id"], value: "'x'", operators: ENTRY },
  { names: ["prompt", "attributes.prompt"], value: "'greet/1'", operators: ["="] },
  { names: ["trace.text"], value: "'%x%'", operators: ["LIKE", "ILIKE"] },
  { names: ["tag.a", "tags.a.b", "tags.`a b`", 'tags."a b"'], value: "'x'", operators: ENTRY },
  { names: ["metadata.a", "request_metadata.`mlflow.source`"], value: '"x"', operators: ENTRY },
  {
    names: ["span.name", "span.type", "span.status", "span.attributes.a", "span.attributes.`a b`"],
    value: "'x'",
    operators: TEXT,
  },
  { names: ["span.content"], value: "'%x%'", operators: ["LIKE", "ILIKE"] },
  { names: ["feedback.a", "expectation.`a b`"], value: "'true'", operators: ENTRY },
  { names: ["feedback.a", "expectation.a"], value: "0.5", operators: ["<", "<=", ">", ">=", "IS NULL", "IS NOT NULL"] },
  { names: ["issue.id"], value: "'iss-1'", operators: ["="] },
];

describe("MLflow's grammar", () => {
  const table = keys.flatMap(({ names, ...row }) => names.map((name) => ({ name, ...row })));

  test.each(table)("$name with $value takes its operators and refuses the others", ({ name, value, operators }) => {
    for (const operator of ALL) {
      const text = `${name} ${rest(operator, value)}`;
      expect(strict(text), text).toMatchObject({ ok: operators.includes(operator) });
    }
    for (const operator of operators) {
      const text = rest(operator, value);
      expect(strict(`${name} ${text.replace(operator, operator.toLowerCase())}`)).toEqual(strict(`${name} ${text}`));
    }
  });

  test("blank is everything", () => {
    expect(strict(" ")).toEqual({ ok: true, filter: undefined });
  });

  test.each([
    ["status = 'OK' AND tags.a = 'b' and name LIKE 'c%'", "status = 'OK' AND tags.a = 'b' AND name LIKE 'c%'"],
    [
      "span.name = 'a' AND status = 'OK' AND span.status = 'ERROR' AND span.attributes.k LIKE '%v%'",
      "span(name = 'a' AND status = 'ERROR' AND attributes.k LIKE '%v%') AND status = 'OK'",
    ],
    ["run_id = 'r'", "run = 'r'"],
    ["run_id != 'r'", "metadata.mlflow.sourceRun != 'r'"],
    ["run_id IS NULL", "metadata.mlflow.sourceRun IS NULL"],
    ["feedback.q = '0.5' AND feedback.q >= 0.5", "feedback.q = '0.5' AND feedback.q >= 0.5"],
    // Values are case-sensitive, and any text may be compared with a state: it never matches.
    ["status = 'ok'", "status LIKE 'ok'"],
    ["status != 'a_b'", "NOT status LIKE 'a\\_b'"],
    ["status IN ('OK', 'x')", "status IN ('OK')"],
    ["status NOT IN ('x')", "NOT status LIKE 'x'"],
    ["span.status = 'x'", "span(status LIKE 'x')"],
    // Two things that MLflow's own server lets pass.
    ["status = 'OK' AND", "status = 'OK'"],
    ["timestamp > '1700000000000'", "timestamp_ms > 1700000000000"],
  ])("%s means %s", (text, canonical) => {
    expect(read(text)).toBe(canonical);
    const open = parseFilter(canonical);
    expect(open.ok && open.filter && printFilter(open.filter)).toBe(canonical);
  });

  test("says what it refuses", () => {
    const texts = [
      ...["status = 'OK' OR name = 'x'", "NOT status = 'OK'", "(status = 'OK')", "EXISTS tags.a", "span(name = 'a')"],
      ...["refund", "'refund'", "status", "status = OK", "status = 5", "tags.a = b", "tags.a = 5", "tags.a IN ('x')"],
      ...["timestamp > 5s", "execution_time > '5'", "timestamp > yesterday", "timestamp IN (5)", "name IN ('a')"],
      ...["text LIKE '%x%'", "trace.text = 'x'", "STATUS = 'OK'", "Tags.a = 'x'", "duration > 5", "statsu = 'OK'"],
      ...[
        "tag = 'x'",
        "foo.bar = 'x'",
        "span.model = 'x'",
        "span.attributes = 'x'",
        "issue.name = 'x'",
        "assessment.q = 'x'",
      ],
      ...[
        "prompt = 'a'",
        "prompt = 'a/b/c'",
        "feedback.q = 5",
        "feedback.q > '5'",
        "feedback.q = true",
        "feedback.q > 5k",
      ],
      ...[
        "status = 'OK' status = 'OK'",
        "status = 'OK' AND AND status = 'OK'",
        "AND status = 'OK'",
        "status ~ 'x'",
        "status =",
      ],
      ...["name RLIKE '(a'", "status IN ()", "status = 'OK' ; x", "name = 'x"],
    ];
    expect(texts.map((text) => `${text}\n    ${read(text)}`).join("\n")).toMatchInlineSnapshot(`
      "status = 'OK' OR name = 'x'
          OR is not part of MLflow's filter strings; POST /api/v1/traces/search takes it.
      NOT status = 'OK'
          NOT is not part of MLflow's filter strings; POST /api/v1/traces/search takes it.
      (status = 'OK')
          A bracket is not part of MLflow's filter strings; POST /api/v1/traces/search takes it.
      EXISTS tags.a
          EXISTS is not part of MLflow's filter strings; POST /api/v1/traces/search takes it.
      span(name = 'a')
          MLflow's filter strings have no key span.
      refund
          MLflow's filter strings have no key refund.
      'refund'
          A key was expected, not 'refund'.
      status
          On MLflow's API status is compared by =, !=, IN, NOT IN, LIKE, ILIKE or RLIKE, not by the end.
      status = OK
          status is compared with a text in quotes, not OK.
      status = 5
          status is compared with a text in quotes, not 5.
      tags.a = b
          tags.a is compared with a text in quotes, not b.
      tags.a = 5
          tags.a is compared with a text in quotes, not 5.
      tags.a IN ('x')
          On MLflow's API tags.a is compared by =, !=, LIKE, ILIKE, RLIKE, IS NULL or IS NOT NULL, not by IN.
      timestamp > 5s
          MLflow's filter strings have no units: write timestamp as a bare number.
      execution_time > '5'
          execution_time is compared with a number, not '5'.
      timestamp > yesterday
          timestamp is compared with a number, not yesterday.
      timestamp IN (5)
          On MLflow's API timestamp is compared by =, !=, <, <=, > or >=, not by IN.
      name IN ('a')
          On MLflow's API name is compared by =, !=, LIKE, ILIKE, RLIKE, IS NULL or IS NOT NULL, not by IN.
      text LIKE '%x%'
          MLflow's filter strings have no key text.
      trace.text = 'x'
          On MLflow's API trace.text is compared by LIKE or ILIKE, not by =.
      STATUS = 'OK'
          MLflow's filter strings have no key STATUS.
      Tags.a = 'x'
          MLflow's filter strings have no key Tags.a. Did you mean tags.a?
      duration > 5
          MLflow's filter strings have no key duration.
      statsu = 'OK'
          MLflow's filter strings have no key statsu. Did you mean status?
      tag = 'x'
          MLflow's filter strings have no key tag.
      foo.bar = 'x'
          MLflow's filter strings have no key foo.bar.
      span.model = 'x'
          MLflow's filter strings have no key span.model.
      span.attributes = 'x'
          MLflow's filter strings have no key span.attributes.
      issue.name = 'x'
          MLflow's filter strings have no key issue.name.
      assessment.q = 'x'
          MLflow's filter strings have no key assessment.q.
      prompt = 'a'
          A prompt is named by 'name/version', with one slash, not 'a'.
      prompt = 'a/b/c'
          A prompt is named by 'name/version', with one slash, not 'a/b/c'.
      feedback.q = 5
          feedback.q is compared with a text in quotes, not 5.
      feedback.q > '5'
          feedback.q is compared with a number, not '5'.
      feedback.q = true
          feedback.q is compared with a text in quotes, not true.
      feedback.q > 5k
          MLflow's filter strings have no units: write feedback.q as a bare number.
      status = 'OK' status = 'OK'
          AND or the end was expected, not status.
      status = 'OK' AND AND status = 'OK'
          A key was expected, not AND.
      AND status = 'OK'
          A key was expected, not AND.
      status ~ 'x'
          The character ~ has no meaning here.
      status =
          status is compared with a text in quotes, not the end.
      name RLIKE '(a'
          The pattern has an opening bracket that is not closed.
      status IN ()
          status is compared with a text in quotes, not ).
      status = 'OK' ; x
          The character ; has no meaning here.
      name = 'x
          The text that starts here has no closing '."
    `);
  });
});
