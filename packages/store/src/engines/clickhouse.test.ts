import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { ClickHouseError } from "@clickhouse/client";
import { SightlineError } from "@sightline/wire/errors";
import { expect, test } from "vitest";
import { clickHouseError, connectClickHouse, fromClickHouseError } from "./clickhouse.ts";

test("sends no settings of its own: they would cost the embedded engine a Session for each request", async () => {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://server");
    seen.push([...url.searchParams.keys()].sort().join(" "));
    request.resume().on("end", () => response.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connectClickHouse(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  try {
    await (await client.query({ query: "SELECT 1", format: "JSONEachRow" })).text();
    await client.query({ query: "SELECT {a:String}", query_params: { a: "1" } }).then((result) => result.text());
    await client.insert({ table: "t", values: [{ a: 1 }], format: "JSONEachRow" });
    await client.command({ query: "OPTIMIZE TABLE t" });
    expect(seen).toEqual(["query_id", "param_a query_id", "query query_id", "query_id"]);
  } finally {
    await client.close();
    server.close();
  }
});

test("tells out of reach, full and failed apart", async () => {
  const nowhere = connectClickHouse("http://127.0.0.1:1/");
  const refused = await nowhere.command({ query: "SELECT 1" }).catch((error: unknown) => error);
  await nowhere.close();
  expect(fromClickHouseError(refused)).toMatchObject({
    code: "STORE_UNAVAILABLE",
    status: 503,
    retryAfterSeconds: 1,
    cause: refused,
  });
  const reported = (code: string, type: string) =>
    fromClickHouseError(new ClickHouseError({ message: "said", code, type })).code;
  expect(reported("243", "NOT_ENOUGH_SPACE")).toBe("STORAGE_FULL");
  expect(reported("202", "TOO_MANY_SIMULTANEOUS_QUERIES")).toBe("STORE_UNAVAILABLE");
  expect(reported("47", "UNKNOWN_IDENTIFIER")).toBe("INTERNAL_ERROR");
  expect(fromClickHouseError("odd")).toMatchObject({ code: "INTERNAL_ERROR", message: "ClickHouse failed: odd" });
  const ours = new SightlineError("BAD_FILTER", "ours");
  expect(fromClickHouseError(ours)).toBe(ours);
});

test("code and type come from ClickHouse's errors only", () => {
  expect(clickHouseError(new ClickHouseError({ message: "said", code: "60", type: "UNKNOWN_TABLE" }))).toEqual({
    code: 60,
    type: "UNKNOWN_TABLE",
  });
  expect(clickHouseError(new Error("Code: 60"))).toBeUndefined();
});
