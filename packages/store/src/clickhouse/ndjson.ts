/**
 * Rows → NDJSON buffers of a bounded size.
 */
import { RowBatch } from "./row-batch.ts";

/** Collects rows of JSON; each buffer becomes one insert statement. */
export class NdjsonBatch {
  readonly #rows: RowBatch;

  constructor(maxBytes?: number) {
    this.#rows = new RowBatch("FORMAT JSONEachRow", maxBytes);
  }

  /**
   * @param row  one JSON object as text, without line breaks
   * @param micros  the time that decides its partition, in microseconds since the epoch; 0n in a table without partitions
   */
  add(row: string, micros = 0n): void {
    this.#rows.add(row, micros);
  }

  /** All rows so far. */
  buffers(): readonly Buffer[] {
    return this.#rows.parts().map(({ chunks }) => Buffer.concat(chunks));
  }
}
