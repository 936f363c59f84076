/**
 * Everything that changes the row of a trace: writing spans, what a client says of the whole trace, deleting, repairing after a
 * crash. What is laid beside the row (tags, assessments, links) is written by `trace-parts-writer.ts`.
 *
 * One process writes. Changes of one trace run one after another, changes of different traces at once. A trace row is always
 * made from all spans of its trace and its client info: those of the call and those that are in the store.
 */
import { setImmediate as giveWay } from "node:timers/promises";
import type { PreparedSpan, SpanRecord } from "../telemetry-store.ts";
import type { ClientInfo } from "../trace-parts.ts";
import { EncodedSpan, SpanEncoder } from "./encoded-span.ts";
import type { KeyedLock } from "./keyed-lock.ts";
import type { KnownTrace, TraceKey } from "./known-trace.ts";
import { type KnownTraces, readKnownTraces } from "./known-traces.ts";
import type { LatestRows } from "./latest-rows.ts";
import type { Queries } from "./queries.ts";
import type { RecentTraces } from "./recent-traces.ts";
import type { SeenTraces } from "./seen-traces.ts";
import { param, raw, type Sql, sql } from "./sql.ts";
import { startOfTrace } from "./summarize-trace.ts";
import { isStale, TraceChanges } from "./trace-changes.ts";
import { findPlaces, type StartRange } from "./trace-places.ts";
import { traceTables } from "./trace-tables.ts";
import type { VersionClock } from "./version-clock.ts";

/** Making the rows of thousands of traces takes tens of milliseconds; requests in between should not wait that long. */
const MAX_SLICE_MS = 10;

export class TraceWriter {
  readonly #queries: Queries;
  readonly #clock: VersionClock;
  readonly #seen: SeenTraces;
  readonly #recent: RecentTraces;
  readonly #rows: LatestRows;
  readonly #locks: KeyedLock;
  readonly #encoder = new SpanEncoder();

  /** @param options  `locks`: by trace id, shared with whoever else changes traces */
  constructor(options: {
    queries: Queries;
    clock: VersionClock;
    seen: SeenTraces;
    recent: RecentTraces;
    rows: LatestRows;
    locks: KeyedLock;
  }) {
    this.#queries = options.queries;
    this.#clock = options.clock;
    this.#seen = options.seen;
    this.#recent = options.recent;
    this.#rows = options.rows;
    this.#locks = options.locks;
  }

  /** @see TelemetryStore.prepareSpans */
  prepareSpans(records: readonly SpanRecord[]): readonly PreparedSpan[] {
    return this.#encoder.encode(records);
  }

  /** @see TelemetryStore.writePrepared */
  async writePrepared(prepared: readonly PreparedSpan[]): Promise<void> {
    const batch = groupByTrace(prepared);
    await this.#locks.run(batch.keys(), async () => {
      const known = await this.#know([...batch.keys()]);
      const version = this.#clock.begin();
      const changes = new TraceChanges(version);
      const changed = new Map<string, KnownTrace>();
      try {
        let sliceStart = performance.now();
        for (const [traceId, spans] of batch) {
          changed.set(traceId, changes.putSpans(traceId, known.traces.get(traceId), spans.values()));
          if (performance.now() - sliceStart < MAX_SLICE_MS) continue;
          await giveWay();
          sliceStart = performance.now();
        }
        for (const key of known.keys) changes.removeTraceUnlessPut(key);
        // Before the insert: if it fails half-way, the traces may be there.
        for (const traceId of batch.keys()) this.#seen.add(traceId);
        // Spans first. If the process ends in between, `repair` makes the rows from them.
        await this.#queries.insert("spans", changes.spans.buffers());
      } finally {
        this.#clock.end(version);
      }
      await this.#insertTraces(batch.keys(), changes);
      for (const [traceId, trace] of changed) this.#recent.put(traceId, trace);
    });
  }

  /**
   * Makes the rows of these traces anew from the spans and client infos that are there.
   *
   * @param traceIds  traces whose row may be missing, old, or left over from deleted spans
   */
  async repair(traceIds: readonly string[]): Promise<void> {
    await this.#locks.run(traceIds, async () => {
      const known = await readKnownTraces(this.#queries, traceIds);
      const changes = new TraceChanges(this.#clock.next());
      for (const trace of known.traces.values()) changes.putTrace(trace);
      for (const key of known.keys) changes.removeTraceUnlessPut(key);
      for (const traceId of traceIds) this.#seen.add(traceId);
      await this.#insertTraces(traceIds, changes);
    });
  }

  /** @see TraceParts.putClientInfo */
  async putClientInfo(info: ClientInfo): Promise<void> {
    const { traceId } = info;
    await this.#locks.run([traceId], async () => {
      const known = await this.#know([traceId]);
      const version = this.#clock.next();
      const changes = new TraceChanges(version);
      // Versions are microseconds of the clock.
      const changed = changes.putClientInfo(known.traces.get(traceId), info, BigInt(version));
      for (const key of known.keys) changes.removeTraceUnlessPut(key);
      this.#seen.add(traceId);
      // As with spans: `repair` makes the trace's row if the process ends in between.
      await this.#queries.insert("client_infos", changes.clientInfos.buffers());
      await this.#insertTraces([traceId], changes);
      this.#recent.put(traceId, changed);
    });
  }

  /**
   * @param range  where the traces probably start: many are deleted faster with it, and just as surely if it is wrong
   * @see TelemetryStore.deleteTraces
   */
  async deleteTraces(traceIds: readonly string[], range?: StartRange): Promise<void> {
    await this.#locks.run(traceIds, async () => {
      for (const traceId of traceIds) this.#recent.take(traceId);
      const placeIn = range && (await findPlaces(this.#queries, traceIds, range));
      await this.#rows.replace(traceIds, async () => {
        for (const { name, key } of traceTables) await this.#buryAll(name, key.join(", "), traceIds, placeIn?.(name));
        return [];
      });
    });
  }

  /** Writes the rows of traces that were changed. */
  async #insertTraces(traceIds: Iterable<string>, changes: TraceChanges): Promise<void> {
    await this.#rows.replace(traceIds, async () => {
      await this.#queries.insert("traces", changes.traces.buffers());
      return changes.tracesPut();
    });
  }

  /** Resolves when all changes that were asked for until now are done. */
  async idle(): Promise<void> {
    await this.#locks.idle();
  }

  /** What there is of these traces: remembered, certainly nothing, or looked up. */
  async #know(traceIds: readonly string[]): Promise<KnownTraces> {
    const traces = new Map<string, KnownTrace>();
    const keys: TraceKey[] = [];
    const others: string[] = [];
    for (const traceId of traceIds) {
      const trace = this.#recent.take(traceId);
      if (trace !== undefined) {
        traces.set(traceId, trace);
        keys.push({ experimentId: trace.experimentId, traceId, startUs: startOfTrace(trace) });
      } else if (this.#seen.mayHold(traceId)) {
        others.push(traceId);
      }
    }
    const found = await readKnownTraces(this.#queries, others);
    return { traces: new Map([...traces, ...found.traces]), keys: [...keys, ...found.keys] };
  }

  /** Writes a tombstone for every row of these traces, inside the engine. */
  async #buryAll(table: string, sortKey: string, traceIds: readonly string[], place = raw("1")): Promise<void> {
    const name = this.#queries.table(table);
    const key = raw(sortKey);
    const version = param(this.#clock.next(), "UInt64");
    await this.#queries.commandOfIds(
      traceIds,
      (ids): Sql => sql`INSERT INTO ${name} (${key}, version, is_deleted)
        SELECT ${key}, ${version}, 1 FROM ${name} FINAL
        WHERE ${place} AND trace_id IN ${param(ids, "Array(String)")}
        SETTINGS do_not_merge_across_partitions_select_final = 1, max_partitions_per_insert_block = 0`,
    );
  }
}

/** The spans of a batch by trace, then by span id; of equal ids the last, but one that ended before one that is running. */
function groupByTrace(prepared: readonly PreparedSpan[]): Map<string, Map<string, EncodedSpan>> {
  const traces = new Map<string, Map<string, EncodedSpan>>();
  for (const span of prepared) {
    if (!(span instanceof EncodedSpan)) throw new TypeError("A span was not prepared by this store.");
    const spans = traces.get(span.traceId) ?? new Map<string, EncodedSpan>();
    const { spanId } = span.summary;
    const before = spans.get(spanId);
    if (before === undefined || !isStale(span.summary, before.summary)) spans.set(spanId, span);
    traces.set(span.traceId, spans);
  }
  return traces;
}
