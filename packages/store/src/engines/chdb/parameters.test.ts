import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClickHouseClient, TupleParam } from "@clickhouse/client";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectClickHouse } from "../clickhouse.ts";
import { bindParameters, parameterLiteral, unescapeTsv } from "./parameters.ts";
import { tokens } from "./sql-text.ts";
import { readStatement } from "./statement.ts";
import { type EmbeddedClickHouse, startChdb } from "./supervisor.ts";

const types = [
  "String",
  "Int64",
  "UInt64",
  "Float64",
  "Bool",
  "DateTime",
  "DateTime64(6)",
  "DateTime64(9, 'UTC')",
  "Nullable(String)",
  "LowCardinality(String)",
  "LowCardinality(Nullable(String))",
  "Array(String)",
  "Array(Int64)",
  "Array(Array(String))",
  "Tuple(String, Int64)",
  "Map(String, String)",
  "Map(String, Array(String))",
  "Identifier",
];

/** Texts that would mean something in SQL, in a literal or in TabSeparated, and any others. */
const hardText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }).map((text) => text.toWellFormed()),
  fc
    .array(
      fc.constantFrom(
        "'",
        '"',
        "`",
        "\\",
        "\\'",
        "''",
        ";",
        "--",
        "/*",
        "*/",
        "\n",
        "\t",
        "\r",
        "\0",
        "\\N",
        "{x:String}",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ",",
        ":",
        "$$",
        "\u2018",
        "\u2019",
        "%",
        "1 OR 1=1",
        "NULL",
        "é",
        "漢",
        "😀",
        "a",
      ),
      { maxLength: 12 },
    )
    .map((pieces) => pieces.join("")),
);

describe("the text of a parameter", () => {
  test("is a name, or literals in fixed places, whatever the value is", () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...types), hardText), hardText, (type, value) => {
        const literal = parameterLiteral(type, value);
        if (literal === undefined) return;
        const found = [...tokens(literal)];
        const outline = found
          .map((token) => (token.kind === "string" ? "'…'" : token.kind === "quoted" ? "`…`" : token.text))
          .join("");
        // Nothing else is in the text: no comment, and no blank but the one after a comma.
        expect(literal.replaceAll(", ", ",").length).toBeLessThanOrEqual(
          found.reduce((sum, token) => sum + token.text.length, 0),
        );
        expect([
          "'…'",
          "`…`",
          "_CAST('…','…')",
          "_CAST(NULL,'…')",
          "_CAST(mapFromArrays(_CAST('…','…'),_CAST('…','…')),'…')",
        ]).toContain(outline);
      }),
      { numRuns: 5000 },
    );
  });

  test("undoes TabSeparated escapes", () => {
    expect(unescapeTsv(String.raw`a\tb\nc\\d\'e\0f\x41g\q`)).toBe("a\tb\nc\\d'e\0fAgq");
  });

  test("stands only where the statement has parameters outside of strings and comments", () => {
    const values = new Map([["x", "it's"]]);
    const sql = "SELECT {x:String}, '{x:String}', `{x:String}` -- {x:String}";
    expect(bindParameters(readStatement(sql), values)).toEqual({
      ok: true,
      sql: String.raw`SELECT 'it\'s', '{x:String}', ${"`{x:String}`"} -- {x:String}`,
    });
    expect(bindParameters(readStatement("SELECT {y:String}"), values)).toMatchObject({
      ok: false,
      reason: "missing",
      name: "y",
    });
  });
});

describe("with the engine", () => {
  let directory: string;
  let engine: EmbeddedClickHouse;
  let client: ClickHouseClient;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "chdb-parameters-"));
    engine = await startChdb({ dataDir: directory });
    client = connectClickHouse(engine.url);
  });

  afterAll(async () => {
    await client?.close();
    await engine?.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function one<T>(query: string, parameters: Record<string, unknown>): Promise<T> {
    const result = await client.query({ query, query_params: parameters, format: "JSONEachRow" });
    const [row] = await result.json<T>();
    return row as T;
  }

  const scalars = fc.record({
    s: hardText,
    a: fc.array(hardText, { maxLength: 5 }),
    aa: fc.array(fc.array(hardText, { maxLength: 3 }), { maxLength: 3 }),
    n: fc.option(hardText),
    lc: hardText,
    m: fc.dictionary(hardText, hardText, { maxKeys: 4 }),
    ma: fc.dictionary(hardText, fc.array(hardText, { maxLength: 3 }), { maxKeys: 3 }),
    t: hardText,
    i: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    u: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    is: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { maxLength: 5 }),
    f: fc.double({ noNaN: true, noDefaultInfinity: true }),
    b: fc.boolean(),
    d: fc.date({ min: new Date("1970-01-02"), max: new Date("2100-01-01"), noInvalidDate: true }),
  });

  test("values come back as they were sent", async () => {
    const query = `SELECT {s:String} AS s, {a:Array(String)} AS a, {aa:Array(Array(String))} AS aa, {n:Nullable(String)} AS n,
      {lc:LowCardinality(String)} AS lc, {m:Map(String, String)} AS m, {ma:Map(String, Array(String))} AS ma,
      {t:Tuple(String, Int64)} AS t, toString({i:Int64}) AS i, toString({u:UInt64}) AS u, arrayMap(x -> toString(x), {is:Array(Int64)}) AS is,
      {f:Float64} AS f, {b:Bool} AS b, toUnixTimestamp64Milli({d:DateTime64(6, 'UTC')}) AS d`;
    await fc.assert(
      fc.asyncProperty(scalars, async (sent) => {
        const got = await one<Record<string, unknown>>(query, {
          ...sent,
          m: new Map(Object.entries(sent.m)),
          ma: new Map(Object.entries(sent.ma)),
          t: new TupleParam([sent.t, 7]),
        });
        expect(got).toEqual({
          ...sent,
          t: [sent.t, 7],
          i: String(sent.i),
          u: String(sent.u),
          is: sent.is.map(String),
          // The client writes -0 as 0.
          f: sent.f + 0,
          d: sent.d.getTime(),
        });
      }),
      { numRuns: 150 },
    );
  });

  test("a raw value, escaped by nobody, gives its column or an error and nothing else", async () => {
    const url = new URL(engine.url);
    const authorization = `Basic ${Buffer.from(`default:${url.password}`).toString("base64")}`;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...types.filter((type) => type !== "Identifier")),
        hardText,
        async (type, value) => {
          const answer = await fetch(`http://${url.host}/?param_x=${encodeURIComponent(value)}`, {
            method: "POST",
            headers: { authorization },
            body: `SELECT {x:${type}} AS x, 42 AS guard FORMAT JSONEachRow`,
          });
          const body = await answer.text();
          if (answer.ok) expect(Object.keys(JSON.parse(body))).toEqual(["x", "guard"]);
          else expect(body).toMatch(/^Code: \d+\. DB::Exception: /);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("names can be parameters", async () => {
    const name = "odd`name\\'; --";
    expect(await one(`SELECT 1 AS {name:Identifier}`, { name })).toEqual({ [name]: 1 });
  });

  test("types that only the engine binds still work: a map in a map", async () => {
    const nested = new Map([["a", new Map([["b", 1]])]]);
    expect(await one("SELECT {m:Map(String, Map(String, Int64))} AS m", { m: nested })).toEqual({ m: { a: { b: 1 } } });
  });

  test("20,000 ids are one parameter", async () => {
    const ids = Array.from({ length: 20_000 }, (_, n) => n.toString(16).padStart(32, "0"));
    expect(
      await one("SELECT length({ids:Array(String)}) AS n, has({ids:Array(String)}, {last:String}) AS h", {
        ids,
        last: ids.at(-1),
      }),
    ).toEqual({ n: 20_000, h: 1 });
  });

  test("a missing parameter and a value of another type are errors with ClickHouse's codes", async () => {
    await expect(one("SELECT {x:String}", {})).rejects.toMatchObject({ code: "456", type: "UNKNOWN_QUERY_PARAMETER" });
    await expect(one("SELECT {x:Int64}", { x: "12abc" })).rejects.toMatchObject({ type: "CANNOT_PARSE_TEXT" });
  });

  test("the lexer and the engine agree on where strings and comments end", async () => {
    const whole = [
      ["'a;b'", "a;b"],
      [String.raw`'a\';b'`, "a';b"],
      ["'a'';b'", "a';b"],
      ["`a;b` FROM (SELECT 'x' AS `a;b`)", "x"],
      ['"a;b" FROM (SELECT \'x\' AS "a;b")', "x"],
      ["'x' -- ; y", "x"],
      ["'x' # ; y", "x"],
      ["'x' #! ; y", "x"],
      ["/* ; /* ' */ ; */ 'x'", "x"],
      ["$$a;'b$$", "a;'b"],
      ["$x$a;$$b$x$", "a;$$b"],
      ["\u2018a;'b\u2019", "a;'b"],
    ] as const;
    for (const [text, value] of whole) {
      expect(Object.values(await one<object>(`SELECT ${text}\n`, {}))).toEqual([value]);
      await expect(client.command({ query: `SELECT ${text}\n; SELECT 2` })).rejects.toThrow("Multi-statements");
    }
  });
});
