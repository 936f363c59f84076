import { expect, test } from "vitest";
import { applyTagEdit } from "./tag-edits.ts";

const tags = { env: "prod", team: "orders" };

test("a new tag comes last, an existing one gets its value", () => {
  expect(Object.entries(applyTagEdit(tags, { key: "a", value: "1" })).at(-1)).toEqual(["a", "1"]);
  expect(applyTagEdit(tags, { key: "env", value: "qa" })).toEqual({ env: "qa", team: "orders" });
});

test("a renamed tag loses its old name", () => {
  expect(applyTagEdit(tags, { key: "stage", value: "prod", previousKey: "env" })).toEqual({
    stage: "prod",
    team: "orders",
  });
});

test("an edit that keeps the name does not lose the tag", () => {
  expect(applyTagEdit(tags, { key: "env", value: "qa", previousKey: "env" })).toEqual({ env: "qa", team: "orders" });
});

test("without a value the tag goes", () => {
  expect(applyTagEdit(tags, { key: "env" })).toEqual({ team: "orders" });
});
