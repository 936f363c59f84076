import { describe, expect, test } from "vitest";
import type { Filter } from "./ast.ts";
import { MAX_FILTER_COMPARISONS, MAX_FILTER_DEPTH, MAX_FILTER_LENGTH, parseFilter } from "./parser.ts";
import { printFilter } from "./print.ts";

function parsed(text: string): Filter | undefined {
  const result = parseFilter(text);
  if (!result.ok) throw new Error(`${text}: ${result.error.message}`);
  return result.filter;
}

/** The message with the place underlined, as a filter bar shows it. */
function refused(text: string): string {
  const result = parseFilter(text);
  if (result.ok) throw new Error(`${text} was understood`);
  const { message, position, length } = result.error;
  return `\n${text}\n${" ".repeat(position)}${"^".repeat(Math.max(1, length))} ${message}`;
}

describe("parseFilter", () => {
  test("blank text matches everything", () => {
    expect(parsed("")).toBeUndefined();
    expect(parsed(" \n\t ")).toBeUndefined();
  });

  test("reads a comparison", () => {
    expect(parsed("name = 'chat'")).toEqual({
      kind: "comparison",
      left: { field: "name" },
      operator: "=",
      value: "chat",
    });
  });

  test.each([
    ["status = 'error'", "status = 'ERROR'"],
    ["STATE IN (ok, In_Progress)", "status IN ('OK', 'IN_PROGRESS')"],
    ["trace.status != 'OK'", "status != 'OK'"],
    ["attributes.status = 'OK'", "status = 'OK'"],
    ["attributes.`status` = 'OK'", "status = 'OK'"],
    ["trace.name like 'a%'", "name LIKE 'a%'"],
    ['tag.env = "it\'s"', "tags.env = 'it''s'"],
    ["tags.app.version = '1'", "tags.app.version = '1'"],
    ["tags.my-key = '1'", "tags.`my-key` = '1'"],
    ["tags.`a ``b``` = '1'", "tags.`a ``b``` = '1'"],
    ["tags.\"my key\" = '1'", "tags.`my key` = '1'"],
    ["trace.tag.env = 'x'", "tags.env = 'x'"],
    ["metadata.`mlflow.trace.user` ilike '%A%'", "metadata.mlflow.trace.user ILIKE '%A%'"],
    ["request_metadata.k = ''", "metadata.k = ''"],
    ["timestamp > 1700000000000", "timestamp_ms > 1700000000000"],
    ["start >= '2026-11-24T08:25:09.717Z'", "timestamp_ms >= 1795508709717"],
    ["timestamp_ms < '1700000000000'", "timestamp_ms < 1700000000000"],
    ["duration>2s", "execution_time_ms > 2000"],
    ["duration > 1.001s", "execution_time_ms > 1001"],
    ["execution_time_ms <= 250ms", "execution_time_ms <= 250"],
    ["duration < 2m", "execution_time_ms < 120000"],
    ["duration < 1.5h", "execution_time_ms < 5400000"],
    ["tokens > 10k", "tokens.total > 10000"],
    ["cost >= 1e-3", "cost >= 0.001"],
    ["cost > -0", "cost > 0"],
    ["id in ('a','b')", "trace_id IN ('a', 'b')"],
    ["user not in ('a')", "user NOT IN ('a')"],
    ["not name = 'a' and name = 'b' or name = 'c'", "(NOT name = 'a' AND name = 'b') OR name = 'c'"],
    ["name = 'a' AND (name = 'b' OR NOT (name = 'c' AND name = 'd'))", undefined],
    ["NOT NOT name = 'a'", undefined],
  ])("%s", (text, canonical) => {
    const filter = parsed(text);
    expect(filter && printFilter(filter)).toBe(canonical ?? text);
  });

  test("says what is wrong and where", () => {
    const texts = [
      "statsu = 'OK'",
      "name = 'a' AND",
      "name = 'a' name = 'b'",
      "name < 'a'",
      "name = chat",
      "tags.version = 3",
      "tags = 'x'",
      "status = 'FAILED'",
      "duration > 2 parsecs",
      "duration > 2d",
      "duration > '2s'",
      "start > 'yesterday'",
      "start > 5s",
      "name IN 'a'",
      "name IN ('a' 'b')",
      "name IN ()",
      "(name = 'a'",
      "name = 'a",
      "name = 'a' ; DROP TABLE traces",
      "= 3",
      "x = 3",
      "cost > 1e999",
      "name NOT LIKE 'a'",
    ];
    expect(texts.map(refused).join("\n")).toMatchInlineSnapshot(`
      "
      statsu = 'OK'
      ^^^^^^ There is no field statsu. Did you mean status?

      name = 'a' AND
                    ^ A field was expected, not the end.

      name = 'a' name = 'b'
                 ^^^^ AND, OR or the end was expected, not name.

      name < 'a'
           ^ After name comes =, !=, IN, NOT IN, LIKE, ILIKE, RLIKE, IS NULL or IS NOT NULL, not <.

      name = chat
             ^^^^ name is compared with a text in quotes, not chat. Write 'chat'.

      tags.version = 3
                     ^ tags.version is compared with a text in quotes, not 3. Write '3'.

      tags = 'x'
      ^^^^ tags needs a key: tags.env, for example.

      status = 'FAILED'
               ^^^^^^^^ status is OK, ERROR or IN_PROGRESS, not 'FAILED'.

      duration > 2 parsecs
                   ^^^^^^^ AND, OR or the end was expected, not parsecs.

      duration > 2d
                 ^^ duration has no unit "d". Its units: ms, s, m, h.

      duration > '2s'
                 ^^^^ duration is compared with a number, not '2s'.

      start > 'yesterday'
              ^^^^^^^^^^^ start is compared with a time such as '2026-11-24T08:00:00Z' or a number of milliseconds, not 'yesterday'.

      start > 5s
              ^^ start has no unit "s". It takes no unit.

      name IN 'a'
              ^^^ IN takes a list in brackets, not 'a'.

      name IN ('a' 'b')
                   ^^^ A comma or a closing bracket was expected, not 'b'.

      name IN ()
               ^ name is compared with a text in quotes, not ).

      (name = 'a'
                 ^ A closing bracket was expected, not the end.

      name = 'a
             ^^ The text that starts here has no closing '.

      name = 'a' ; DROP TABLE traces
                 ^ The character ; has no meaning here.

      = 3
      ^ A field was expected, not =.

      x = 3
      ^ There is no field x.

      cost > 1e999
             ^^^^^ The number 1e999 is too large.

      name NOT LIKE 'a'
           ^^^ After name comes =, !=, IN, NOT IN, LIKE, ILIKE, RLIKE, IS NULL or IS NOT NULL, not NOT."
    `);
  });

  test.each([
    ["refund", "'refund'"],
    ["refund order", "'refund' AND 'order'"],
    ["refund order status = 'OK'", "'refund' AND 'order' AND status = 'OK'"],
    ['refund OR "it\'s late" 404', "'refund' OR ('it''s late' AND '404')"],
    ["NOT refund", "NOT 'refund'"],
    ["(退款 OR 환불) AND हिन्दी 💡", "('退款' OR '환불') AND 'हिन्दी' AND '💡'"],
    ["error in production", "'error' AND 'in' AND 'production'"],
    ["user is angry", "'user' AND 'is' AND 'angry'"],
    ["what is this like", "'what' AND 'is' AND 'this' AND 'like'"],
    ["file exists user@example.com https://x.dev/a-b", undefined],
    ["tags.a IS NULL", "tags.a IS NULL"],
    ["tags.a is not null", "tags.a IS NOT NULL"],
    ["EXISTS tags.a", "tags.a IS NOT NULL"],
    ["tags.a EXISTS AND NOT exists cost", "tags.a IS NOT NULL AND NOT cost IS NOT NULL"],
    ["input rlike '^a+$'", "input RLIKE '^a+$'"],
    ["feedback.ok = true AND feedback.score > 0.5", "feedback.ok = 'true' AND feedback.score > 0.5"],
    ["feedback.`my score` IN (1, 2.5)", "feedback.`my score` IN (1, 2.5)"],
    ["expectation.lang = 'de'", "expectation.lang = 'de'"],
    ["issue = 'iss-1' OR run_id = 'r'", "issue.id = 'iss-1' OR run = 'r'"],
    ["prompt = 'greet/1'", "prompt = 'greet/1'"],
    ["text ILIKE '%x%'", "text ILIKE '%x%'"],
    ["span(kind = 'TOOL' AND (name = 'a' OR NOT attributes.k EXISTS))", undefined],
    ["span.name = 'a'", "span(name = 'a')"],
    ["span.name = 'a' AND cost > 1 AND span.type = 'LLM'", "span(name = 'a' AND type = 'LLM') AND cost > 1"],
    ["span.name = 'a' OR span.type = 'LLM'", "span(name = 'a') OR span(type = 'LLM')"],
    ["NOT span.name = 'a' AND span.type = 'LLM'", "NOT span(name = 'a') AND span(type = 'LLM')"],
    ["span(name = 'a') AND span.type = 'LLM'", "span(name = 'a') AND span(type = 'LLM')"],
    ["(span.name = 'a' AND span.type = 'LLM')", "span(name = 'a' AND type = 'LLM')"],
    ["attributes.k = 'v' AND span.name = 'a'", "span(attributes.k = 'v') AND span(name = 'a')"],
    ["span(span.name = 'a' AND refund)", "span(name = 'a' AND 'refund')"],
  ])("%s is read", (text, canonical) => {
    const filter = parsed(text);
    if (filter === undefined) throw new Error("blank");
    const printed = printFilter(filter);
    if (canonical !== undefined) expect(printed).toBe(canonical);
    expect(parsed(printed)).toEqual(filter);
  });

  test("says what is wrong with spans, free text and operators", () => {
    const texts = [
      "span(span(name = 'a'))",
      "span(tags.env = 'a')",
      "span(nmae = 'a')",
      "span.nmae = 'a'",
      "span(name = 'a'",
      "''",
      "refund '' late",
      "status 'OK'",
      "name lik 'a'",
      "tags.env",
      "tgas.env = 'a'",
      "status = 'EROR'",
      "input RLIKE '(a'",
      "prompt = 'greet'",
      "feedback.q > 'a'",
      "feedback.q IN (1, 'a')",
      "feedback = 1",
      "name IS 'a'",
      "status = 'OK' refund",
      "refund AND",
      "refund NOT late",
    ];
    expect(texts.map(refused).join("\n")).toMatchInlineSnapshot(`
      "
      span(span(name = 'a'))
           ^^^^ span(…) inside span(…) has no meaning: a condition is on one span.

      span(tags.env = 'a')
           ^^^^^^^^ A span has no field tags.env. It is a field of the trace: write it outside of span(…).

      span(nmae = 'a')
           ^^^^ A span has no field nmae. Did you mean name?

      span.nmae = 'a'
      ^^^^^^^^^ There is no field span.nmae. Did you mean span.name?

      span(name = 'a'
                     ^ A closing bracket was expected, not the end.

      ''
      ^^ The text to search for is empty.

      refund '' late
             ^^ The text to search for is empty.

      status 'OK'
             ^^^^ After status comes =, !=, IN, NOT IN, LIKE, ILIKE, RLIKE, IS NULL or IS NOT NULL, not 'OK'.

      name lik 'a'
           ^^^ After name comes =, !=, IN, NOT IN, LIKE, ILIKE, RLIKE, IS NULL or IS NOT NULL, not lik.

      tags.env
              ^ After tags.env comes =, !=, IN, NOT IN, LIKE, ILIKE, RLIKE, IS NULL or IS NOT NULL, not the end.

      tgas.env = 'a'
      ^^^^^^^^ There is no field tgas.env. Did you mean tags.env?

      status = 'EROR'
               ^^^^^^ status is OK, ERROR or IN_PROGRESS, not 'EROR'.

      input RLIKE '(a'
                  ^^^^ The pattern has an opening bracket that is not closed.

      prompt = 'greet'
               ^^^^^^^ A prompt is named by 'name/version', with one slash, not 'greet'.

      feedback.q > 'a'
                   ^^^ feedback.q is compared with a number, not 'a'.

      feedback.q IN (1, 'a')
                        ^^^ The list holds numbers and texts; 'a' is of the other kind.

      feedback = 1
      ^^^^^^^^ feedback needs a key: feedback.env, for example.

      name IS 'a'
           ^^ After name comes =, !=, IN, NOT IN, LIKE, ILIKE, RLIKE, IS NULL or IS NOT NULL, not IS.

      status = 'OK' refund
                    ^^^^^^ AND, OR or the end was expected, not refund.

      refund AND
                ^ A field was expected, not the end.

      refund NOT late
             ^^^ AND, OR or the end was expected, not NOT."
    `);
  });

  test("what is misspelt comes with the nearest word", () => {
    const suggestions = ["nmae = 'a'", "name lik 'a'", "status = 'EROR'", "span(typ = 'a')", "tgas.env = 'a'"].map(
      (text) => {
        const result = parseFilter(text);
        return result.ok ? undefined : result.error.suggestion;
      },
    );
    expect(suggestions).toEqual(["name", "LIKE", "'ERROR'", "type", "tags.env"]);
  });

  test("a misspelt field comes with the nearest one", () => {
    const result = parseFilter("statsu = 'OK'");
    expect(result).toMatchObject({ ok: false, error: { suggestion: "status" } });
    expect(result.ok ? [] : result.error.expected).toContain("status");
  });

  test("bounds length, nesting and number of comparisons", () => {
    expect(refused(`name = '${"x".repeat(MAX_FILTER_LENGTH)}'`)).toContain("characters");
    expect(parsed(`${"(".repeat(MAX_FILTER_DEPTH)}name = 'a'${")".repeat(MAX_FILTER_DEPTH)}`)).toBeDefined();
    expect(refused(`${"(".repeat(MAX_FILTER_DEPTH + 1)}name = 'a'`)).toContain("deep");
    expect(refused("NOT ".repeat(20_000))).toContain("deep");
    const many = (count: number) => Array.from({ length: count }, () => "cost > 1").join(" OR ");
    expect(parsed(many(MAX_FILTER_COMPARISONS))).toBeDefined();
    expect(refused(many(MAX_FILTER_COMPARISONS + 1))).toContain("use IN");
  });
});
