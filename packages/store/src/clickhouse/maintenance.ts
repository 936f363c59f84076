/**
 * Statements that may take minutes: writing a partition anew, listing millions of traces.
 *
 * They have a client of their own, because the usual one hangs up after two minutes, and the engine then stops the work.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { fromClickHouseError } from "../engines/clickhouse.ts";
import type { CallOptions } from "../telemetry-store.ts";
import { render, type Sql } from "./sql.ts";

/** Longer than rewriting a month of 5M spans takes by a factor of twenty. */
export const MAINTENANCE_TIMEOUT_MS = 30 * 60 * 1000;

export class Maintenance {
  readonly #client: ClickHouseClient;

  /** @param client  with a timeout of {@link MAINTENANCE_TIMEOUT_MS}; the caller closes it */
  constructor(client: ClickHouseClient) {
    this.#client = client;
  }

  /**
   * Runs a statement without an answer, once.
   *
   * @throws what {@link fromClickHouseError} makes of the engine's error; the reason of the signal if it was given up
   */
  async command(statement: Sql, { signal }: CallOptions = {}): Promise<void> {
    const { text, parameters } = render(statement);
    signal?.throwIfAborted();
    try {
      await this.#client.command({
        query: text,
        query_params: parameters,
        ...(signal !== undefined && { abort_signal: signal }),
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw fromClickHouseError(error);
    }
  }
}
