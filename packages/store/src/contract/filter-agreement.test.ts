/**
 * A filter means the same in SQL and in memory, on every ClickHouse engine: thousands of random filters over random traces.
 */
import type { ComparisonOperator, Filter, FilterValue } from "@sightline/wire/filter/ast";
import { type FilterField, filterFields } from "@sightline/wire/filter/fields";
import { matchesFilter } from "@sightline/wire/filter/matches";
import { printFilter } from "@sightline/wire/filter/print";
import { parseRegex } from "@sightline/wire/filter/regex-syntax";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clickHouseAddress } from "../clickhouse/address.ts";
import { compileFilter } from "../clickhouse/filter.ts";
import { experimentConditions, type FilterScope, startConditions } from "../clickhouse/filter-scope.ts";
import { Queries } from "../clickhouse/queries.ts";
import { and, join, sql } from "../clickhouse/sql.ts";
import { connectClickHouse } from "../engines/clickhouse.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import * as pools from "./filter-facts.ts";
import { makeFilterWorld } from "./filter-world.ts";
import { freshExperimentId, SAMPLE_START } from "./samples.ts";

/** Filters in one statement: a query of its own for each would take minutes. */
const FILTERS_A_QUERY = 20;

describe.each(clickHouseEngines)("filters on $name", ({ start }) => {
  let engine: RunningEngine;
  let client: ReturnType<typeof connectClickHouse>;
  let queries: Queries;
  const experimentIds = [freshExperimentId(), freshExperimentId()];
  const { subjects, rows } = makeFilterWorld(experimentIds, 60, 20261124);

  beforeAll(async () => {
    engine = await start();
    const store = await openTelemetryStore(engine.url);
    await store.close();
    const { serverUrl, database } = clickHouseAddress(engine.url);
    client = connectClickHouse(serverUrl);
    queries = new Queries(client, database);
    for (const [table, values] of Object.entries(rows)) {
      const lines = values.map((row) => JSON.stringify(row)).join("\n");
      await queries.insert(table, [Buffer.from(lines)]);
    }
  });
  afterAll(async () => {
    await client?.close();
    await engine?.stop();
  });

  /** For each filter the ids of its traces, by SQL. */
  async function found(filters: readonly Filter[], range: Omit<FilterScope, "table">): Promise<string[][]> {
    const scope: FilterScope = { ...range, table: (name) => queries.table(name) };
    const conditions = filters.map((filter) => sql`(${compileFilter(filter, scope)})`);
    const where = and([...experimentConditions(scope), ...startConditions(scope)]);
    const answer = await queries.rows(
      sql`SELECT trace_id, ${join(conditions, ",\n")} FROM ${queries.table("traces")} FINAL WHERE ${where} ORDER BY trace_id`,
    );
    return filters.map((_, index) => answer.filter((row) => Number(row[index + 1]) === 1).map((row) => String(row[0])));
  }

  async function expectAgreement(filters: readonly Filter[], range: Omit<FilterScope, "table">): Promise<number> {
    const inRange = subjects.filter(
      ({ info }) =>
        (range.experimentIds ?? experimentIds).includes(info.experimentId) &&
        (range.from === undefined || startOf(info.requestTime) >= range.from) &&
        (range.to === undefined || startOf(info.requestTime) < range.to),
    );
    let matches = 0;
    for (let from = 0; from < filters.length; from += FILTERS_A_QUERY) {
      const some = filters.slice(from, from + FILTERS_A_QUERY);
      for (const [index, ids] of (await found(some, range)).entries()) {
        const filter = some[index]!;
        const expected = inRange.filter((subject) => matchesFilter(filter, subject)).map(({ info }) => info.traceId);
        expect({ filter: printFilter(filter), ids }).toEqual({ filter: printFilter(filter), ids: expected.toSorted() });
        matches += ids.length;
      }
    }
    return matches;
  }

  test("every field, operator and kind of value", async () => {
    const filters = filterFields.flatMap((field) =>
      field.operators.flatMap((operator) =>
        fc.sample(conditionOn(field, operator), { numRuns: field.keyed ? 12 : 2, seed: 7 }),
      ),
    );
    const matches = await expectAgreement(filters.map(wrapSpan), { experimentIds });
    expect(matches).toBeGreaterThan(10_000);
  }, 180_000);

  test("random filters of every shape", async () => {
    const filters = fc.sample(anyFilter(), { numRuns: 800, seed: 20261124 });
    const matches = await expectAgreement(filters, { experimentIds });
    expect(matches).toBeGreaterThan(10_000);
  }, 180_000);

  test("random filters in one experiment and a time range", async () => {
    const from = SAMPLE_START + 1_000_000n;
    const range = { experimentIds: experimentIds.slice(0, 1), from, to: from + 3_000_000n };
    const matches = await expectAgreement(fc.sample(anyFilter(), { numRuns: 100, seed: 11 }), range);
    expect(matches).toBeGreaterThan(50);
  }, 180_000);
});

function startOf(requestTime: string): bigint {
  return BigInt(Date.parse(`${requestTime.slice(0, 23)}Z`)) * 1_000_000n + BigInt(requestTime.slice(23, 26)) * 1000n;
}

/** Conditions on spans stand in a `span`, those on traces alone. */
function wrapSpan(filter: Filter): Filter {
  const isOnSpan = "left" in filter && filter.left.field.startsWith("span.");
  return isOnSpan ? { kind: "span", filter } : filter;
}

function anyFilter(): fc.Arbitrary<Filter> {
  const ofTraces = filterFields.filter((field) => field.entity !== "span");
  const ofSpans = filterFields.filter((field) => field.entity === "span");
  const onField = (fields: readonly FilterField[]) =>
    fc
      .constantFrom(...fields)
      .chain((field) => fc.constantFrom(...field.operators).chain((operator) => conditionOn(field, operator)));
  const text = fc
    .constantFrom(...pools.WORDS.slice(1), "REFUND", "istanbul", "σας", '"chat"', "say", "\\", "n", "question")
    .map((words): Filter => ({ kind: "text", text: words }));
  const inside = treeOf(fc.oneof({ arbitrary: onField(ofSpans), weight: 5 }, text), 2);
  return treeOf(
    fc.oneof({ arbitrary: onField(ofTraces), weight: 5 }, text, {
      arbitrary: inside.map((filter): Filter => ({ kind: "span", filter })),
      weight: 2,
    }),
    3,
  );
}

function treeOf(leaf: fc.Arbitrary<Filter>, maxDepth: number): fc.Arbitrary<Filter> {
  const { tree } = fc.letrec<{ tree: Filter }>((tie) => ({
    tree: fc.oneof(
      { maxDepth, depthSize: "small" },
      leaf,
      fc.record({ kind: fc.constant("and"), terms: fc.array(tie("tree"), { minLength: 1, maxLength: 3 }) }),
      fc.record({ kind: fc.constant("or"), terms: fc.array(tie("tree"), { minLength: 1, maxLength: 3 }) }),
      fc.record({ kind: fc.constant("not"), term: tie("tree") }),
    ) as fc.Arbitrary<Filter>,
  }));
  return tree;
}

const PIECES = [
  "%",
  "_",
  "\\%",
  "\\_",
  "\\",
  "a",
  "A",
  "chat",
  "ä",
  "Ï",
  "💡",
  "\n",
  "50",
  "'",
  "1",
  '"',
  "i̇",
  "İ",
  "σ",
  "ς",
  "s",
  "ß",
  "k",
];
const REGEX_PIECES = [
  ...["a", "A", "chat", "Ä", "日", "💡", "\\d", "\\w+", "\\s", ".", "[a-z]", "[^a-zé]", "^", "$", "\\b", "(?:a|Ch)"],
  ...["a*", "x?", "[A-Z]{1,2}", "n+", "|", '"', "'", "\\\\", "%", "OK", "E", "[İ-ΑΣ]", "\\x{1F4A1}", "-", "\n", "{"],
];
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  session: pools.SESSIONS,
  "span.session": pools.SESSIONS,
  run: pools.RUNS,
  prompt: pools.PROMPTS,
  "issue.id": pools.ISSUES,
  model: pools.MODELS,
  "span.model": pools.MODELS,
  "span.type": ["LLM", "TOOL"],
  "span.id": ["0000000000000001"],
  "span.parent": ["0000000000000001"],
};

function conditionOn(field: FilterField, operator: FilterField["operators"][number]): fc.Arbitrary<Filter> {
  const key = field.keyed ? fc.constantFrom(...keysOf(field.name)) : fc.constant(undefined);
  const left = key.map((text) => (text === undefined ? { field: field.name } : { field: field.name, key: text }));
  if (operator === "IS NULL" || operator === "IS NOT NULL") {
    return left.map((reference): Filter => ({ kind: "presence", left: reference, operator }));
  }
  const isList = operator === "IN" || operator === "NOT IN";
  const value = scalarsOf(field, operator).chain((scalars) =>
    isList ? fc.array(scalars, { minLength: 1, maxLength: 3 }) : (scalars as fc.Arbitrary<unknown>),
  );
  return fc
    .record({ reference: left, value })
    .map(
      (parts): Filter => ({ kind: "comparison", left: parts.reference, operator, value: parts.value as FilterValue }),
    );
}

function keysOf(name: string): readonly string[] {
  if (name === "span.attributes") return pools.ATTRIBUTES;
  return name === "feedback" || name === "expectation" ? pools.NAMES : [...pools.KEYS, "mlflow.sourceRun"];
}

/** Values that fit: of a field that takes texts and numbers a choice of one of them, since a list holds one kind. */
function scalarsOf(field: FilterField, operator: ComparisonOperator): fc.Arbitrary<fc.Arbitrary<string | number>> {
  const words = fc.constantFrom(...pools.WORDS, ...(TEXTS[field.name] ?? []), ...(field.values ?? []));
  const numbers = fc.oneof(
    fc.constantFrom(0, 1, 2.5, 10, 1e9, -1, 0.1, 500),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  const base = Number(SAMPLE_START / 1_000_000n);
  if (operator === "LIKE" || operator === "ILIKE") {
    const pieces = fc.constantFrom(...PIECES, "%", ...(field.values ?? []));
    return fc.constant(fc.array(pieces, { maxLength: 4 }).map((parts) => parts.join("")));
  }
  if (operator === "RLIKE") {
    const pieces = fc.array(fc.constantFrom(...REGEX_PIECES), { minLength: 1, maxLength: 4 });
    const pattern = fc
      .record({ parts: pieces, ignoresCase: fc.boolean() })
      .map(({ parts, ignoresCase }) => (ignoresCase ? "(?i)" : "") + parts.join(""));
    return fc.constant(pattern.filter((text) => parseRegex(text).ok));
  }
  switch (field.type) {
    case "text":
    case "word":
    case "prompt":
      return fc.constant(words);
    case "json":
      return operator === "=" || operator === "!=" || operator === "IN" || operator === "NOT IN"
        ? fc.constantFrom<fc.Arbitrary<string | number>>(fc.oneof(words, fc.constantFrom("true", "1", "2.5")), numbers)
        : fc.constant(numbers);
    case "number":
      return fc.constant(numbers);
    case "duration":
      return fc.constant(fc.constantFrom(0, 0.1, 0.999, 290, 1000, 2500, 1e-9, 1e300, 290.0000001));
    case "time":
      return fc.constant(
        fc.oneof(
          fc.integer({ min: base - 1, max: base + 6 }),
          fc.constantFrom(base + 0.5, base + 290, base + 2001, -5, 0, 1e15),
        ),
      );
  }
}
