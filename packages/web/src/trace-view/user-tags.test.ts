import { expect, test } from "vitest";
import { userTags } from "./user-tags.ts";

test("what people set comes first, what clients note for themselves is not shown", () => {
  const tags = { "mlflow.traceName": "x", "service.name": "api", env: "prod", mlflow: "a word", team: "orders" };
  expect(userTags(tags).map(([key]) => key)).toEqual(["env", "mlflow", "team", "service.name"]);
});
