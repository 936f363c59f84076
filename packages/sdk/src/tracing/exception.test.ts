import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { describeException } from "./exception.ts";

test("an error is told by its class, its message and the stacks of its causes", () => {
  class RateLimitError extends Error {}
  const cause = new TypeError("socket closed");
  const error = new RateLimitError("slow down", { cause });
  expect(describeException(error)).toEqual({
    type: "RateLimitError",
    message: "slow down",
    stacktrace: `${error.stack}\nCaused by: ${cause.stack}`,
  });
});

test("a circle of causes ends", () => {
  const error = new Error("round");
  error.cause = error;
  expect(describeException(error).stacktrace!.split("Caused by").length).toBe(5);
});

test("the errors that an AggregateError holds are told, each with its causes", () => {
  const first = new TypeError("one", { cause: "no network" });
  const { type, message, stacktrace } = describeException(new AggregateError([first, "two"], "both failed"));
  expect([type, message]).toEqual(["AggregateError", "both failed"]);
  expect(stacktrace).toContain(`Error 1 of 2: ${first.stack}\nCaused by: no network\nError 2 of 2: two`);
});

test("a thousand errors in one are cut", () => {
  const errors = Array.from({ length: 1000 }, () => new Error("again"));
  expect(describeException(new AggregateError(errors)).stacktrace!.match(/Error \d+ of 1000/g)).toHaveLength(19);
});

test("errors of another realm are errors; getters that throw are no trouble", () => {
  expect(describeException(runInNewContext("new RangeError('far')"))).toMatchObject({
    type: "RangeError",
    message: "far",
  });
  const evil = new Error("kept");
  for (const key of ["stack", "cause", "name"]) {
    Object.defineProperty(evil, key, {
      get() {
        throw new Error("no");
      },
    });
  }
  expect(describeException(evil)).toMatchObject({ message: "kept", type: "[Threw object]" });
});

test("a page in a message is cut", () => {
  const { message } = describeException(new Error("x".repeat(100_000)));
  expect(message).toBe(`${"x".repeat(65_536)}[truncated: 34464 more characters]`);
});

test("credentials are masked", () => {
  const error = new Error("Incorrect API key provided: sk-abcdefghijklmnopqrst");
  const { message, stacktrace } = describeException(error);
  expect(message).toBe("Incorrect API key provided: sk-a[masked]");
  expect(stacktrace).not.toContain("abcdefgh");
});
