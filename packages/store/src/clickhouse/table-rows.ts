/**
 * The rows of a table that ingest writes: many whole ones, and a few tombstones, which have the columns of the sort key only.
 */
import { NdjsonBatch } from "./ndjson.ts";
import { type InsertRows, RowBatch, type RowBytes } from "./row-batch.ts";

export class TableRows {
  readonly #rows: RowBatch;
  readonly #tombstones = new NdjsonBatch();

  /** @param head  of whole rows */
  constructor(head: string) {
    this.#rows = new RowBatch(head);
  }

  /** @param micros  the time that decides the partition, in microseconds since the epoch */
  add(row: string, micros: bigint): void {
    this.#rows.add(row, micros);
  }

  /** Adds a row whose middle is encoded already. @param before,after  in ASCII */
  addEncoded(before: string, middle: RowBytes, after: string, micros: bigint): void {
    this.#rows.addEncoded(before, middle, after, micros);
  }

  /** Adds a tombstone. @param row  one JSON object as text */
  remove(row: string, micros: bigint): void {
    this.#tombstones.add(row, micros);
  }

  /** What insert statements send, in order. */
  buffers(): readonly (InsertRows | Buffer)[] {
    return [...this.#rows.parts(), ...this.#tombstones.buffers()];
  }
}
