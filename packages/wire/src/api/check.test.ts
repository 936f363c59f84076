import { expect, test } from "vitest";
import * as z from "zod/mini";
import { check } from "./check.ts";

const schema = z.strictObject({
  count: z._default(z.int().check(z.maximum(10)), 5),
  names: z.optional(z.array(z.string())),
});

test("a good value comes with its defaults", () => {
  expect(check(schema, { names: ["a"] })).toEqual({ ok: true, value: { count: 5, names: ["a"] } });
});

test("what is wrong is said with its place", () => {
  const problems = [{ count: 11 }, { count: "1" }, { names: ["a", 1] }, { other: 1 }, null].map((value) =>
    check(schema, value),
  );
  expect(problems.map((result) => (result.ok ? "good" : result.problems[0]))).toMatchInlineSnapshot(`
    [
      {
        "message": "Too big: expected number to be <=10",
        "path": "count",
      },
      {
        "message": "Invalid input: expected number, received string",
        "path": "count",
      },
      {
        "message": "Invalid input: expected string, received number",
        "path": "names.1",
      },
      {
        "message": "Unrecognized key: "other"",
        "path": "",
      },
      {
        "message": "Invalid input: expected object, received null",
        "path": "",
      },
    ]
  `);
});
