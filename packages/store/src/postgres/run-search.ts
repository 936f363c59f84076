/**
 * Searching runs: conditions → WHERE, order and cursor → ORDER BY and the place where a page begins.
 */
import type { FilterOperator } from "@sightline/wire/filter/ast";
import { parseLike } from "@sightline/wire/filter/like";
import type { RunCondition, RunOrder } from "@sightline/wire/filter/run-filter";
import type { RunAttribute, RunField } from "@sightline/wire/filter/run-grammar";
import { and, eq, inArray, isNotNull, isNull, or, type SQL, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import type { RunCursor, RunPage, RunSearch, RunView } from "../runs.ts";
import { type Database, runColumns, storable, toRuns } from "./runs.ts";
import { experiments, runLatestMetrics, runParams, runs, runTags } from "./schema.ts";

/** @see Runs.searchRuns */
export async function searchRuns(db: Database, search: RunSearch): Promise<RunPage> {
  const { joins, keys } = readOrder(search.order);
  const query = db
    .select({ ...runColumns, place: sql<RunCursor>`json_build_array(${list(keys.map(({ value }) => value))})` })
    .from(runs)
    .innerJoin(experiments, eq(runs.experimentId, experiments.experimentId))
    .$dynamic();
  for (const { table, key } of joins) {
    query.leftJoin(table, and(eq(table.runId, runs.runId), eq(table.key, storable(key))));
  }
  const rows = await query
    .where(
      and(
        search.experimentIds && inArray(runs.experimentId, search.experimentIds.map(BigInt)),
        isInView(search.view),
        ...search.conditions.map(toSql),
        search.after && isBehind(keys, search.after),
      ),
    )
    .orderBy(...keys.map(({ value, isDescending }) => (isDescending ? sql`${value} DESC` : sql`${value} ASC`)))
    .limit(search.limit + 1);
  const page = rows.slice(0, search.limit);
  const next = rows.length > search.limit ? page.at(-1)?.place : undefined;
  return { runs: await toRuns(db, page), ...(next !== undefined && { next }) };
}

/** Column by column: of an expression over both the planner would guess that hardly a run is active, and sort them all. */
function isInView(view: RunView): SQL | undefined {
  switch (view) {
    case "active":
      return and(isNull(runs.deletedAt), isNull(experiments.deletedAt));
    case "deleted":
      return or(isNotNull(runs.deletedAt), isNotNull(experiments.deletedAt));
    default:
      return undefined;
  }
}

const tables = { metric: runLatestMetrics, param: runParams, tag: runTags } as const;

/** A column to sort by. It is never NULL: what is missing comes last by a column in front of it. */
interface SortKey {
  readonly value: SQL;
  readonly type: "text" | "double precision" | "bigint" | "integer";
  readonly isDescending: boolean;
}

/** What is sorted by, and the tables it is read from: joined once, where a subquery would run for each use of the value. */
function readOrder(order: readonly RunOrder[]) {
  const joins: { readonly table: ReturnType<typeof aliased>; readonly key: string }[] = [];
  const keys: SortKey[] = [];
  for (const { field, direction } of order) {
    const isDescending = direction === "DESC";
    if (field.entity === "attribute") {
      keys.push(...sortKeys(attributes[field.key], isTime(field) ? "bigint" : "text", isDescending));
      continue;
    }
    const table = aliased(field.entity, `sort_${joins.length}`);
    joins.push({ table, key: field.key });
    keys.push(...sortKeys(sql`${table.value}`, field.entity === "metric" ? "double precision" : "text", isDescending));
  }
  keys.push(
    { value: sql`${runs.startMs}`, type: "bigint", isDescending: true },
    { value: sql`${runs.runId} COLLATE "C"`, type: "text", isDescending: false },
  );
  return { joins, keys };
}

function aliased(entity: keyof typeof tables, name: string) {
  return alias(tables[entity], name);
}

function sortKeys(value: SQL, type: SortKey["type"], isDescending: boolean): SortKey[] {
  const rank = (of: SQL): SortKey => ({ value: of, type: "integer", isDescending: false });
  switch (type) {
    case "text":
      return [
        rank(sql`CASE WHEN ${value} IS NULL THEN 1 ELSE 0 END`),
        { value: sql`coalesce(${value}, '') COLLATE "C"`, type, isDescending },
      ];
    case "double precision":
      return [
        // 0 a number, 1 NaN, 2 missing: as MLflow sorts them, in both directions.
        rank(sql`CASE WHEN ${value} IS NULL THEN 2 WHEN ${value} = 'NaN' THEN 1 ELSE 0 END`),
        { value: sql`CASE WHEN ${value} = 'NaN' THEN 0 ELSE coalesce(${value}, 0) END`, type, isDescending },
      ];
    default:
      return [
        rank(sql`CASE WHEN ${value} IS NULL THEN 1 ELSE 0 END`),
        { value: sql`coalesce(${value}, 0)`, type, isDescending },
      ];
  }
}

/** Rows behind a place: above it in the first key, or equal there and above it in the second, and so on. */
function isBehind(keys: readonly SortKey[], place: RunCursor): SQL | undefined {
  const at = ({ type }: SortKey, index: number) => {
    const text = storable(String(place[index] ?? ""));
    return type === "text" ? sql`${text}::text COLLATE "C"` : sql`${text}::${sql.raw(type)}`;
  };
  return or(
    ...keys.map((key, index) =>
      and(
        ...keys.slice(0, index).map((before, position) => sql`${before.value} = ${at(before, position)}`),
        sql`${key.value} ${sql.raw(key.isDescending ? "<" : ">")} ${at(key, index)}`,
      ),
    ),
  );
}

const attributes: Readonly<Record<RunAttribute, SQL>> = {
  run_id: sql`${runs.runId}`,
  run_name: sql`${runs.name}`,
  status: sql`${runs.status}`,
  user_id: sql`${runs.userId}`,
  experiment_id: sql`${runs.experimentId}::text`,
  start_time: sql`${runs.startMs}`,
  end_time: sql`${runs.endMs}`,
};

function isTime(field: RunField): boolean {
  return field.entity === "attribute" && (field.key === "start_time" || field.key === "end_time");
}

/** What a run must satisfy. A comparison with NULL is NULL, so that what is missing never matches. */
function toSql(condition: RunCondition): SQL {
  const { field, operator } = condition;
  if (field.entity === "attribute") return compare(condition, attributes[field.key]);
  // A subquery that is asked for its value would run for every row; one that is asked whether it has any is joined.
  const table = tables[field.entity];
  const hasEntry = (such: SQL) =>
    sql`EXISTS (SELECT 1 FROM ${table} WHERE ${table.runId} = ${runs.runId} AND ${table.key} = ${storable(field.key)} AND ${such})`;
  if (operator === "IS NOT NULL") return hasEntry(sql`true`);
  if (operator === "IS NULL") return sql`NOT ${hasEntry(sql`true`)}`;
  return hasEntry(compare(condition, sql`${table.value}`));
}

function compare({ field, operator, value }: RunCondition, left: SQL): SQL {
  switch (operator) {
    case "IN":
    case "NOT IN": {
      const texts = (Array.isArray(value) ? value : []).map((text) => sql`${storable(String(text))}`);
      return sql`${left} ${sql.raw(operator)} (${list(texts)})`;
    }
    case "LIKE":
    case "ILIKE":
      return sql`${left} ${sql.raw(operator)} ${likePattern(String(value))}`;
    default:
      return compareOne(field, left, operator, value);
  }
}

function compareOne(field: RunField, left: SQL, operator: FilterOperator, value: RunCondition["value"]): SQL {
  if (field.entity !== "metric" && !isTime(field)) return sql`${left} ${sql.raw(operator)} ${storable(String(value))}`;
  const number = sql`${String(value)}::double precision`;
  if (field.entity !== "metric" || operator === "!=") return sql`${left} ${sql.raw(operator)} ${number}`;
  // PostgreSQL takes NaN for greater than every number; in a comparison it is neither greater nor equal.
  return sql`(${left} ${sql.raw(operator)} ${number} AND ${left} <> 'NaN')`;
}

/** Our patterns in PostgreSQL's: there a backslash before any character takes the meaning from it. */
function likePattern(pattern: string): string {
  const parts = parseLike(storable(pattern));
  return parts.map((part) => (typeof part === "string" ? part : part.literal.replace(/[\\%_]/g, "\\$&"))).join("");
}

function list(items: readonly SQL[]): SQL {
  return sql.join([...items], sql`, `);
}
