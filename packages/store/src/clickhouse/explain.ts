/**
 * What sets some traces apart from others: every value of every field, counted on both sides in one query.
 *
 * A trace is unfolded into the values it has, so that one GROUP BY counts them all. Ranked by the G-test of the two by two table
 * "has the value / has it not, inside / outside": a value that only some have is told apart from one that is rare anyway.
 */
import type { Filter } from "@sightline/wire/filter/ast";
import type { CallOptions, TraceSelection } from "../telemetry-store.ts";
import type { ExplainQuery, Explanation, Finding } from "../trace-values.ts";
import type { Cell } from "./columns.ts";
import { experimentConditions } from "./filter-scope.ts";
import type { Queries } from "./queries.ts";
import { selectionConditions } from "./selection.ts";
import { and, join, param, raw, type Sql, sql } from "./sql.ts";
import { newestTraces } from "./values.ts";

/** On each side; more are cut to the newest. */
const MAX_TRACES = 200_000;

/** Longer values are texts, not marks to tell traces by. */
const MAX_VALUE_CHARS = 200;

/** 1, 2 and 5 times the powers of ten. */
function steps(firstExponent: number, lastExponent: number): number[] {
  const exponents = Array.from({ length: lastExponent - firstExponent + 1 }, (_, index) => firstExponent + index);
  return [0, ...exponents.flatMap((exponent) => [1, 2, 5].map((digit) => Number(`${digit}e${exponent}`)))];
}

interface ExplainedField {
  /** Canonical name in the filter language. */
  readonly field: string;
  /** Text over a row of `traces`, NULL = none; or, with `isMany`, an array of texts. */
  readonly text: string;
  readonly isMany?: true;
  /** The text is the number that a range begins with, one of these, in the unit of the filter language. */
  readonly steps?: readonly number[];
}

function inSteps(expression: string, list: readonly number[]): string {
  return `toString(roundDown(${expression}, [${list.join(", ")}]))`;
}

const durationSteps = steps(0, 7);
const tokenSteps = steps(0, 8);
const costSteps = steps(-6, 3);

/** The position of a field is its number in the query; 0 is the count of all traces. */
const fields: readonly ExplainedField[] = [
  { field: "name", text: "nullIf(toString(name), '')" },
  { field: "status", text: "toString(state)" },
  { field: "user", text: "nullIf(user_id, '')" },
  { field: "version", text: "nullIf(toString(app_version), '')" },
  { field: "source", text: "nullIf(toString(source), '')" },
  { field: "error", text: "nullIf(failure, '')" },
  { field: "model", text: "arrayMap(model -> toString(model), models)", isMany: true },
  {
    field: "execution_time_ms",
    text: `if(state = 'IN_PROGRESS', NULL, ${inSteps("duration_us / 1000", durationSteps)})`,
    steps: durationSteps,
  },
  { field: "tokens.total", text: inSteps("total_tokens", tokenSteps), steps: tokenSteps },
  { field: "cost", text: inSteps("cost_usd", costSteps), steps: costSteps },
];

/** Maps with edits laid over, behind the fields. */
const maps = [
  { field: "tags", edits: "trace_tags", number: fields.length + 1 },
  { field: "metadata", edits: "trace_metadata", number: fields.length + 2 },
] as const;

/** @see TraceValues.explainTraces */
export async function explainTraces(queries: Queries, query: ExplainQuery, options: CallOptions): Promise<Explanation> {
  const { inside, outside = { kind: "not", term: inside } as const, maxTraces = MAX_TRACES } = query;
  const [insideCut, outsideCut] = await Promise.all(
    [inside, outside].map((filter) => newestTraces(queries, narrowed(query, filter), maxTraces, options)),
  );
  if (insideCut === undefined || outsideCut === undefined) throw new RangeError("Both sides are cut.");
  const rows = await queries.rows(countBothSides(queries, query, insideCut.selection, outsideCut.selection), options);
  const [total, ...found] = rows;
  const totals = { inside: Number(total?.[3] ?? 0), outside: Number(total?.[4] ?? 0) };
  return {
    ...totals,
    approximate: !insideCut.isWhole || !outsideCut.isWhole,
    findings: found.map((cells) => toFinding(cells)),
  };
}

/** The traces of a selection that satisfy one more filter. */
function narrowed({ experimentIds, from, to, filter }: TraceSelection, more: Filter): TraceSelection {
  return {
    ...(experimentIds && { experimentIds }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    filter: filter === undefined ? more : { kind: "and", terms: [filter, more] },
  };
}

/** Rows of field, key, value, inside, outside: first that of all traces, then the values that differ most. */
function countBothSides(queries: Queries, query: ExplainQuery, inside: TraceSelection, outside: TraceSelection): Sql {
  const entries = maps.map(({ field, number }) => {
    const joined = `edits_${number}`;
    const carried = `arrayMap((key, value) -> (toUInt8(${number}), toString(key), toNullable(value)), mapKeys(${field}), mapValues(${field}))`;
    return `arrayConcat(arrayFilter(entry -> NOT has(${joined}.keys, entry.2), ${carried}), ${joined}.entries)`;
  });
  const single = fields.flatMap(({ text }, index) => (fields[index]?.isMany ? [] : entryOf(index + 1, text)));
  const many = fields.flatMap(({ text, isMany }, index) =>
    isMany ? `arrayMap(value -> ${entryOf(index + 1, "value")}, ${text})` : [],
  );
  const unfolded = raw(
    `arrayJoin(arrayConcat([${[entryOf(0, "''"), ...single].join(", ")}], ${[...many, ...entries].join(", ")}))`,
  );
  const joins = maps.map(
    ({ edits, number }) => sql`LEFT ANY JOIN (
        SELECT trace_id, groupArray(toString(key)) AS keys,
          groupArrayIf((toUInt8(${raw(String(number))}), toString(key), toNullable(value)), removed = 0) AS entries
        FROM ${queries.table(edits)} FINAL
        WHERE ${and(experimentConditions({ ...onlyExperiments(query), table: (name) => queries.table(name) }))}
        GROUP BY trace_id
      ) AS ${raw(`edits_${number}`)} ON ${raw(`edits_${number}`)}.trace_id = base.trace_id`,
  );
  const columns =
    "state, name, user_id, app_version, source, failure, models, duration_us, total_tokens, cost_usd, tags, metadata";
  return sql`SELECT field, key, value, inside, outside FROM (
      SELECT *, maxIf(inside, field = 0) OVER () AS all_inside, maxIf(outside, field = 0) OVER () AS all_outside,
        ${raw(G_TEST)} AS score
      FROM (
        SELECT entry.1 AS field, entry.2 AS key, entry.3 AS value, sum(is_inside) AS inside, sum(is_outside) AS outside
        FROM (
          SELECT ${unfolded} AS entry, is_inside, is_outside
          FROM (
            SELECT trace_id, ${raw(columns)},
              toUInt8(${and(selectionConditions(inside, queries))}) AS is_inside,
              toUInt8(${and(selectionConditions(outside, queries))}) AS is_outside
            FROM ${queries.table("traces")} FINAL
            WHERE ${and(selectionConditions(query, queries))} AND (is_inside OR is_outside)
          ) AS base
          ${join(joins, "\n          ")}
        )
        WHERE lengthUTF8(ifNull(entry.3, '')) <= ${param(MAX_VALUE_CHARS, "UInt32")}
        GROUP BY field, key, value
        HAVING field = 0 OR inside + outside > 1
      )
    )
    WHERE field = 0 OR score > 0
    ORDER BY field = 0 DESC, score DESC, field, key, value
    LIMIT ${param(query.limit + 1, "UInt32")}`;
}

function entryOf(number: number, text: string): string {
  return `(toUInt8(${number}), '', toNullable(${text}))`;
}

function onlyExperiments({ experimentIds }: TraceSelection): Pick<TraceSelection, "experimentIds"> {
  return experimentIds === undefined ? {} : { experimentIds };
}

/** 2 Σ O ln(O/E) over the two by two table, as sums of x ln x, where 0 ln 0 is 0. @see Sokal and Rohlf, Biometry, ch. 17 */
const G_TEST = (() => {
  const x = (text: string) => `if(${text} <= 0, 0, (${text}) * log(greatest(${text}, 1)))`;
  const plus = ["inside", "outside", "(all_inside - inside)", "(all_outside - outside)", "(all_inside + all_outside)"];
  const minus = ["(inside + outside)", "(all_inside + all_outside - inside - outside)", "all_inside", "all_outside"];
  const sum = `${plus.map(x).join(" + ")} - ${minus.map(x).join(" - ")}`;
  // What rounding leaves of nothing is nothing.
  return `if(${sum} < 1e-6, 0, 2 * (${sum}))`;
})();

function toFinding([number, key, value, inside, outside]: readonly Cell[]): Finding {
  const position = Number(number);
  const counts = { inside: Number(inside), outside: Number(outside) };
  const map = maps.find((row) => row.number === position);
  if (map !== undefined) return { field: map.field, key: String(key), value: String(value), ...counts };
  const row = fields[position - 1];
  if (row === undefined) throw new RangeError(`There is no field ${position}.`);
  if (value === null || value === undefined) return { field: row.field, value: null, ...counts };
  if (row.steps === undefined) return { field: row.field, value: String(value), ...counts };
  const min = Number(value);
  const max = row.steps[row.steps.indexOf(min) + 1];
  return { field: row.field, value: { min, ...(max !== undefined && { max }) }, ...counts };
}
