/**
 * The schema of a cluster, made from the same steps as that of one server. No cluster runs here: the engine's own parser says
 * whether the statements are ones, and the rest is checked on their text.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clickHouseAddress } from "../clickhouse/address.ts";
import { schemaStatements } from "../clickhouse/migrate-clickhouse.ts";
import { clusterDialect, type SchemaStep, singleServer } from "../clickhouse/schema/dialect.ts";
import { statementsOf } from "../clickhouse/schema/statements.ts";
import { schemaSteps } from "../clickhouse/schema/steps.ts";
import { connectClickHouse } from "../engines/clickhouse.ts";
import { clickHouseEngines, type RunningEngine } from "./engines.ts";

const all = schemaStatements("app", clusterDialect("main"));
/** Without the last one, which records what was done. */
const statements = all.slice(0, -1);

/** `spans_local` → its statement. */
function tablesOf(engine: RegExp): Map<string, string> {
  const created = statements.flatMap((statement) => {
    const name = /^CREATE TABLE IF NOT EXISTS `app`\.`(\w+)`/.exec(statement)?.[1];
    return name !== undefined && engine.test(statement) ? [[name, statement] as const] : [];
  });
  return new Map(created);
}

describe.each(clickHouseEngines)("$name", (engine) => {
  let running: RunningEngine;
  let client: ReturnType<typeof connectClickHouse>;
  beforeAll(async () => {
    running = await engine.start();
    client = connectClickHouse(clickHouseAddress(running.url).serverUrl);
  });
  afterAll(async () => {
    await client.close();
    await running.stop();
  });

  /** The statement as the engine's parser understands it. */
  async function parsed(statement: string): Promise<string> {
    const answer = await client.query({
      query: "SELECT formatQuerySingleLine({statement:String}) AS text",
      query_params: { statement },
      format: "JSONEachRow",
    });
    const [row] = await answer.json<{ text: string }>();
    return row?.text ?? "";
  }

  test("its parser reads every statement", async () => {
    for (const statement of statements) expect(await parsed(statement)).toMatch(/ ON CLUSTER main\b/);
    await expect(parsed("CREATE TABLE t ON CLUSTER main (a UInt8")).rejects.toThrow();
  });
});

test("every table has its rows replicated on a shard and a table over all shards, by trace", () => {
  const local = tablesOf(/ENGINE = Replicated\w+MergeTree\('\/clickhouse\/tables\/\{shard\}/);
  const whole = tablesOf(/ENGINE = Distributed/);
  expect(local.size).toBeGreaterThanOrEqual(6);
  expect([...whole.keys()].map((name) => `${name}_local`).sort()).toEqual([...local.keys()].sort());
  for (const [name, statement] of whole) {
    // Words are of no trace: each server has those of its own shard.
    const key = name === "span_words" ? "rand()" : "cityHash64(trace_id)";
    expect(statement).toContain(`Distributed('main', 'app', '${name}_local', ${key})`);
    expect(/\btrace_id String\b/.test(local.get(`${name}_local`) ?? "")).toBe(name !== "span_words");
  }
  expect([...tablesOf(/\/tables\/all\//).keys()]).toEqual(["schema_migrations"]);
});

test("no statement is left to one server only", () => {
  for (const statement of statements) expect(statement).toContain("ON CLUSTER 'main'");
  const one = schemaStatements("app", singleServer).join("\n");
  expect(one).not.toMatch(/CLUSTER|Replicated|Distributed/);
});

describe("a change of columns", () => {
  const step = (statement: (table: string) => string): SchemaStep => ({
    number: 1,
    name: "change",
    statements: (table) => [statement(table("spans"))],
  });
  const on = (statement: (table: string) => string) => statementsOf(step(statement), "app", clusterDialect("main"));

  test("is made on both tables, without codecs over the shards", () => {
    expect(
      on((table) => `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS a DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1))`),
    ).toEqual([
      "ALTER TABLE `app`.`spans_local` ADD COLUMN IF NOT EXISTS a DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1))",
      "ALTER TABLE `app`.`spans` ADD COLUMN IF NOT EXISTS a DateTime64(6, 'UTC')",
    ]);
  });

  test("indexes and settings are made on the rows only, and not in one statement with columns", () => {
    const index = "ADD INDEX ix a TYPE minmax";
    expect(on((table) => `ALTER TABLE ${table} ${index}`)).toHaveLength(1);
    expect(() => on((table) => `ALTER TABLE ${table} ADD COLUMN a String, ${index}`)).toThrow(/make two of it/);
  });
});

test("the last statement records every step, so that a server which starts has nothing to do", () => {
  const recorded = [...(all.at(-1) ?? "").matchAll(/\((\d+), '([\w-]+)'\)/g)].map(([, number]) => Number(number));
  expect(all.at(-1)).toMatch(/^INSERT INTO `app`\.`schema_migrations` \(number, name\) VALUES/);
  expect(recorded).toEqual(schemaSteps.map((step) => step.number));
});

test("a name that would need quoting is no cluster", () => {
  expect(() => clusterDialect("a' , 'b")).toThrow(/cannot name a cluster/);
});
