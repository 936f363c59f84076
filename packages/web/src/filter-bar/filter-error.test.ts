import { SightlineError } from "@sightline/wire/errors";
import { parseFilter } from "@sightline/wire/filter/parser";
import { expect, test } from "vitest";
import { applySuggestion, checkFilter, filterProblem, markProblem } from "./filter-error.ts";

/** The error that the server makes of a wrong filter. */
function refused(text: string): SightlineError {
  const result = parseFilter(text);
  if (result.ok) throw new Error(`${text} is a good filter`);
  const { message, ...details } = result.error;
  return new SightlineError("BAD_FILTER", message, { details });
}

test("the wrong field is marked and the nearest one offered", () => {
  const text = "staus = 'ERROR'";
  const problem = filterProblem(refused(text));
  expect(problem?.message).toBe("There is no field staus. Did you mean status?");
  expect(problem && markProblem(text, problem)).toEqual(["", "staus", " = 'ERROR'"]);
  expect(problem && applySuggestion(text, problem)).toBe(text.replace("staus", "status"));
});

test("what is missing at the end is marked behind the text", () => {
  const problem = filterProblem(refused("status ="));
  expect(problem && markProblem("status =", problem)).toEqual(["status =", " ", ""]);
});

test("details that do not fit the text mark nothing outside of it", () => {
  expect(markProblem("ab", { message: "", position: 7, length: 9 })).toEqual(["ab", " ", ""]);
  expect(markProblem("ab", { message: "", position: -1, length: 9 })).toEqual(["", "ab", ""]);
});

test("other errors are not about the filter", () => {
  expect(filterProblem(new SightlineError("STORE_UNAVAILABLE", "x"))).toBeUndefined();
  expect(filterProblem(new Error("x"))).toBeUndefined();
});

test("the check in the browser says what the server would say", () => {
  for (const text of ["staus = 'ERROR'", "status =", "(a", "name = 'x"]) {
    expect(checkFilter(text)).toMatchObject({ ...filterProblem(refused(text)) });
  }
  expect(checkFilter("status = 'ERROR'")).toBeUndefined();
});
