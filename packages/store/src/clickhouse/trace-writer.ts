/**
 * Everything that changes traces: writing spans, editing tags, deleting, repairing after a crash.
 *
 * One process writes. Changes of one trace run one after another, changes of different traces at once. A trace row is always
 * made from all spans of its trace: those of the call and those that are in the store.
 */
import { SightlineError } from "@sightline/wire/errors";
import type { SpanRecord } from "../telemetry-store.ts";
import { propertiesOf, rowWriter } from "./columns.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { NdjsonBatch } from "./ndjson.ts";
import type { Queries } from "./queries.ts";
import { tagMappings } from "./rows.ts";
import type { SeenTraces } from "./seen-traces.ts";
import { readKnownSpans } from "./spans.ts";
import { param, raw, type Sql, sql } from "./sql.ts";
import { TraceChanges, type TraceKey } from "./trace-changes.ts";
import type { VersionClock } from "./version-clock.ts";

const tagText = rowWriter(tagMappings, propertiesOf(tagMappings), ["version"]);

export class TraceWriter {
  readonly #queries: Queries;
  readonly #clock: VersionClock;
  readonly #seen: SeenTraces;
  readonly #locks = new KeyedLock();

  constructor(options: { queries: Queries; clock: VersionClock; seen: SeenTraces }) {
    this.#queries = options.queries;
    this.#clock = options.clock;
    this.#seen = options.seen;
  }

  /** @see TelemetryStore.writeSpans */
  async writeSpans(records: readonly SpanRecord[]): Promise<void> {
    const batch = groupByTrace(records);
    await this.#locks.run(batch.keys(), async () => {
      const maybeKnown = [...batch.keys()].filter((traceId) => this.#seen.mayHold(traceId));
      const known = await readKnownSpans(this.#queries, maybeKnown);
      const changes = new TraceChanges(this.#clock.next());
      for (const [traceId, spans] of batch) changes.putSpans(known.get(traceId) ?? [], [...spans.values()]);
      // Before the insert: if it fails half-way, the traces may be there.
      for (const traceId of batch.keys()) this.#seen.add(traceId);
      // Spans first. If the process ends in between, `repair` makes the rows from them.
      await this.#queries.insert("spans", changes.spans.buffers());
      await this.#queries.insert("traces", changes.traces.buffers());
    });
  }

  /**
   * Makes the rows of these traces anew from the spans that are there.
   *
   * @param traceIds  traces whose row may be missing, old, or left over from deleted spans
   */
  async repair(traceIds: readonly string[]): Promise<void> {
    await this.#locks.run(traceIds, async () => {
      const known = await readKnownSpans(this.#queries, traceIds);
      const changes = new TraceChanges(this.#clock.next());
      for (const spans of known.values()) changes.putTrace(spans, spans[0]?.experimentId ?? "");
      await this.#queries.eachOfIds(
        traceIds,
        (ids) => sql`SELECT experiment_id, trace_id, toString(toUnixTimestamp64Micro(start_time))
          FROM ${this.#queries.table("traces")} FINAL WHERE trace_id IN ${param(ids, "Array(String)")}`,
        ([experimentId, traceId, startUs]) => {
          const old: TraceKey = {
            experimentId: String(experimentId),
            traceId: String(traceId),
            startUs: BigInt(String(startUs)),
          };
          changes.removeTraceUnlessPut(old);
        },
      );
      await this.#queries.insert("traces", changes.traces.buffers());
    });
  }

  /**
   * Sets tags; undefined removes one.
   *
   * @throws TRACE_NOT_FOUND
   */
  async editTags(traceId: string, edits: Readonly<Record<string, string | undefined>>): Promise<void> {
    await this.#locks.run([traceId], async () => {
      const [found] = await this.#queries.rows(
        sql`SELECT experiment_id FROM ${this.#queries.table("traces")} FINAL
          WHERE trace_id = ${param(traceId, "String")}`,
      );
      if (found === undefined) throw new SightlineError("TRACE_NOT_FOUND", `No trace has the id "${traceId}".`);
      const version = this.#clock.next();
      const rows = new NdjsonBatch();
      for (const [key, value] of Object.entries(edits)) {
        const removed = value === undefined ? 1 : 0;
        rows.add(tagText({ experimentId: String(found[0]), traceId, key, value: value ?? "", removed }, [version]));
      }
      await this.#queries.insert("trace_tags", rows.buffers());
    });
  }

  /** @see TelemetryStore.deleteTraces */
  async deleteTraces(traceIds: readonly string[]): Promise<void> {
    await this.#locks.run(traceIds, async () => {
      // The trace row goes last: while it is there, the deletion can be asked for again, or `repair` ends it.
      await this.#buryAll("spans", "experiment_id, start_time, trace_id, span_id", traceIds);
      await this.#buryAll("trace_tags", "experiment_id, trace_id, key", traceIds);
      await this.#buryAll("traces", "experiment_id, start_time, trace_id", traceIds);
    });
  }

  /** Resolves when all changes that were asked for until now are done. */
  async idle(): Promise<void> {
    await this.#locks.idle();
  }

  /** Writes a tombstone for every row of these traces, inside the engine. */
  async #buryAll(table: string, sortKey: string, traceIds: readonly string[]): Promise<void> {
    const name = this.#queries.table(table);
    const key = raw(sortKey);
    const version = param(this.#clock.next(), "UInt64");
    await this.#queries.commandOfIds(
      traceIds,
      (ids): Sql => sql`INSERT INTO ${name} (${key}, version, is_deleted)
        SELECT ${key}, ${version}, 1 FROM ${name} FINAL WHERE trace_id IN ${param(ids, "Array(String)")}
        SETTINGS do_not_merge_across_partitions_select_final = 1, max_partitions_per_insert_block = 0`,
    );
  }
}

/** The spans of a batch by trace, then by span id; of equal ids the last. */
function groupByTrace(records: readonly SpanRecord[]): Map<string, Map<string, SpanRecord>> {
  const traces = new Map<string, Map<string, SpanRecord>>();
  for (const record of records) {
    const spans = traces.get(record.traceId) ?? new Map<string, SpanRecord>();
    spans.set(record.spanId, record);
    traces.set(record.traceId, spans);
  }
  return traces;
}
