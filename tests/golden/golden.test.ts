/**
 * What emitters send and what we make of it: every `<convention>/<case>.json` holds spans as OTLP/JSON and the facts expected
 * of each. See README.md for how the cases came about.
 */
import { readdirSync, readFileSync } from "node:fs";
import { normalizeSpan } from "@sightline/wire/conventions/normalize";
import type { NormalizedSpan } from "@sightline/wire/conventions/normalized-span";
import { attributesToJson, restoreAttributes } from "@sightline/wire/conventions/payload";
import { conventions } from "@sightline/wire/conventions/registry";
import { decodeExportRequestJson } from "@sightline/wire/otlp/json";
import { describe, expect, test } from "vitest";

interface GoldenFile {
  /** Recorded from which emitter and version, or written after which specification. */
  readonly source: string;
  /** Spans as in OTLP/JSON: name, parentSpanId, attributes, events. */
  readonly spans: readonly unknown[];
  /** One for each span, in the same order. */
  readonly expected: readonly NormalizedSpan[];
}

const here = new URL(".", import.meta.url);
const cases = readdirSync(here, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".json"))
  .sort()
  .map((file) => ({ file, golden: JSON.parse(readFileSync(new URL(file, here), "utf8")) as GoldenFile }));

describe.each(cases)("$file", ({ golden }) => {
  const groups = decodeExportRequestJson({ resourceSpans: [{ scopeSpans: [{ spans: golden.spans }] }] });
  const spans = groups.flatMap((group) => group.spans);

  test("every span has its expected facts", () => {
    expect(spans.map(normalizeSpan)).toEqual(golden.expected);
  });

  test("the attributes come back as they came from what is stored", () => {
    for (const span of spans) {
      const { inputs, outputs } = normalizeSpan(span);
      const kept = [inputs, outputs].flatMap((payload) => payload?.source?.key ?? []);
      const restored = restoreAttributes(attributesToJson(span.attributes, kept), [inputs, outputs]);
      const texts = Object.fromEntries(Object.entries(restored).map(([key, { text }]) => [key, text]));
      expect(texts).toEqual(attributesToJson(span.attributes));
    }
  });

  test("it says where it came from", () => {
    expect(golden.source).toMatch(/^(recorded|written) /);
    expect(golden.expected).toHaveLength(golden.spans.length);
  });
});

test("every convention of the registry has a golden case, and every folder a convention", () => {
  const folders = new Set(cases.map(({ file }) => file.split("/")[0]));
  expect([...folders].sort()).toEqual(conventions.map(({ name }) => name).sort());
});
