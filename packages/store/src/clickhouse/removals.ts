/**
 * Deleting many traces: a list on disk of what is to go, worked off in steps.
 *
 * The list is made once, inside the engine, so that what is deleted does not depend on what arrives while the removal runs, on
 * crashes, or on memory.
 */
import type { CallOptions } from "../telemetry-store.ts";
import type { RemovalSelection, RemovalStep } from "../trace-removal.ts";
import type { Maintenance } from "./maintenance.ts";
import { momentUs } from "./moments.ts";
import type { Queries } from "./queries.ts";
import { selectionConditions } from "./selection.ts";
import { and, param, raw, type Sql, sql } from "./sql.ts";
import type { StartRange } from "./trace-places.ts";

/** Ids in one statement; see `Queries`. */
const MAX_IDS_PER_STATEMENT = 1000;

/** The list is whole when this row is in it. Its trace id sorts before all others. */
const WHOLE = { startUs: 0n, traceId: "" } as const;

/** The list of the removals that have ended: a job that is run again after its removal ended must not begin another one. */
const ENDED = "ended";

const LISTED = 1;
const DONE = 2;

/** Where the last step of a removal ended; read from the sort key, so that a step does not read what earlier ones have done. */
type Place = { readonly startUs: bigint; readonly traceId: string };

export interface RemovalParts {
  readonly queries: Queries;
  readonly maintenance: Maintenance;
  /** Deletes traces with all that is kept of them; they started in the range when they were listed. */
  readonly deleteTraces: (traceIds: readonly string[], range: StartRange) => Promise<void>;
}

export class Removals {
  readonly #queries: Queries;
  readonly #maintenance: Maintenance;
  readonly #deleteTraces: RemovalParts["deleteTraces"];
  readonly #places = new Map<string, Place>();

  constructor({ queries, maintenance, deleteTraces }: RemovalParts) {
    this.#queries = queries;
    this.#maintenance = maintenance;
    this.#deleteTraces = deleteTraces;
  }

  /** @see TraceRemoval.beginRemoval */
  async begin(removalId: string, selection: RemovalSelection, options: CallOptions): Promise<number> {
    const [ended] = await this.#queries.rows(
      sql`SELECT count() ${this.#ofRemoval(ENDED)} AND trace_id = ${param(removalId, "String")}`,
      options,
    );
    if (Number(ended?.[0]) > 0) return 0;
    const list = this.#ofRemoval(removalId);
    const [marks] = await this.#queries.rows(sql`SELECT count() ${list} AND trace_id = ''`, options);
    if (Number(marks?.[0]) === 0) {
      // What a process that ended here left is half a list.
      await this.#drop(removalId);
      for (const where of this.#conditions(selection)) await this.#list(removalId, where, selection.oldest, options);
      await this.#mark(removalId, [WHOLE], LISTED);
    }
    const [left] = await this.#queries.rows(sql`SELECT count() ${list} AND trace_id != ''`, options);
    return Number(left?.[0]);
  }

  /** @see TraceRemoval.continueRemoval */
  async continue(
    removalId: string,
    limit: number,
    beforeDeleting: (traceIds: readonly string[]) => Promise<void> = async () => undefined,
  ): Promise<RemovalStep> {
    const { startUs, traceId } = this.#places.get(removalId) ?? WHOLE;
    const rows = await this.#queries.rows(
      sql`SELECT toString(toUnixTimestamp64Micro(start_time)), trace_id, span_count ${this.#ofRemoval(removalId)}
        AND start_time >= ${momentUs(startUs)} AND (start_time, trace_id) > (${momentUs(startUs)}, ${param(traceId, "String")})
        ORDER BY start_time, trace_id LIMIT ${param(limit, "UInt32")}`,
    );
    const places = rows.map(([start, id]): Place => ({ startUs: BigInt(String(start)), traceId: String(id) }));
    const [first, last] = [places[0], places.at(-1)];
    if (first === undefined || last === undefined) return { traces: 0, spans: 0 };
    const traceIds = places.map((place) => place.traceId);
    await beforeDeleting(traceIds);
    await this.#deleteTraces(traceIds, { fromUs: first.startUs, toUs: last.startUs });
    await this.#mark(removalId, places, DONE);
    this.#places.set(removalId, last);
    return { traces: rows.length, spans: rows.reduce((sum, [, , spans]) => sum + Number(spans), 0) };
  }

  /** @see TraceRemoval.endRemoval */
  async end(removalId: string): Promise<void> {
    this.#places.delete(removalId);
    await this.#mark(ENDED, [{ startUs: 0n, traceId: removalId }], LISTED);
    await this.#drop(removalId);
  }

  /** One condition on `traces`, or one for each part of a long list of ids. */
  #conditions(selection: RemovalSelection): Sql[] {
    const conditions = selectionConditions(selection, this.#queries);
    if (selection.traceIds === undefined) return [and(conditions)];
    const ids = [...new Set(selection.traceIds)];
    const parts: Sql[] = [];
    for (let from = 0; from < ids.length; from += MAX_IDS_PER_STATEMENT) {
      const part = ids.slice(from, from + MAX_IDS_PER_STATEMENT);
      parts.push(and([...conditions, sql`trace_id IN ${param(part, "Array(String)")}`]));
    }
    return parts;
  }

  async #list(removalId: string, where: Sql, oldest: number | undefined, options: CallOptions): Promise<void> {
    const first = oldest === undefined ? raw("") : sql`ORDER BY start_time, trace_id LIMIT ${param(oldest, "UInt64")}`;
    await this.#maintenance.command(
      sql`INSERT INTO ${this.#queries.table("removals")} (removal_id, start_time, trace_id, span_count, version)
        SELECT ${param(removalId, "String")}, start_time, trace_id, span_count, ${param(LISTED, "UInt64")}
        FROM ${this.#queries.table("traces")} FINAL WHERE ${where} ${first}
        SETTINGS do_not_merge_across_partitions_select_final = 1`,
      options,
    );
  }

  async #mark(removalId: string, places: readonly Place[], version: number): Promise<void> {
    const rows = places.map(({ startUs, traceId }) => {
      const micros = String(startUs).padStart(16, "0");
      return JSON.stringify({
        removal_id: removalId,
        start_time: `${micros.slice(0, -6)}.${micros.slice(-6)}`,
        trace_id: traceId,
        version,
        is_deleted: version === DONE ? 1 : 0,
      });
    });
    await this.#queries.insert("removals", [Buffer.from(rows.map((row) => `${row}\n`).join(""))]);
  }

  async #drop(removalId: string): Promise<void> {
    checkRemovalId(removalId);
    await this.#queries.command(
      raw(`ALTER TABLE ${this.#queries.tableName("removals")} DROP PARTITION '${removalId}'`),
    );
  }

  #ofRemoval(removalId: string): Sql {
    checkRemovalId(removalId);
    return sql`FROM ${this.#queries.table("removals")} FINAL WHERE removal_id = ${param(removalId, "String")}`;
  }
}

/** DROP PARTITION takes no parameter on some versions of ClickHouse, so the id stands in the text. */
function checkRemovalId(removalId: string): void {
  if (!/^[\w-]{1,100}$/.test(removalId)) throw new RangeError(`"${removalId}" cannot name a removal.`);
}
