/**
 * Sessions and users: the selected traces in groups, a page of groups at a time.
 *
 * A page is found by the one number it is ordered by; what else there is to say is then read for its groups alone.
 */
import type { CallOptions } from "../telemetry-store.ts";
import type {
  GroupAssessments,
  GroupBy,
  GroupCursor,
  GroupOrder,
  GroupPage,
  GroupQuery,
  TraceGroup,
} from "../trace-values.ts";
import type { Cell } from "./columns.ts";
import { experimentConditions } from "./filter-scope.ts";
import type { Queries } from "./queries.ts";
import { selectionConditions } from "./selection.ts";
import { and, join, param, raw, type Sql, sql } from "./sql.ts";
import { newestTraces } from "./values.ts";

/** The column that a group has in common; "" = the trace is in no group. */
const groupColumn = { session: "session_id", user: "user_id" } as const satisfies Record<GroupBy, string>;

const START_US = "toUnixTimestamp64Micro(start_time)";

/** Whole numbers, so that a page ends exactly where the next one begins: sums of floats depend on their order. */
const orderSql: Readonly<Record<GroupOrder["key"], string>> = {
  last_activity: `toInt128(max(${START_US}))`,
  duration: `toInt128(max(${START_US} + duration_us) - min(${START_US}))`,
  traces: "toInt128(count())",
  errors: "toInt128(countIf(state = 'ERROR'))",
  sessions: "toInt128(uniqExactIf(session_id, session_id != ''))",
  tokens: "toInt128(ifNull(sum(total_tokens), 0))",
  // Billionths of a cent.
  cost: "ifNull(sum(toInt128(round(cost_usd * 1e11))), 0)",
};

const MAX_LISTED = 20;

/** Not of users, who may have half of all traces: previews are most of what there is to read of a trace. */
const PREVIEWS = `argMinIf(request_preview, (start_time, trace_id), request_preview != ''),
        argMaxIf(response_preview, (start_time, trace_id), response_preview != '')`;

/** @see TraceValues.searchTraceGroups */
export async function searchTraceGroups(queries: Queries, query: GroupQuery, options: CallOptions): Promise<GroupPage> {
  const found = await findGroups(queries, query, options);
  const page = found.slice(0, query.limit);
  const last = page.at(-1);
  if (last === undefined) return { groups: [] };
  const [groups, assessments] = await Promise.all([
    readGroups(queries, query, page, options),
    readAssessments(queries, query, page, options),
  ]);
  return {
    groups: page.flatMap((cursor) => {
      const key = keyOf(cursor.experimentId, cursor.id);
      // A group whose last trace was deleted in between.
      const group = groups.get(key);
      return group === undefined ? [] : { ...group, assessments: assessments.get(key) ?? [] };
    }),
    ...(found.length > query.limit && { next: last }),
  };
}

/** Traces that are looked through first for each group of a page, and by how much more at each further try. */
const TRACES_PER_GROUP = 20;
const GROWTH = 8;
const MAX_TRIES = 3;

/**
 * The groups of a page and one more, in its order.
 *
 * The latest ones are in the newest traces: those after a moment tell of every group whose latest trace is after it, and of no
 * other. So only as many are read as the page takes, unless most traces are in no group.
 */
async function findGroups(queries: Queries, query: GroupQuery, options: CallOptions): Promise<GroupCursor[]> {
  const { order, limit } = query;
  const isNewestFirst = order.key === "last_activity" && order.direction === "DESC" && query.id === undefined;
  let traces = TRACES_PER_GROUP * limit;
  for (let tries = 0; isNewestFirst && tries < MAX_TRIES; tries++, traces *= GROWTH) {
    const { selection, isWhole } = await newestTraces(queries, upToCursor(query), traces, options);
    if (isWhole) break;
    const found = await readPage(
      queries,
      { ...query, ...(selection.from !== undefined && { from: selection.from }) },
      options,
    );
    if (found.length > limit) return found;
  }
  return await readPage(queries, query, options);
}

/** The selected traces up to the one that the page before ended with. */
function upToCursor({ after, ...query }: GroupQuery): GroupQuery {
  if (after === undefined) return query;
  const end = (BigInt(after.value) + 1n) * 1000n;
  return { ...query, to: query.to === undefined || end < query.to ? end : query.to };
}

/** The groups of a page and one more, out of all selected traces. */
async function readPage(queries: Queries, query: GroupQuery, options: CallOptions): Promise<GroupCursor[]> {
  const { order, after } = query;
  const column = raw(groupColumn[query.by]);
  const isAscending = order.direction === "ASC";
  const direction = raw(isAscending ? "ASC" : "DESC");
  const comparison = raw(isAscending ? ">" : "<");
  const behind =
    after === undefined
      ? raw("1")
      : sql`(ordered_by, experiment, id) ${comparison} (${param(after.value, "Int128")}, ${param(after.experimentId, "String")}, ${param(after.id, "String")})`;
  const rows = await queries.rows(
    sql`SELECT experiment, id, toString(ordered_by) FROM (
        SELECT toString(experiment_id) AS experiment, ${column} AS id, ${raw(orderSql[order.key])} AS ordered_by
        FROM ${queries.table("traces")} FINAL
        WHERE ${and(groupConditions(queries, query))}
        GROUP BY experiment, id
      )
      WHERE ${behind}
      ORDER BY ordered_by ${direction}, experiment ${direction}, id ${direction}
      LIMIT ${param(query.limit + 1, "UInt32")}`,
    options,
  );
  return rows.map(([experimentId, id, value]) => ({
    experimentId: String(experimentId),
    id: String(id),
    value: String(value),
  }));
}

function groupConditions(queries: Queries, query: GroupQuery): Sql[] {
  const column = raw(groupColumn[query.by]);
  const { id } = query;
  const isGroup = id === undefined ? sql`${column} != ''` : sql`${column} = ${param(id, "String")}`;
  return [isGroup, ...selectionConditions(query, queries)];
}

/**
 * `FROM … WHERE …`: the selected traces of the groups of a page, and of groups with the same id in another of their experiments.
 *
 * The places of the traces in the sort key are found first, without FINAL and in two narrow columns: FINAL would read the previews
 * of every trace before it drops those of other groups. All versions of a row are at one place, so PREWHERE drops none of them.
 * Not for users: a few of them may have half of all traces, and a list of 100,000 places takes seconds to look up.
 */
function fromTracesOfPage(queries: Queries, query: GroupQuery, page: readonly GroupCursor[]): Sql {
  const ids = [...new Set(page.map(({ id }) => id))];
  const experimentIds = [...new Set(page.map(({ experimentId }) => experimentId))];
  const { from, to } = query;
  const range = { experimentIds, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
  const isOfPage = sql`${raw(groupColumn[query.by])} IN ${param(ids, "Array(String)")}`;
  const table = queries.table("traces");
  const places = sql`PREWHERE (experiment_id, start_time) IN (
      SELECT experiment_id, start_time FROM ${table} WHERE ${and([isOfPage, ...selectionConditions(range, queries)])}
    )`;
  return sql`FROM ${table} FINAL ${query.by === "session" ? places : raw("")}
    WHERE ${and([isOfPage, ...selectionConditions({ ...query, experimentIds }, queries)])}`;
}

async function readGroups(
  queries: Queries,
  query: GroupQuery,
  page: readonly GroupCursor[],
  options: CallOptions,
): Promise<ReadonlyMap<string, TraceGroup>> {
  const column = raw(groupColumn[query.by]);
  const sorted = (texts: string) => `arraySlice(arraySort(${texts}), 1, ${MAX_LISTED})`;
  const rows = await queries.rows(
    sql`SELECT toString(experiment_id), ${column},
        toString(min(${raw(START_US)})), toString(max(${raw(START_US)})), toString(max(${raw(START_US)} + duration_us)),
        count(), countIf(state = 'ERROR'), countIf(state = 'IN_PROGRESS'),
        sum(input_tokens), sum(output_tokens), sum(total_tokens), sum(cost_usd),
        ${raw(query.by === "session" ? PREVIEWS : "'', ''")},
        uniqExactIf(session_id, session_id != ''),
        ${raw(sorted("groupUniqArrayIf(user_id, user_id != '')"))}, ${raw(sorted("groupUniqArrayArray(models)"))}
      ${fromTracesOfPage(queries, query, page)}
      GROUP BY experiment_id, ${column}`,
    options,
  );
  return new Map(rows.map((cells) => [keyOf(cells[0], cells[1]), toGroup(cells)]));
}

function toGroup(cells: readonly Cell[]): TraceGroup {
  const [experimentId, id, firstUs, lastUs, endUs, traces, errors, running, ...rest] = cells;
  const [inputTokens, outputTokens, totalTokens, cost, firstInput, lastOutput, sessions, users, models] = rest;
  const end = BigInt(String(endUs));
  return {
    experimentId: String(experimentId),
    id: String(id),
    firstStart: BigInt(String(firstUs)) * 1000n,
    lastStart: BigInt(String(lastUs)) * 1000n,
    durationUs: end - BigInt(String(firstUs)),
    traces: Number(traces),
    errors: Number(errors),
    running: Number(running),
    ...(isKnown(totalTokens) && {
      tokens: { input: Number(inputTokens ?? 0), output: Number(outputTokens ?? 0), total: Number(totalTokens) },
    }),
    ...(isKnown(cost) && { costUsd: Number(cost) }),
    firstInput: String(firstInput),
    lastOutput: String(lastOutput),
    sessions: Number(sessions),
    users: toTexts(users),
    models: toTexts(models),
    assessments: [],
  };
}

function toTexts(cell: Cell | undefined): string[] {
  return Array.isArray(cell) ? cell.map(String) : [];
}

function isKnown(cell: Cell | undefined): boolean {
  return cell !== null && cell !== undefined;
}

/** What the valid assessments of the traces of each group say, by kind and name. */
async function readAssessments(
  queries: Queries,
  query: GroupQuery,
  page: readonly GroupCursor[],
  options: CallOptions,
): Promise<ReadonlyMap<string, readonly GroupAssessments[]>> {
  const column = raw(groupColumn[query.by]);
  const traces = sql`SELECT trace_id, toString(experiment_id) AS experiment, ${column} AS id
    ${fromTracesOfPage(queries, query, page)}`;
  const experimentIds = [...new Set(page.map(({ experimentId }) => experimentId))];
  const rows = await queries.rows(
    sql`SELECT ${join([raw("trace.experiment"), raw("trace.id"), raw("kind"), raw("name")], ", ")},
        count(), countIf(error != ''), avg(value_number), min(value_number), max(value_number)
      FROM (
        SELECT trace_id, toString(kind) AS kind, toString(name) AS name, error, value_number
        FROM ${queries.table("assessments")} FINAL
        WHERE ${and([
          ...experimentConditions({ experimentIds, table: (name) => queries.table(name) }),
          raw("valid = 1"),
          sql`trace_id IN (SELECT trace_id FROM (${traces}))`,
        ])}
      ) AS made
      INNER JOIN (${traces}) AS trace ON trace.trace_id = made.trace_id
      GROUP BY trace.experiment, trace.id, kind, name ORDER BY kind, name`,
    options,
  );
  const groups = new Map<string, GroupAssessments[]>();
  for (const [experiment, id, kind, name, count, errors, average, min, max] of rows) {
    const key = keyOf(experiment, id);
    const list = groups.get(key) ?? [];
    groups.set(key, list);
    list.push({
      kind: String(kind),
      name: String(name),
      count: Number(count),
      errors: Number(errors),
      ...(isKnown(average) && { average: Number(average), min: Number(min), max: Number(max) }),
    });
  }
  return groups;
}

function keyOf(experimentId: Cell | undefined, id: Cell | undefined): string {
  return JSON.stringify([experimentId, id]);
}
