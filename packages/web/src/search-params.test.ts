import { expect, test } from "vitest";
import * as z from "zod/mini";
import { parseQuery, readSearch, writeQuery } from "./search-params.ts";

test("a filter survives the way into the URL and back, and can be read there", () => {
  const q = "status = 'ERROR' AND tags.env IN ('a&b', '100%', '我的') AND name LIKE 'a+b?#%'";
  const text = writeQuery({ q, from: "2026-11-24T08:00:00+01:00" });
  expect(text).toContain("q=status+%3D+'ERROR'+AND+tags.env+IN+('a%26b',+'100%25',");
  expect(text).toContain("&from=2026-11-24T08:00:00%2B01:00");
  expect(parseQuery(text)).toEqual({ q, from: "2026-11-24T08:00:00+01:00" });
});

test("what is undefined or not text is left out", () => {
  expect(writeQuery({ a: undefined, b: 3 })).toBe("");
  expect(writeQuery({ a: "", b: "x" })).toBe("?a=&b=x");
});

test("half a character does not break the link", () => {
  expect(writeQuery({ q: "\ud83d" })).toBe("?q=%EF%BF%BD");
});

test("values that do not fit are named and stand at their default", () => {
  const shape = { sort: z._default(z.enum(["-time", "time"]), "-time"), q: z._default(z.string(), "") };
  expect(readSearch(shape, { sort: "sideways", q: "a", other: "kept elsewhere" })).toEqual({
    values: { sort: "-time", q: "a" },
    invalid: ["sort"],
  });
});
