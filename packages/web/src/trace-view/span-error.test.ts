import { expect, test } from "vitest";
import { readSpanError, splitErrorText } from "./span-error.ts";

const exception = (attributes: Record<string, unknown>) => ({ name: "exception", timeUnixNano: "1", attributes });
const failed = { code: "ERROR", message: "status text" } as const;

test("the last exception says type, message and stack", () => {
  const events = [
    exception({ "exception.type": "First", "exception.message": "retried" }),
    exception({ "exception.type": "TimeoutError", "exception.message": "late", "exception.stacktrace": "at x" }),
    { name: "log", timeUnixNano: "2", attributes: {} },
  ];
  expect(readSpanError({ status: failed, events })).toEqual({ type: "TimeoutError", message: "late", stack: "at x" });
});

test("without an exception the status message is the reason", () => {
  expect(readSpanError({ status: failed, events: [] })).toEqual({ message: "status text" });
  expect(readSpanError({ status: { code: "ERROR" }, events: [exception({ "exception.message": 3 })] })).toEqual({
    message: "Failed without a message",
  });
});

test("a span that did not fail has no reason, whatever it recorded", () => {
  expect(readSpanError({ status: { code: "OK" }, events: [exception({ "exception.type": "X" })] })).toBeUndefined();
});

test("an error text in two parts", () => {
  expect(splitErrorText("openai.RateLimitError: 429: slow down")).toEqual({
    type: "openai.RateLimitError",
    message: "429: slow down",
  });
  expect(splitErrorText("it went wrong: really")).toEqual({ message: "it went wrong: really" });
});
