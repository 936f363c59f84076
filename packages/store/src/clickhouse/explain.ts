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
const MAX_TRACES = 100_000;

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

/** Maps with edits laid over, by letters that no field has. */
const maps = [
  { field: "tags", edits: "trace_tags", letter: "T" },
  { field: "metadata", edits: "trace_metadata", letter: "M" },
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
  const totals = { inside: Number(total?.[1] ?? 0), outside: Number(total?.[2] ?? 0) };
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

/**
 * Rows of a mark and its counts inside and outside: first that of all traces, then the marks that differ most.
 *
 * A mark is one text, {@link markOf}, not three columns: ClickHouse groups by a single string three times as fast.
 */
function countBothSides(queries: Queries, query: ExplainQuery, inside: TraceSelection, outside: TraceSelection): Sql {
  const single = fields.flatMap(({ text, isMany }, index) => (isMany ? [] : markOf(index, text)));
  const many = fields.flatMap(({ text, isMany }, index) =>
    isMany ? `arrayMap(value -> ${markOf(index, "toNullable(value)")}, ${text})` : [],
  );
  const entries = maps.map(({ field, letter }) => {
    const carried = `arrayFilter((key, value) -> NOT has(edits_${letter}.keys, key), mapKeys(${field}), mapValues(${field}))`;
    const values = `arrayFilter((value, key) -> NOT has(edits_${letter}.keys, key), mapValues(${field}), mapKeys(${field}))`;
    return `arrayConcat(arrayMap((key, value) -> ${entryMark(letter)}, ${carried}, ${values}), edits_${letter}.marks)`;
  });
  const marks = raw(
    `arrayJoin(arrayConcat([${[`'${ALL}'`, ...single].join(", ")}], ${[...many, ...entries].join(", ")}))`,
  );
  const scope = { ...onlyExperiments(query), table: (name: string) => queries.table(name) };
  const joins = maps.map(
    ({ edits, letter }) => sql`LEFT ANY JOIN (
        SELECT trace_id, groupArray(toString(key)) AS keys, groupArrayIf(${raw(entryMark(letter))}, removed = 0) AS marks
        FROM ${queries.table(edits)} FINAL WHERE ${and(experimentConditions(scope))} GROUP BY trace_id
      ) AS ${raw(`edits_${letter}`)} ON ${raw(`edits_${letter}`)}.trace_id = base.trace_id`,
  );
  const columns =
    "state, name, user_id, app_version, source, failure, models, duration_us, total_tokens, cost_usd, tags, metadata";
  return sql`SELECT mark, inside, outside FROM (
      SELECT *, maxIf(inside, mark = ${raw(`'${ALL}'`)}) OVER () AS all_inside,
        maxIf(outside, mark = ${raw(`'${ALL}'`)}) OVER () AS all_outside, ${raw(G_TEST)} AS score
      FROM (
        SELECT mark, sum(is_inside) AS inside, sum(is_outside) AS outside
        FROM (
          SELECT ${marks} AS mark, is_inside, is_outside
          FROM (
            SELECT trace_id, ${raw(columns)},
              toUInt8(${and(selectionConditions(inside, queries))}) AS is_inside,
              toUInt8(${and(selectionConditions(outside, queries))}) AS is_outside
            FROM ${queries.table("traces")} FINAL
            WHERE ${and(selectionConditions(query, queries))} AND (is_inside OR is_outside)
          ) AS base
          ${join(joins, "\n          ")}
        )
        WHERE mark != ''
        GROUP BY mark
        HAVING mark = ${raw(`'${ALL}'`)} OR inside + outside > 1
      )
    )
    WHERE mark = ${raw(`'${ALL}'`)} OR score > 0
    ORDER BY mark = ${raw(`'${ALL}'`)} DESC, score DESC, mark
    LIMIT ${param(query.limit + 1, "UInt32")}`;
}

/** The mark that every trace has. */
const ALL = "*";

/** Letter of the field, then `=` and the value, or nothing when there is none; "" for a text that is too long. */
function markOf(index: number, text: string): string {
  const letter = letterOf(index);
  return `multiIf(isNull(${text}), '${letter}', lengthUTF8(assumeNotNull(${text})) > ${MAX_VALUE_CHARS}, '', concat('${letter}=', assumeNotNull(${text})))`;
}

/** Letter of the map, bytes of the key, `:`, key and value; "" for a text that is too long. */
function entryMark(letter: string): string {
  return `if(lengthUTF8(value) > ${MAX_VALUE_CHARS}, '', concat('${letter}', toString(length(key)), ':', toString(key), value))`;
}

function letterOf(index: number): string {
  return String.fromCharCode("a".charCodeAt(0) + index);
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

function toFinding([cell, inside, outside]: readonly Cell[]): Finding {
  const mark = String(cell);
  const counts = { inside: Number(inside), outside: Number(outside) };
  const letter = mark.slice(0, 1);
  const map = maps.find((row) => row.letter === letter);
  if (map !== undefined) return { field: map.field, ...readEntry(mark), ...counts };
  const row = fields.find((_, index) => letterOf(index) === letter);
  if (row === undefined) throw new RangeError(`There is no field of the mark "${mark}".`);
  if (mark.length === 1) return { field: row.field, value: null, ...counts };
  const text = mark.slice(2);
  if (row.steps === undefined) return { field: row.field, value: text, ...counts };
  const min = Number(text);
  const max = row.steps[row.steps.indexOf(min) + 1];
  return { field: row.field, value: { min, ...(max !== undefined && { max }) }, ...counts };
}

function readEntry(mark: string): { key: string; value: string } {
  const colon = mark.indexOf(":");
  const bytes = Buffer.from(mark.slice(colon + 1));
  const keyBytes = Number(mark.slice(1, colon));
  return { key: bytes.subarray(0, keyBytes).toString(), value: bytes.subarray(keyBytes).toString() };
}
