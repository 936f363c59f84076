import { describe, expect, test } from "vitest";
import { maxStatementChars, readStatement } from "./statement.ts";

describe("a statement's kind", () => {
  test.each([
    ["SELECT 1", "read"],
    ["  -- why\n (SELECT 1) UNION ALL (SELECT 2)", "read"],
    ["WITH x AS (SELECT 1) SELECT * FROM x", "read"],
    ["show tables", "read"],
    ["EXPLAIN AST SELECT 1", "read"],
    ["INSERT INTO t VALUES (1)", "insert"],
    ["INSERT INTO t FORMAT Values (1)", "insert"],
    ["INSERT INTO t SELECT 1", "insert"],
    ["INSERT INTO t SELECT 1 FORMAT JSON", "insert"],
    ["insert into t format JSONEachRow", "insertData"],
    ['INSERT INTO t FORMAT JSONEachRow {"a":1}; DROP TABLE t', "insertData"],
    ["CREATE TABLE t (a Int64)", "write"],
    ["SET max_threads = 1", "write"],
    ["/* SELECT */ DROP TABLE t", "write"],
    ["", "write"],
  ])("%s", (sql, kind) => {
    expect(readStatement(sql).kind).toBe(kind);
  });
});

describe("the head of an INSERT with data", () => {
  test.each([
    ["INSERT INTO t FORMAT JSONEachRow", { table: "t", columns: undefined, format: "JSONEachRow" }],
    ["INSERT INTO app.t (a, b) FORMAT CSV", { table: "app.t", columns: ["a", "b"], format: "CSV" }],
    ['INSERT INTO TABLE `app`."t" (`a`)\nFORMAT TSV', { table: "app.t", columns: ["a"], format: "TSV" }],
    ["INSERT t FORMAT Native", { table: "t", columns: undefined, format: "Native" }],
    ["INSERT INTO `odd name` FORMAT JSONEachRow", undefined],
    ["INSERT INTO t (* EXCEPT(a)) FORMAT JSONEachRow", undefined],
    ["INSERT INTO t SETTINGS async_insert = 1 FORMAT JSONEachRow", undefined],
    ["INSERT INTO FUNCTION file('x') FORMAT JSONEachRow", undefined],
  ])("%s", (sql, head) => {
    const statement = readStatement(sql);
    expect(statement.kind).toBe("insertData");
    expect(statement.insert).toEqual(head);
    expect(sql.slice(statement.dataStart)).toBe("");
  });

  test("ends where the rows begin", () => {
    const sql = 'INSERT INTO t FORMAT JSONEachRow\n{"a":"; FORMAT"}';
    expect(sql.slice(readStatement(sql).dataStart)).toBe('\n{"a":"; FORMAT"}');
  });
});

describe("the format of an answer", () => {
  test.each([
    ["SELECT 1 FORMAT CSV", "CSV"],
    ["SELECT 1 format JSONEachRow SETTINGS max_threads = 1", "JSONEachRow"],
    ["SELECT 1 FORMAT JSON; -- end", "JSON"],
    ["SELECT format FROM t", undefined],
    ["SELECT * FROM (SELECT 1 FORMAT CSV)", undefined],
    ["SELECT 'FORMAT CSV'", undefined],
  ])("%s", (sql, format) => {
    expect(readStatement(sql).format).toBe(format);
  });
});

describe("refusals", () => {
  test("a statement longer than the engine takes; rows that follow it may be longer", () => {
    const long = "x".repeat(maxStatementChars);
    expect(readStatement(`SELECT '${long}'`).isTooLong).toBe(true);
    expect(readStatement(`INSERT INTO t VALUES ('${long}')`).isTooLong).toBe(true);
    expect(readStatement(`INSERT INTO t FORMAT JSONEachRow {"a":"${long}"}`).isTooLong).toBe(false);
  });

  test.each([
    ["SELECT 1;", false],
    ["SELECT 1; -- x\n; /* y */", false],
    ["SELECT ';'", false],
    ["SELECT 1; SELECT 2", true],
    ["SELECT 1;SELECT", true],
    ["INSERT INTO t VALUES (';'); DROP TABLE t", true],
    ["INSERT INTO t FORMAT Values (';'); DROP TABLE t", true],
    ['INSERT INTO t FORMAT JSONEachRow {"a":1}; DROP TABLE t', false],
  ])("second statement in %s: %s", (sql, second) => {
    expect(readStatement(sql).hasSecondStatement).toBe(second);
  });

  test.each([
    ["SELECT 1 INTO OUTFILE 'x'", true],
    ["INSERT INTO t FROM INFILE 'x' FORMAT CSV", true],
    ["SELECT outfile FROM t", false],
  ])("files in %s: %s", (sql, uses) => {
    expect(readStatement(sql).usesFile).toBe(uses);
  });
});
