import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { integrations } from "./registry.ts";

test("every integration in the folder is registered, and the other way round", () => {
  const folder = new URL("./integrations/", import.meta.url);
  const files = readdirSync(folder).filter(
    (file) => !file.endsWith(".test.ts") && /: Integration = \{/.test(readFileSync(new URL(file, folder), "utf8")),
  );
  expect(files.map((file) => file.replace(".ts", "")).sort()).toEqual(integrations.map(({ name }) => name).sort());
});
