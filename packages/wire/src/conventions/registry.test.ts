import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import type { Convention } from "./convention.ts";
import { conventions } from "./registry.ts";

test("every convention in the folder is registered", async () => {
  const files = readdirSync(new URL(".", import.meta.url)).filter((file) => /^[a-z-]+\.ts$/.test(file));
  const found: Convention[] = [];
  for (const file of files) {
    const module: Record<string, unknown> = await import(new URL(file, import.meta.url).href);
    found.push(...Object.values(module).filter(isConvention));
  }
  expect(found.map(({ name }) => name).sort()).toEqual(conventions.map(({ name }) => name).sort());
});

test("a convention has the name of its file", () => {
  for (const { name } of conventions) {
    expect(readdirSync(new URL(".", import.meta.url))).toContain(`${name}.ts`);
  }
});

test("an attribute that holds a payload is enough for its convention to be read", () => {
  for (const { name, namespaces, inputs = [], outputs = [] } of conventions) {
    const keys = [...inputs, ...outputs].filter((rule) => typeof rule === "string");
    const unseen = keys.filter((key) => namespaces && !namespaces.includes(key.split(".")[0] ?? ""));
    expect(unseen, name).toEqual([]);
  }
});

function isConvention(value: unknown): value is Convention {
  return typeof value === "object" && value !== null && "name" in value && "source" in value;
}
