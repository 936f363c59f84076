import { parseFilter } from "@sightline/wire/filter/parser";
import { expect, test } from "vitest";
import { compileFilter } from "./filter.ts";
import { and, join, param, raw, render, sql } from "./sql.ts";

test("values become parameters, in order", () => {
  const inner = sql`a = ${param("x'y", "String")}`;
  const query = sql`SELECT ${raw("b")} WHERE ${inner} AND c IN ${param([1, 2], "Array(Float64)")} LIMIT ${param(3n, "UInt64")}`;
  expect(render(query)).toEqual({
    text: "SELECT b WHERE a = {p0:String} AND c IN {p1:Array(Float64)} LIMIT {p2:UInt64}",
    parameters: { p0: "x'y", p1: [1, 2], p2: 3n },
  });
});

test("no conditions hold, no pieces are the empty piece", () => {
  expect(render(and([])).text).toBe("1");
  expect(render(join([], ", ")).text).toBe("");
  expect(render(and([raw("a"), raw("b OR c")])).text).toBe("(a) AND (b OR c)");
});

/** The SQL of a filter, as a person would read it. */
function compiled(text: string): string {
  const result = parseFilter(text);
  if (!result.ok || result.filter === undefined) throw new Error(`${text} is no filter`);
  const { text: where, parameters } = render(
    compileFilter(result.filter, { table: (name) => raw(name), experimentIds: ["7"] }),
  );
  return `${where}\n-- ${JSON.stringify(parameters, (_, value) => (typeof value === "bigint" ? String(value) : value))}`;
}

test("a filter becomes a condition with bound values", () => {
  expect(compiled("status = 'ERROR' AND (duration > 2s OR NOT session = 's')")).toMatchInlineSnapshot(`
    "(state = {p0:String}) AND ((duration_us / 1000 > {p1:Float64}) OR (NOT (session_id != '' AND session_id = {p2:String})))
    -- {"p0":"ERROR","p1":2000,"p2":"s"}"
  `);
  expect(
    compiled("start >= '2026-11-24T00:00:00.5Z' AND start < 1795508709717.5 AND start = 5"),
  ).toMatchInlineSnapshot(`
    "(start_time >= fromUnixTimestamp64Micro({p0:Int64}, 'UTC')) AND (start_time < fromUnixTimestamp64Micro({p1:Int64}, 'UTC')) AND (intDiv(toUnixTimestamp64Micro(start_time), 1000) = {p2:Float64})
    -- {"p0":"1795478400500000","p1":"1795508709718000","p2":5}"
  `);
  expect(compiled("tags.env IN ('prod', 'dev')")).toMatchInlineSnapshot(`
    "(trace_id IN (SELECT trace_id FROM trace_tags FINAL WHERE (experiment_id = {p0:String}) AND (key = {p1:String}) AND (removed = 0) AND (value IN {p2:Array(String)}))) OR ((mapContains(tags, {p3:String})) AND (tags[{p4:String}] IN {p5:Array(String)}) AND trace_id NOT IN (SELECT trace_id FROM trace_tags FINAL WHERE (experiment_id = {p6:String}) AND (key = {p7:String})))
    -- {"p0":"7","p1":"env","p2":["prod","dev"],"p3":"env","p4":"env","p5":["prod","dev"],"p6":"7","p7":"env"}"
  `);
  expect(compiled("metadata.v LIKE '50\\% \\' AND cost != 1")).toMatchInlineSnapshot(`
    "((trace_id IN (SELECT trace_id FROM trace_metadata FINAL WHERE (experiment_id = {p0:String}) AND (key = {p1:String}) AND (removed = 0) AND (value LIKE {p2:String}))) OR ((mapContains(metadata, {p3:String})) AND (metadata[{p4:String}] LIKE {p5:String}) AND trace_id NOT IN (SELECT trace_id FROM trace_metadata FINAL WHERE (experiment_id = {p6:String}) AND (key = {p7:String})))) AND (cost_usd IS NOT NULL AND cost_usd != {p8:Float64})
    -- {"p0":"7","p1":"v","p2":"50\\\\% \\\\\\\\","p3":"v","p4":"v","p5":"50\\\\% \\\\\\\\","p6":"7","p7":"v","p8":1}"
  `);
});

test("sub-queries on spans are bound to the experiments and times that are asked for", () => {
  const result = parseFilter("span(type = 'TOOL' AND NOT status = 'OK')");
  if (!result.ok || result.filter === undefined) throw new Error("no filter");
  const scope = {
    table: (name: string) => raw(name),
    experimentIds: ["7"],
    from: 7_200_000_000_000n,
    to: 9_000_000_000_000n,
  };
  expect(render(compileFilter(result.filter, scope)).text).toMatchInlineSnapshot(
    `"trace_id IN ((SELECT trace_id FROM spans FINAL WHERE (experiment_id = {p0:String}) AND (start_time >= fromUnixTimestamp64Micro({p1:Int64}, 'UTC')) AND (start_time <= (SELECT max(addMicroseconds(start_time, duration_us)) + toIntervalHour(1) FROM traces WHERE (experiment_id = {p2:String}) AND (start_time >= fromUnixTimestamp64Micro({p3:Int64}, 'UTC')) AND (start_time < fromUnixTimestamp64Micro({p4:Int64}, 'UTC')))) AND ((span_type != '' AND span_type = {p5:String}) AND (NOT (status_code = {p6:String})))))"`,
  );
});

test("times and experiments in the filter itself bound its sub-queries too", () => {
  const where = compiled("refunds AND start >= 7200.5 AND start < 9000 AND experiment IN ('7', '8')");
  const [, spans = ""] = /FROM spans FINAL WHERE (.*)/s.exec(where) ?? [];
  expect(spans).toMatch(/^\(experiment_id = \{p0:String\}\) AND \(start_time >= .* AND \(start_time <= \(SELECT max/);
  expect(compiled("refunds OR start >= 7200")).not.toMatch(/FROM spans FINAL WHERE .*start_time >= .*FROM/s);
});

test("a filter that is too large for a query is refused before it is sent", () => {
  const value = Array.from({ length: 2500 }, (_, index) => `'${"日".repeat(30)}${index}'`);
  const result = parseFilter(`tags.a IN (${value.join(",")})`);
  if (!result.ok || result.filter === undefined) throw new Error("no filter");
  const { filter } = result;
  expect(() => compileFilter(filter, { table: (name) => raw(name) })).toThrow(/takes \d+ bytes as a query/);
});
