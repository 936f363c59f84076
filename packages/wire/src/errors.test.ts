import { expect, test } from "vitest";
import { type ErrorCode, errorTable, SightlineError } from "./errors.ts";

/** MLflow's client takes the status and the code as one; see its `error_code` table. */
const STATUS_OF_MLFLOW: Readonly<Record<string, number>> = {
  BAD_REQUEST: 400,
  INVALID_PARAMETER_VALUE: 400,
  RESOURCE_ALREADY_EXISTS: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  RESOURCE_DOES_NOT_EXIST: 404,
  ENDPOINT_NOT_FOUND: 404,
  RESOURCE_EXHAUSTED: 429,
  REQUEST_LIMIT_EXCEEDED: 429,
  INTERNAL_ERROR: 500,
  TEMPORARILY_UNAVAILABLE: 503,
};

test.each(Object.keys(errorTable) as ErrorCode[])("%s has a status, MLflow's code and a sentence that ends", (code) => {
  const { status, mlflow, sentence } = errorTable[code];
  expect(code).toMatch(/^[A-Z][A-Z_]+[A-Z]$/);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(600);
  expect(STATUS_OF_MLFLOW).toHaveProperty(mlflow);
  expect(sentence).toMatch(/^[A-Z].*\.$/);
});

test("an error carries code, status, cause, details and when to try again", () => {
  const cause = new Error("disk");
  const error = new SightlineError("OTLP_MALFORMED", "Byte 3 is wrong.", {
    cause,
    details: { offset: 3 },
    retryAfterSeconds: 2,
  });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: "SightlineError",
    code: "OTLP_MALFORMED",
    status: 400,
    message: "Byte 3 is wrong.",
    details: { offset: 3 },
    retryAfterSeconds: 2,
    cause,
  });
  expect("cause" in new SightlineError("OTLP_MALFORMED", "x")).toBe(false);
});
