import type { TraceOrder, TraceSelection } from "@sightline/store/telemetry-store";
import { expect, test } from "vitest";
import { decodePageToken, encodePageToken, fingerprint } from "./page-token.ts";

const newest: TraceOrder = { key: "timestamp_ms", direction: "DESC" };
const byTag: TraceOrder = { key: "tags", name: "env", direction: "DESC" };
const selection: TraceSelection = {
  experimentIds: ["1", "2"],
  filter: { kind: "comparison", left: { field: "status" }, operator: "=", value: "ERROR" },
  from: 5n,
};
const cursor = { values: ["1795000000000000", null], startUs: "1795000000000000", traceId: `tr-${"a".repeat(32)}` };
const search = fingerprint(selection, [newest]);

test("a token gives back the place it was made from", () => {
  expect(decodePageToken(encodePageToken(cursor, search), search)).toEqual(cursor);
});

test("the order in which experiments are named does not matter", () => {
  expect(fingerprint({ ...selection, experimentIds: ["2", "1"] }, [newest])).toBe(search);
});

test("a token of another search is refused, whatever differs", () => {
  const others = [
    fingerprint({ ...selection, experimentIds: ["1"] }, [newest]),
    fingerprint({ ...selection, from: 6n }, [newest]),
    fingerprint({ ...selection, to: 5n }, [newest]),
    fingerprint(
      { ...selection, filter: { kind: "comparison", left: { field: "status" }, operator: "!=", value: "ERROR" } },
      [newest],
    ),
    fingerprint(selection, [{ ...newest, direction: "ASC" }]),
    fingerprint(selection, [{ ...newest, key: "execution_time_ms" }]),
    fingerprint(selection, [byTag]),
    fingerprint(selection, [{ ...byTag, name: "env2" }]),
    fingerprint(selection, [byTag, newest]),
  ];
  expect(new Set([...others, search]).size).toBe(10);
  for (const other of others) {
    expect(() => decodePageToken(encodePageToken(cursor, search), other)).toThrow(/belongs to another search/);
  }
});

test("what is no token is refused", () => {
  const forged = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const bad = [
    "",
    "garbage",
    forged({}),
    forged([search, cursor.values, "1' OR 1=1", cursor.traceId]),
    forged([search, cursor.values, cursor.startUs, "tr-x"]),
    forged([search, [5], cursor.startUs, cursor.traceId]),
    forged([search, "5", cursor.startUs, cursor.traceId]),
  ];
  for (const token of bad) {
    expect(() => decodePageToken(token, search)).toThrow(expect.objectContaining({ code: "BAD_PAGE_TOKEN" }));
  }
});
