/**
 * Sends SQL to ClickHouse: the one place that knows the driver.
 *
 * Settings stand in the SQL text (`SETTINGS …`), not in the request: the embedded engine opens a fresh session for each request
 * that brings its own.
 */
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { ClickHouseClient } from "@clickhouse/client";
import { SightlineError } from "@sightline/wire/errors";
import { fromClickHouseError } from "../engines/clickhouse.ts";
import type { CallOptions } from "../telemetry-store.ts";
import type { Cell } from "./columns.ts";
import type { InsertRows } from "./row-batch.ts";
import { raw, render, type Sql, sql } from "./sql.ts";

/** How long a write waits for an engine that does not answer: the embedded one is restarted in about a second. */
const WRITE_PATIENCE_MS = 5000;

/**
 * Longest list of ids in one query: 39 KB, a third of what ClickHouse takes as the value of a parameter
 * (http_max_field_value_size, 128 KiB).
 */
const MAX_IDS_PER_QUERY = 1000;

/**
 * For every read: all versions of a row are in one partition (a row that moves leaves a tombstone in the old one), so FINAL need
 * not merge across partitions.
 */
const READ_SETTINGS = raw("\nSETTINGS do_not_merge_across_partitions_select_final = 1");

export interface ReadOptions extends CallOptions {
  /** The engine gives up after this time, with QUERY_TOO_SLOW. */
  readonly maxSeconds?: number;
}

export class Queries {
  readonly #client: ClickHouseClient;
  readonly #database: string;

  /** @param database  where the tables are; letters, digits and _ */
  constructor(client: ClickHouseClient, database: string) {
    if (!/^\w+$/.test(database)) {
      throw new SightlineError(
        "INVALID_PARAMETER",
        `The ClickHouse database name "${database}" may have letters, digits and _ only.`,
      );
    }
    this.#client = client;
    this.#database = database;
  }

  get database(): string {
    return this.#database;
  }

  /** Qualified name of a table. */
  tableName(name: string): string {
    return `\`${this.#database}\`.\`${name}\``;
  }

  /** Qualified name of a table, as a piece of SQL. */
  table(name: string): Sql {
    return raw(this.tableName(name));
  }

  /** All rows of an answer, in the order of its select list. */
  async rows(query: Sql, options: ReadOptions = {}): Promise<readonly Cell[][]> {
    const rows: Cell[][] = [];
    await this.each(query, (row) => rows.push(row), options);
    return rows;
  }

  /** Hands over the rows one by one as they come; large answers are never in memory whole. */
  async each(query: Sql, onRow: (row: Cell[]) => void, { signal, maxSeconds }: ReadOptions = {}): Promise<void> {
    const limit = maxSeconds === undefined ? raw("") : raw(`, max_execution_time = ${Math.max(maxSeconds, 0.001)}`);
    const { text, parameters } = render(sql`${query}${READ_SETTINGS}${limit}`);
    // The driver listens for an abort, it does not look whether there was one.
    signal?.throwIfAborted();
    try {
      const answer = await this.#client.query({
        query: text,
        query_params: parameters,
        format: "JSONCompactEachRow",
        ...(signal !== undefined && { abort_signal: signal }),
      });
      for await (const rows of answer.stream<Cell[]>()) for (const row of rows) onRow(row.json());
    } catch (error) {
      signal?.throwIfAborted();
      throw fromClickHouseError(error);
    }
  }

  /** Hands over the rows in groups, and takes no more from the engine than the loop asks for; leaving the loop stops the engine. */
  async *stream(query: Sql, { signal }: CallOptions = {}): AsyncGenerator<readonly Cell[][], void> {
    const { text, parameters } = render(sql`${query}${READ_SETTINGS}`);
    signal?.throwIfAborted();
    try {
      const answer = await this.#client.query({
        query: text,
        query_params: parameters,
        format: "JSONCompactEachRow",
        ...(signal !== undefined && { abort_signal: signal }),
      });
      // Leaving the loop destroys the stream, and with it the request.
      for await (const rows of answer.stream<Cell[]>()) yield rows.map((row) => row.json());
    } catch (error) {
      signal?.throwIfAborted();
      throw fromClickHouseError(error);
    }
  }

  /**
   * The bytes of an answer as the engine writes them, no more of them than the loop asks for.
   *
   * @param format  e.g. `JSONEachRow`, `Parquet`
   * @param settings  more settings, each behind a comma
   */
  async *bytes(
    query: Sql,
    format: string,
    { signal }: CallOptions = {},
    settings: Sql = raw(""),
  ): AsyncGenerator<Uint8Array, void> {
    const { text, parameters } = render(sql`${query} FORMAT ${raw(format)}${READ_SETTINGS}${settings}`);
    signal?.throwIfAborted();
    try {
      const { stream } = await this.#client.exec({
        query: text,
        query_params: parameters,
        ...(signal !== undefined && { abort_signal: signal }),
      });
      for await (const chunk of stream) yield chunk as Uint8Array;
    } catch (error) {
      signal?.throwIfAborted();
      throw fromClickHouseError(error);
    }
  }

  /**
   * `each` for many ids: one query for each part of the list, one after the other.
   *
   * @param query  makes the SQL for a part
   */
  async eachOfIds(
    ids: readonly string[],
    query: (part: readonly string[]) => Sql,
    onRow: (row: Cell[]) => void,
    options: ReadOptions = {},
  ): Promise<void> {
    for (const part of partsOf(ids)) await this.each(query(part), onRow, options);
  }

  /** Runs a statement without an answer. It must be safe to run twice: it is repeated if the engine is out of reach. */
  async command(statement: Sql): Promise<void> {
    const { text, parameters } = render(statement);
    await withPatience(async () => {
      await this.#client.command({ query: text, query_params: parameters });
    });
  }

  /** `command` for many ids: one statement for each part of the list. */
  async commandOfIds(ids: readonly string[], statement: (part: readonly string[]) => Sql): Promise<void> {
    for (const part of partsOf(ids)) await this.command(statement(part));
  }

  /**
   * Inserts rows, one statement for each part; buffers are of JSON rows. Rows carry their version, so repeating an insert changes
   * nothing.
   *
   * @param settings  for these statements; the embedded engine then opens a session for each
   */
  async insert(
    table: string,
    parts: readonly (InsertRows | Buffer)[],
    settings?: Readonly<Record<string, string>>,
  ): Promise<void> {
    for (const part of parts) {
      const { head, chunks } = Buffer.isBuffer(part) ? { head: "FORMAT JSONEachRow", chunks: [part] } : part;
      await withPatience(async () => {
        const { stream } = await this.#client.exec({
          // No SETTINGS clause: the embedded engine takes the rows of a plain INSERT as bytes, others through its SQL parser.
          query: `INSERT INTO ${this.tableName(table)} ${head}`,
          values: Readable.from(chunks, { objectMode: false }),
          ...(settings && { clickhouse_settings: settings }),
        });
        await finished(stream.resume());
      });
    }
  }

  /** @throws STORE_UNAVAILABLE if the engine does not answer */
  async ping(): Promise<void> {
    const result = await this.#client.ping();
    if (!result.success) throw fromClickHouseError(result.error);
  }
}

function* partsOf(ids: readonly string[]): Generator<readonly string[]> {
  for (let from = 0; from < ids.length; from += MAX_IDS_PER_QUERY) yield ids.slice(from, from + MAX_IDS_PER_QUERY);
}

/** Repeats work while the engine is out of reach, for as long as a restart takes. */
async function withPatience(work: () => Promise<void>): Promise<void> {
  const giveUpAt = Date.now() + WRITE_PATIENCE_MS;
  for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 500)) {
    try {
      await work();
      return;
    } catch (error) {
      const mapped = fromClickHouseError(error);
      if (mapped.code !== "STORE_UNAVAILABLE" || Date.now() + waitMs > giveUpAt) throw mapped;
      await delay(waitMs);
    }
  }
}
