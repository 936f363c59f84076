/**
 * Orders of traces as SQL: sort keys, what follows after a place, and the place of a trace.
 */
import { SightlineError } from "@sightline/wire/errors";
import { SOURCE_RUN_KEY } from "@sightline/wire/filter/mlflow-grammar";
import type { OrderKey } from "@sightline/wire/filter/order";
import type { TraceCursor, TraceOrder } from "../telemetry-store.ts";
import type { Cell } from "./columns.ts";
import { entryOf, hasEntry } from "./filter-columns.ts";
import { momentUs } from "./moments.ts";
import type { Queries } from "./queries.ts";
import { join, param, raw, type Sql, sql } from "./sql.ts";

/** What traces are ordered by, over a row of `traces` with its joins. */
interface SortKey {
  readonly value: Sql;
  /** How places are compared in memory, and read back; `moment` is a DateTime64(6) in microseconds. */
  readonly type: "moment" | "Int64" | "Float64" | "String";
  /** That a trace has nothing there; absent = it always has. */
  readonly missing?: Sql;
  /** `LEFT JOIN … ON …` that the expressions need. */
  readonly joined?: Sql;
}

type ReadKey = (order: TraceOrder, index: number, queries: Queries) => SortKey;

const always =
  (value: string, type: SortKey["type"]): ReadKey =>
  () => ({ value: raw(value), type });
const text =
  (column: string): ReadKey =>
  () => ({ value: raw(`toString(${column})`), type: "String", missing: raw(`${column} = ''`) });
const number =
  (column: string): ReadKey =>
  () => ({ value: raw(`assumeNotNull(${column})`), type: "Float64", missing: raw(`${column} IS NULL`) });

const sortKeys: Readonly<Record<OrderKey, ReadKey>> = {
  timestamp_ms: always("start_time", "moment"),
  execution_time_ms: always("duration_us", "Int64"),
  end_time_ms: always("toUnixTimestamp64Micro(start_time) + duration_us", "Int64"),
  status: always("toString(state)", "String"),
  trace_id: always("trace_id", "String"),
  // As numbers: "10" comes after "9".
  experiment: always("toInt64OrZero(toString(experiment_id))", "Int64"),
  name: text("name"),
  session: text("session_id"),
  user: text("user_id"),
  "tokens.total": number("total_tokens"),
  cost: number("cost_usd"),
  tags: ({ name = "" }, index, queries) => entry("tags", "trace_tags", name, index, queries),
  metadata: ({ name = "" }, index, queries) => entry("metadata", "trace_metadata", name, index, queries),
  run: (_, index, queries) => entry("metadata", "trace_metadata", SOURCE_RUN_KEY, index, queries),
};

/** An entry that spans carry, under what people set or removed. */
function entry(column: string, edits: string, key: string, index: number, queries: Queries): SortKey {
  const [edited, value, removed] = [raw(`edited_${index}`), raw(`value_${index}`), raw(`removed_${index}`)];
  return {
    value: sql`if(${edited} != '', ${value}, ${entryOf(column, key)})`,
    type: "String",
    missing: sql`if(${edited} != '', ${removed} = 1, NOT ${hasEntry(column, key)})`,
    joined: sql`LEFT JOIN (
      SELECT trace_id AS ${edited}, value AS ${value}, removed AS ${removed}
      FROM ${queries.table(edits)} FINAL WHERE key = ${param(key, "String")}
    ) AS edits_${raw(String(index))} ON trace_id = ${edited}`,
  };
}

/** An order, ready to be put into queries on `traces`. */
export class SortOrder {
  readonly #orders: readonly TraceOrder[];
  readonly #keys: readonly SortKey[];

  constructor(order: TraceOrder | readonly TraceOrder[], queries: Queries) {
    this.#orders = "key" in order ? [order] : order;
    this.#keys = this.#orders.map((one, index) => sortKeys[one.key](one, index, queries));
  }

  /** The direction if the start decides first, else undefined. */
  get byStart(): "ASC" | "DESC" | undefined {
    const [first] = this.#orders;
    return first === undefined ? "DESC" : first.key === "timestamp_ms" ? first.direction : undefined;
  }

  /** The property of a row that alone decides, up to ties; undefined if the order needs more. */
  get byRowColumn(): "startUs" | "durationUs" | undefined {
    const [first, ...more] = this.#orders;
    if (first === undefined || more.length > 0) return undefined;
    return first.key === "timestamp_ms" ? "startUs" : first.key === "execution_time_ms" ? "durationUs" : undefined;
  }

  /** What follows `FROM traces`. */
  get joins(): Sql {
    return join(
      this.#keys.flatMap(({ joined }) => joined ?? []),
      " ",
    );
  }

  /** The select list that {@link read} reads. */
  get select(): Sql {
    const values = this.#keys.map(({ value, type, missing }) => {
      const shown = type === "moment" ? sql`toString(toUnixTimestamp64Micro(${value}))` : sql`toString(${value})`;
      return missing === undefined ? shown : sql`if(${missing}, NULL, ${shown})`;
    });
    return join([raw("trace_id"), raw("toString(toUnixTimestamp64Micro(start_time))"), ...values], ", ");
  }

  read([traceId, startUs, ...values]: readonly Cell[]): TraceCursor {
    const places = values.map((value) => (value === null ? null : String(value)));
    return { values: places, startUs: String(startUs), traceId: String(traceId) };
  }

  /** What follows ORDER BY. */
  get sorted(): Sql {
    const keys = this.#keys.flatMap(({ value, missing }, index) => {
      const direction = raw(this.#orders[index]?.direction === "ASC" ? "ASC" : "DESC");
      return [...(missing === undefined ? [] : [sql`${missing} ASC`]), sql`${value} ${direction}`];
    });
    // Twice the same key would keep ClickHouse from reading in the order of the sort key.
    const isKey = this.#orders.some(({ key }) => key === "timestamp_ms");
    const ties = isKey ? [] : [raw("start_time DESC")];
    return join([...keys, ...ties, raw("trace_id ASC")], ", ");
  }

  /**
   * That a trace comes after a place.
   *
   * @throws BAD_PAGE_TOKEN if it is no place in this order
   */
  after(cursor: TraceCursor): Sql {
    this.#check(cursor);
    const last = momentUs(BigInt(cursor.startUs));
    const ties = sql`start_time < ${last} OR (start_time = ${last} AND trace_id > ${param(cursor.traceId, "String")})`;
    return this.#keys.reduceRight((rest, { value, type, missing }, index) => {
      const place = cursor.values[index] ?? null;
      // Nothing comes after nothing but what is equal and decided by the rest.
      if (place === null) return sql`(${missing ?? raw("0")}) AND (${rest})`;
      const at = placeOf(place, type);
      const beyond = sql`${value} ${raw(this.#orders[index]?.direction === "ASC" ? ">" : "<")} ${at}`;
      const present = sql`(${beyond}) OR (${value} = ${at} AND (${rest}))`;
      return missing === undefined ? present : sql`(${missing}) OR (${present})`;
    }, ties);
  }

  /** Below 0 if `left` comes first. */
  compare(left: TraceCursor, right: TraceCursor): number {
    for (const [index, { type }] of this.#keys.entries()) {
      const [a, b] = [left.values[index] ?? null, right.values[index] ?? null];
      if (a === b) continue;
      if (a === null || b === null) return a === null ? 1 : -1;
      const difference = compareValues(a, b, type);
      if (difference !== 0) return this.#orders[index]?.direction === "ASC" ? difference : -difference;
    }
    const byStart = compareValues(right.startUs, left.startUs, "Int64");
    return byStart === 0 ? compareValues(left.traceId, right.traceId, "String") : byStart;
  }

  #check(cursor: TraceCursor): void {
    const isPlace = this.#keys.every(({ type, missing }, index) => {
      const value = cursor.values[index];
      if (value === null) return missing !== undefined;
      if (value === undefined) return false;
      if (type === "String") return true;
      return type === "Float64" ? Number.isFinite(Number(value)) : /^-?\d{1,18}$/.test(value);
    });
    if (isPlace && cursor.values.length === this.#keys.length && /^\d{1,18}$/.test(cursor.startUs)) return;
    throw new SightlineError(
      "BAD_PAGE_TOKEN",
      `${JSON.stringify(cursor.values)} is no place in this list of traces. Start again from the first page.`,
    );
  }
}

function placeOf(place: string, type: SortKey["type"]): Sql {
  if (type === "moment") return momentUs(BigInt(place));
  return param(type === "Int64" ? BigInt(place) : type === "Float64" ? Number(place) : place, type);
}

function compareValues(left: string, right: string, type: SortKey["type"]): number {
  // As ClickHouse compares texts: by their bytes.
  if (type === "String") return Buffer.compare(Buffer.from(left), Buffer.from(right));
  const [a, b] = type === "Float64" ? [Number(left), Number(right)] : [BigInt(left), BigInt(right)];
  return a < b ? -1 : a > b ? 1 : 0;
}
