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

test("credentials are masked", () => {
  const error = new Error("Incorrect API key provided: sk-abcdefghijklmnopqrst");
  const { message, stacktrace } = describeException(error);
  expect(message).toBe("Incorrect API key provided: sk-a[masked]");
  expect(stacktrace).not.toContain("abcdefgh");
});
