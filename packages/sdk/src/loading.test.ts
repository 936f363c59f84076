/**
 * What a program loads with the SDK: the API's tables and their schemas come with the first question, not before.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const wire = new URL("../../wire/src/", import.meta.url);

/** Imports and re-exports of values that stand at the top of a file; `import("…")` is none. */
const STATIC_IMPORT = /^(?:import|export)\s+(?!type\b)(?:[^;"']*?\sfrom\s+)?["']([^"']+)["']/gm;

/** Every module that a file loads with itself: files by their URL, packages by their name. */
function loadedWith(file: URL, seen = new Set<string>()): Set<string> {
  if (seen.has(file.href)) return seen;
  seen.add(file.href);
  for (const [statement, specifier = ""] of readFileSync(fileURLToPath(file), "utf8").matchAll(STATIC_IMPORT)) {
    // `import { type A, type B } from` loads nothing that a bundler or Node would keep.
    const names = /\{([^}]*)\}/.exec(statement)?.[1]?.split(",") ?? [];
    const isTypes = names.length > 0 && names.every((name) => /^\s*(type\s|$)/.test(name));
    if (isTypes) continue;
    if (specifier.startsWith(".")) loadedWith(new URL(specifier, file), seen);
    else if (specifier.startsWith("@sightline/wire/")) loadedWith(new URL(`${specifier.slice(16)}.ts`, wire), seen);
    else seen.add(specifier);
  }
  return seen;
}

test("the SDK loads neither zod nor the API's tables", () => {
  const loaded = [...loadedWith(new URL("./index.ts", import.meta.url))];
  expect(loaded.some((module) => module.endsWith("/sightline-client.ts"))).toBe(true);
  expect(loaded.filter((module) => /zod|wire\/src\/api\//.test(module))).toEqual([]);
});

test("the first question loads them", () => {
  const loaded = [...loadedWith(new URL("api/client.ts", wire))];
  expect(loaded).toContain("zod/mini");
});
