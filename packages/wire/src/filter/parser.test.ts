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
