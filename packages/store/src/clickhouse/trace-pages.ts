/**
 * Pages of traces, found in one of four ways.
 *
 * By start, without a filter: straight from the sort key, where all versions of a row lie side by side (`TraceReader.byPlace`).
 *
 * By start or duration, with a filter that an older version may fit: FINAL over a whole experiment costs time in proportion to its
 * traces, for a page of fifty (59 ms at 200,000, measured). So the order is read without FINAL, straight from the sort key, and only
 * what could be on the page is then read with FINAL, but for rows that are remembered as the latest (`latest-rows.ts`): rows that were
 * replaced, moved or deleted fall out there, and the next candidates take their places. Where such rows lie thick, as after a large
 * deletion, the order is read with FINAL after all.
 *
 * With conditions on spans: in growing windows of time, newest first, until the page is full (`trace-windows.ts`).
 *
 * By anything else: all selected traces are looked at.
 */
import { readsSpans } from "@sightline/wire/filter/shape";
import type { TraceInfo } from "@sightline/wire/model/trace";
import type { CallOptions, TraceCursor, TracePage, TraceQuery, TraceSelection } from "../telemetry-store.ts";
import { earliest, latest } from "./moments.ts";
import type { Queries, ReadOptions } from "./queries.ts";
import type { TraceRow } from "./rows.ts";
import { selectionConditions } from "./selection.ts";
import { and, param, raw, type Sql, sql } from "./sql.ts";
import { SortOrder } from "./trace-order.ts";
import { nearPlaces } from "./trace-places.ts";
import { type Window, windowsOf, withinSeconds } from "./trace-windows.ts";
import type { TraceReader } from "./traces.ts";

const ROUNDS_WITHOUT_FINAL = 2;
const ROUNDS_BY_PLACE = 4;
/** A person has given up by then, and clients that repeat a question would pile it up. */
const MAX_SECONDS = 30;

/** @see TelemetryStore.searchTraces */
export async function searchTraces(reader: TraceReader, query: TraceQuery, options: CallOptions): Promise<TracePage> {
  const { queries } = reader;
  const order = new SortOrder(query.order, queries);
  const readOptions = withinSeconds(MAX_SECONDS, options);
  const { filter, limit, after } = query;
  const request: PageRequest = { reader, queries, query, order, after, readOptions, count: limit + 1 };
  if (filter !== undefined && readsSpans(filter)) return await readPage(request, await findInWindows(request));
  if (order.byRowColumn === undefined) return await readPage(request, await findPlaces(request, query));
  const found = filter === undefined && order.byRowColumn === "startUs" ? await findByPlace(request) : undefined;
  return found ?? (await findByCandidates(request, order.byRowColumn));
}

interface PageRequest {
  readonly reader: TraceReader;
  readonly queries: Queries;
  readonly query: TraceQuery;
  readonly order: SortOrder;
  readonly after: TraceCursor | undefined;
  /** One more than the page: it tells whether there is a next one. */
  readonly count: number;
  readonly readOptions: () => ReadOptions;
}

/** The first places of a selection in the order of the page. */
async function findPlaces(request: PageRequest, selection: Window, count = request.count) {
  const { queries, order, after, readOptions } = request;
  const conditions = selectionConditions(selection, queries);
  const where = after === undefined ? conditions : [...conditions, order.after(after)];
  const rows = await queries.rows(
    sql`SELECT ${order.select} FROM ${queries.table("traces")} FINAL ${order.joins}
      WHERE ${and(where)} ORDER BY ${order.sorted} LIMIT ${param(count, "UInt32")}`,
    readOptions(),
  );
  return rows.map((row) => order.read(row));
}

/** The same, window by window. */
async function findInWindows(request: PageRequest): Promise<readonly TraceCursor[]> {
  const { queries, query, order, count, readOptions } = request;
  const { byStart } = order;
  let found: TraceCursor[] = [];
  for await (const window of windowsOf(queries, rangeAfter(request), byStart ?? "DESC", readOptions)) {
    // Another order may have its first place in the last window.
    const missing = byStart === undefined ? count : count - found.length;
    const places = await findPlaces(request, { ...query, ...window }, missing);
    found = [...found, ...places];
    if (byStart === undefined) found = found.toSorted((a, b) => order.compare(a, b)).slice(0, count);
    else if (found.length >= count) break;
  }
  return found;
}

/** The part of the time range that can come after a place. */
function rangeAfter({ query, order, after }: PageRequest): TraceSelection {
  const { order: _order, limit: _limit, after: _after, ...selection } = query;
  if (after === undefined || order.byStart === undefined) return selection;
  // Throws if it is no place at all.
  order.after(after);
  const start = BigInt(after.startUs) * 1000n;
  return order.byStart === "ASC"
    ? { ...selection, from: latest(start, selection.from === undefined ? [] : [selection.from]) }
    : { ...selection, to: earliest(start + 1000n, selection.to === undefined ? [] : [selection.to]) };
}

/** The page with these places, which were found with FINAL and satisfy the filter. */
async function readPage(request: PageRequest, places: readonly TraceCursor[]): Promise<TracePage> {
  const { reader, query, readOptions } = request;
  const page = places.slice(0, query.limit);
  const found = await reader.byId(
    page.map(({ traceId }) => ({ traceId })),
    nearPlaces(page),
    readOptions(),
  );
  // One that was deleted meanwhile is left out.
  const there = page.filter(({ traceId }) => found.has(traceId));
  const traces = there.flatMap(({ traceId }) => found.get(traceId)?.info ?? []);
  const last = page.at(-1);
  return { traces, places: there, ...(places.length > query.limit && last !== undefined && { next: last }) };
}

/** The page, unless moved, deleted and replaced rows lie so thick that it takes too many rounds. */
async function findByPlace(request: PageRequest): Promise<TracePage | undefined> {
  const { reader, queries, query, order, count, readOptions } = request;
  const conditions = selectionConditions(query, queries);
  const rows: TraceRow[] = [];
  let { after } = request;
  for (let rounds = 0; rounds < ROUNDS_BY_PLACE; rounds += 1) {
    const where = after === undefined ? conditions : [...conditions, order.after(after)];
    // Most traces have one row; where they have more, the next round reads on.
    const rowLimit = count - rows.length + 16;
    const tail = sql`ORDER BY ${order.sorted} LIMIT ${param(rowLimit, "UInt32")}`;
    const { places, read } = await reader.byPlace(and(where), tail, readOptions());
    const isEnd = read < rowLimit;
    // More versions of the last place may lie behind the limit.
    const whole = isEnd ? places : places.slice(0, -1);
    for (const { row } of whole) if (row !== undefined && rows.length < count) rows.push(row);
    if (isEnd || rows.length === count) return await pageOfRows(request, rows);
    const last = whole.at(-1);
    if (last === undefined) return undefined;
    after = cursorOf(last);
  }
  return undefined;
}

async function pageOfRows({ reader, query, readOptions }: PageRequest, rows: readonly TraceRow[]): Promise<TracePage> {
  const page = rows.slice(0, query.limit);
  const traces = await reader.annotated(page, readOptions());
  const places = page.map(cursorOf);
  const last = places.at(-1);
  return { traces, places, ...(rows.length > query.limit && last !== undefined && { next: last }) };
}

/** The place of a row in the order of starts. */
function cursorOf({ startUs, traceId }: Pick<TraceRow, "startUs" | "traceId">): TraceCursor {
  return { values: [String(startUs)], startUs: String(startUs), traceId };
}

/** A row that may be the latest of its trace. */
interface Candidate extends TraceCursor {
  readonly experimentId: string;
  readonly version: number;
}

async function findByCandidates(request: PageRequest, column: RowColumn): Promise<TracePage> {
  const { reader, queries, query, count, readOptions } = request;
  const conditions = selectionConditions(query, queries);
  const found: { readonly info: TraceInfo; readonly cursor: TraceCursor }[] = [];
  let { after } = request;
  for (let rounds = 0, missing = count; missing > 0; rounds += 1, missing = count - found.length) {
    const table = rounds < ROUNDS_WITHOUT_FINAL ? queries.table("traces") : sql`${queries.table("traces")} FINAL`;
    const { candidates, isEnd } = await findCandidates({ ...request, after, count: missing }, table, conditions);
    const latestRows = await reader.byId(candidates, and([nearPlaces(candidates), ...conditions]), readOptions());
    for (const { traceId, values, startUs } of candidates) {
      const trace = latestRows.get(traceId);
      // Its latest row has another place in the order: it is, or was, a candidate there.
      if (trace === undefined || String(trace.row[column]) !== values[0] || String(trace.row.startUs) !== startUs)
        continue;
      found.push({ info: trace.info, cursor: { values, startUs, traceId } });
    }
    const last = candidates.at(-1);
    if (isEnd || last === undefined) break;
    after = { values: last.values, startUs: last.startUs, traceId: last.traceId };
  }
  const page = found.slice(0, query.limit);
  const last = page.at(-1);
  return {
    traces: page.map(({ info }) => info),
    places: page.map(({ cursor }) => cursor),
    ...(found.length > query.limit && last !== undefined && { next: last.cursor }),
  };
}

/** Columns of a row that hold the value of an order, in microseconds. */
type RowColumn = "startUs" | "durationUs";

/**
 * The next rows in the order of the page, replaced ones among them.
 *
 * @returns up to `count` candidates, and whether there is none after them
 */
async function findCandidates(
  { queries, order, after, count, readOptions }: PageRequest,
  table: Sql,
  conditions: readonly Sql[],
): Promise<{ candidates: readonly Candidate[]; isEnd: boolean }> {
  const where = after === undefined ? conditions : [...conditions, order.after(after)];
  // A trace that came in several batches has a row of each until they are merged. They lie side by side.
  const rowLimit = 2 * count + 10;
  const rows = await queries.rows(
    sql`SELECT experiment_id, toString(version), ${order.select} FROM ${table}
      WHERE ${and([raw("is_deleted = 0"), ...where])}
      ORDER BY ${order.sorted}
      LIMIT ${param(rowLimit, "UInt32")}`,
    readOptions(),
  );
  const distinct = new Map<string, Candidate>();
  for (const [experimentId, versionText, ...place] of rows) {
    const cursor = order.read(place);
    const key = `${cursor.values[0]} ${cursor.startUs} ${cursor.traceId}`;
    const before = distinct.get(key);
    if (distinct.size === count && before === undefined) return { candidates: [...distinct.values()], isEnd: false };
    const version = Math.max(before?.version ?? 0, Number(versionText));
    distinct.set(key, { experimentId: String(experimentId), version, ...cursor });
  }
  return { candidates: [...distinct.values()], isEnd: rows.length < rowLimit };
}
