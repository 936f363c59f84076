/**
 * Counts costs anew: looks at the spans hour by hour in the order of the sort key, and rewrites those whose cost changed inside the
 * engine, with the rows of their traces.
 */
import { MLFLOW_USAGE_KEY } from "@sightline/wire/conventions/usage";
import type { PricedSpan } from "@sightline/wire/pricing/cost";
import type { CallOptions } from "../telemetry-store.ts";
import type { CostCounts, TraceCosts } from "../trace-costs.ts";
import { type Cell, rowReader } from "./columns.ts";
import type { KeyedLock } from "./keyed-lock.ts";
import { readKnownTraces } from "./known-traces.ts";
import type { LatestRows } from "./latest-rows.ts";
import type { Queries } from "./queries.ts";
import type { RecentTraces } from "./recent-traces.ts";
import { spanMappings } from "./rows.ts";
import { and, param, raw, type Sql, sql } from "./sql.ts";
import { TraceChanges } from "./trace-changes.ts";
import type { VersionClock } from "./version-clock.ts";

/** Spans looked at in one query; about 1 MB, since their payloads are not read. */
const SPANS_IN_PAGE = 5000;
/** Spans rewritten by one statement: their ids are a parameter of 50 KB, which ClickHouse takes up to 128 KiB of. */
const SPANS_IN_STATEMENT = 1000;
/** Traces locked at a time: writes of new spans to them wait for as long as it takes to rewrite them, about half a second. */
const TRACES_IN_STEP = 500;

const candidate = rowReader(spanMappings, [
  "traceId",
  "spanId",
  "startTimeUnixNano",
  "model",
  "provider",
  "usage",
  "costUsd",
]);

/** Used tokens of a model, and the sender did not say the cost. */
const IS_CANDIDATE = raw("total_tokens IS NOT NULL AND model != '' AND (cost_computed = 1 OR cost_usd IS NULL)");

interface Candidate extends PricedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly costUsd?: number;
}

interface Hour {
  readonly experimentId: string;
  /** Seconds since the epoch. */
  readonly start: number;
}

/** Carries out `TraceCosts`. */
export class CostWriter {
  readonly #queries: Queries;
  readonly #clock: VersionClock;
  readonly #recent: RecentTraces;
  readonly #rows: LatestRows;
  readonly #locks: KeyedLock;

  /** @param options  `locks`: by trace id, shared with whoever else changes traces */
  constructor(options: {
    queries: Queries;
    clock: VersionClock;
    recent: RecentTraces;
    rows: LatestRows;
    locks: KeyedLock;
  }) {
    this.#queries = options.queries;
    this.#clock = options.clock;
    this.#recent = options.recent;
    this.#rows = options.rows;
    this.#locks = options.locks;
  }

  /** @see TraceCosts.recomputeCosts */
  async recompute(...[costOf, options = {}]: Parameters<TraceCosts["recomputeCosts"]>): Promise<CostCounts> {
    const { signal, onProgress } = options;
    const call: CallOptions = signal === undefined ? {} : { signal };
    const counts = { spans: 0, changed: 0, traces: 0 };
    // Without FINAL: a span that was sent twice counts twice in the total, which is only shown.
    const hours = await this.#queries.rows(
      sql`SELECT experiment_id, toUnixTimestamp(toStartOfHour(start_time)) AS hour, count()
        FROM ${this.#queries.table("spans")} WHERE is_deleted = 0 AND ${IS_CANDIDATE} GROUP BY 1, 2 ORDER BY 1, 2`,
      call,
    );
    const total = hours.reduce((sum, [, , spans]) => sum + Number(spans), 0);
    for (const [experimentId, start] of hours) {
      const hour = { experimentId: String(experimentId), start: Number(start) };
      let after: Candidate | undefined;
      do {
        const page = await this.#page(hour, after, call);
        const changed = page.filter((span) => isChanged(span, costOf));
        for (const traceIds of partsOf([...new Set(changed.map(({ traceId }) => traceId))], TRACES_IN_STEP)) {
          signal?.throwIfAborted();
          const step = await this.#rewrite(hour, traceIds, costOf);
          counts.changed += step;
          if (step > 0) counts.traces += traceIds.length;
        }
        counts.spans += page.length;
        onProgress?.({ ...counts }, total);
        after = page.length < SPANS_IN_PAGE ? undefined : page.at(-1);
      } while (after !== undefined);
    }
    return counts;
  }

  /** The next candidates of an hour, in order of trace and span id. */
  async #page(hour: Hour, after: Candidate | undefined, options: CallOptions): Promise<Candidate[]> {
    const conditions = [...inHour(hour), IS_CANDIDATE];
    if (after !== undefined) {
      const [traceId, spanId] = [param(after.traceId, "String"), param(after.spanId, "String")];
      conditions.push(sql`trace_id >= ${traceId} AND (trace_id > ${traceId} OR span_id > ${spanId})`);
    }
    return await this.#candidates(
      sql`WHERE ${and(conditions)} ORDER BY trace_id, span_id LIMIT ${param(SPANS_IN_PAGE, "UInt32")}`,
      options,
    );
  }

  /** Writes the costs of some traces in an hour anew. They are looked up again: they may have changed before they were locked. */
  async #rewrite(
    hour: Hour,
    traceIds: readonly string[],
    costOf: (span: PricedSpan) => number | undefined,
  ): Promise<number> {
    return await this.#locks.run(traceIds, async () => {
      const isMeant = and([...inHour(hour), sql`trace_id IN ${param(traceIds, "Array(String)")}`, IS_CANDIDATE]);
      const spans = await this.#candidates(sql`WHERE ${isMeant}`, {});
      const changed = spans.filter((span) => isChanged(span, costOf));
      if (changed.length === 0) return 0;
      for (const traceId of traceIds) this.#recent.take(traceId);
      const version = this.#clock.begin();
      try {
        for (const part of partsOf(changed, SPANS_IN_STATEMENT)) await this.#rewriteSpans(hour, part, version, costOf);
      } finally {
        this.#clock.end(version);
      }
      // The rows last, with the same version: `repair` makes them if the process ends in between.
      const { traces } = await readKnownTraces(this.#queries, traceIds);
      const changes = new TraceChanges(version);
      for (const trace of traces.values()) changes.putTrace(trace);
      await this.#rows.replace(traceIds, async () => {
        await this.#queries.insert("traces", changes.traces.buffers());
        return changes.tracesPut();
      });
      return changed.length;
    });
  }

  async #rewriteSpans(
    hour: Hour,
    spans: readonly Candidate[],
    version: number,
    costOf: (span: PricedSpan) => number | undefined,
  ): Promise<void> {
    const table = this.#queries.table("spans");
    const keys = param(spans.map(keyOf), "Array(String)");
    const costs = param(
      spans.map((span) => costOf(span) ?? UNKNOWN),
      "Array(Float64)",
    );
    const traceIds = param([...new Set(spans.map(({ traceId }) => traceId))], "Array(String)");
    const cost = sql`transform(concat(trace_id, span_id), ${keys}, ${costs}, toFloat64(${raw(String(UNKNOWN))}))`;
    // Small blocks: payloads of some megabytes are in them.
    await this.#queries.command(
      sql`INSERT INTO ${table} SELECT * REPLACE (
          if(${cost} < 0, NULL, ${cost}) AS cost_usd, 1 AS cost_computed, ${param(version, "UInt64")} AS version)
        FROM ${table} FINAL WHERE ${and([...inHour(hour), sql`trace_id IN ${traceIds}`])} AND concat(trace_id, span_id) IN ${keys}
        SETTINGS do_not_merge_across_partitions_select_final = 1, max_partitions_per_insert_block = 0,
          max_block_size = 256, min_insert_block_size_bytes = 16777216`,
    );
  }

  async #candidates(rest: Sql, options: CallOptions): Promise<Candidate[]> {
    const found: Candidate[] = [];
    await this.#queries.each(
      sql`SELECT ${candidate.select}, mapContains(attributes, ${param(MLFLOW_USAGE_KEY, "String")})
        FROM ${this.#queries.table("spans")} FINAL ${rest}`,
      (cells: Cell[]) => found.push({ ...candidate.read(cells), hasMlflowUsage: Number(cells.at(-1)) === 1 }),
      options,
    );
    return found;
  }
}

/** Where the spans of an hour lie: conditions that the sort key and the partitions answer. */
function inHour({ experimentId, start }: Hour): Sql[] {
  const moment = sql`toDateTime(${param(start, "UInt32")}, 'UTC')`;
  return [
    sql`experiment_id = ${param(experimentId, "String")}`,
    sql`toStartOfHour(start_time) = ${moment}`,
    // The same once more, for the partitions.
    sql`start_time >= ${moment} AND start_time < addHours(${moment}, 1)`,
  ];
}

/** Stands for a cost that is not known; costs are never negative. */
const UNKNOWN = -1;

function keyOf({ traceId, spanId }: Candidate): string {
  return traceId + spanId;
}

function isChanged(span: Candidate, costOf: (span: PricedSpan) => number | undefined): boolean {
  return costOf(span) !== span.costUsd;
}

function* partsOf<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
