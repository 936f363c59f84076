import { SightlineError } from "@sightline/wire/errors";
import { expect, test } from "vitest";
import { replyError } from "./errors.ts";
import { createLog } from "./log.ts";

async function failWith(error: unknown) {
  const lines: string[] = [];
  const request = new Request("http://127.0.0.1/api/v1/stats?filter=secret", { method: "GET" });
  const response = replyError(
    request,
    error,
    createLog((line) => lines.push(line)),
  );
  return { response, body: (await response.json()) as { error: Record<string, unknown> }, lines };
}

test("an error of ours is answered with its code, sentence, details and a request id", async () => {
  const error = new SightlineError("BAD_FILTER", "Expected a value.", { details: { position: 3 } });
  const { response, body, lines } = await failWith(error);
  expect(response.status).toBe(400);
  expect(body).toEqual({
    error: {
      code: "BAD_FILTER",
      message: "Expected a value.",
      details: { position: 3 },
      requestId: response.headers.get("x-request-id"),
    },
  });
  expect(lines).toEqual([]);
});

test("any other error is INTERNAL_ERROR without its message, and logged under the request id", async () => {
  const { response, body, lines } = await failWith(new TypeError("x is not a function"));
  expect(response.status).toBe(500);
  expect(body.error.code).toBe("INTERNAL_ERROR");
  expect(JSON.stringify(body)).not.toContain("not a function");
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({
    level: "error",
    requestId: body.error.requestId,
    method: "GET",
    path: "/api/v1/stats",
    status: 500,
    error: { name: "TypeError", message: "x is not a function", at: expect.arrayContaining([expect.any(String)]) },
  });
});

test("the log has neither payloads nor queries nor messages that may quote them", async () => {
  const cause = new SyntaxError('Unexpected token in {"password":"hunter2"}');
  const { lines } = await failWith(new SightlineError("STORE_UNAVAILABLE", "The store is away.", { cause }));
  expect(lines[0]).toContain("The store is away.");
  expect(lines[0]).toContain("SyntaxError");
  expect(lines[0]).not.toMatch(/hunter2|secret/);
});

test("what may be tried again says when", async () => {
  const waits = new Map<string, string | null>();
  for (const code of [
    "INGEST_OVERLOADED",
    "STORE_UNAVAILABLE",
    "STORAGE_FULL",
    "SHUTTING_DOWN",
    "NOT_FOUND",
  ] as const) {
    waits.set(code, (await failWith(new SightlineError(code, "…"))).response.headers.get("retry-after"));
  }
  const named = await failWith(new SightlineError("INGEST_OVERLOADED", "…", { retryAfterSeconds: 2.2 }));
  expect(Object.fromEntries(waits)).toEqual({
    INGEST_OVERLOADED: "1",
    STORE_UNAVAILABLE: "2",
    STORAGE_FULL: "30",
    SHUTTING_DOWN: "5",
    NOT_FOUND: null,
  });
  expect(named.response.headers.get("retry-after")).toBe("3");
});
