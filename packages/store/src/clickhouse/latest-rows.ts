/**
 * The latest rows of traces that were written or read lately, so that a list that is looked at again reads only the order of its
 * traces: the 24 columns of a row are two thirds of the work of a page.
 *
 * Only this process writes, and tells of every change before and after it. A row that was read is kept only if its trace did not change
 * since the reading began, so what is here is what is in the store.
 */
import type { TraceRow } from "./rows.ts";

/** Some 5 MB: 2 KB a row. */
const DEFAULT_MAX_ROWS = 2000;

/** A row, and the version of its change. */
export interface VersionedRow {
  readonly version: number;
  readonly row: TraceRow;
}

export class LatestRows {
  readonly #maxRows: number;
  /** In the order of use, the last at the end. */
  readonly #rows = new Map<string, VersionedRow>();
  /** Traces whose rows are being changed. */
  readonly #changing = new Set<string>();
  /** For each reading that is under way, the traces that were changed meanwhile. */
  readonly #readings = new Set<Set<string>>();

  constructor(maxRows = DEFAULT_MAX_ROWS) {
    this.#maxRows = maxRows;
  }

  /** The row of a trace; undefined if it is not known here, or is of another version. @param version  absent = any */
  get(traceId: string, version?: number): TraceRow | undefined {
    const found = this.#rows.get(traceId);
    if (found === undefined || (version !== undefined && found.version !== version)) return undefined;
    this.#put(traceId, found);
    return found.row;
  }

  /**
   * Runs a change of the rows of some traces, which nobody else changes meanwhile. They are forgotten first.
   *
   * @param write  gives the rows that are in the store afterwards
   */
  async replace(traceIds: Iterable<string>, write: () => Promise<Iterable<VersionedRow>>): Promise<void> {
    const changed = [...traceIds];
    for (const traceId of changed) {
      this.#rows.delete(traceId);
      this.#changing.add(traceId);
    }
    try {
      for (const written of await write()) this.#put(written.row.traceId, written);
    } finally {
      for (const traceId of changed) {
        this.#changing.delete(traceId);
        for (const reading of this.#readings) reading.add(traceId);
      }
    }
  }

  /** Remembers the rows that are read, but for those of traces that changed meanwhile. */
  async reading(read: () => Promise<readonly VersionedRow[]>): Promise<readonly VersionedRow[]> {
    const changed = new Set<string>();
    this.#readings.add(changed);
    try {
      const rows = await read();
      for (const found of rows) {
        const { traceId } = found.row;
        if (!changed.has(traceId) && !this.#changing.has(traceId)) this.#put(traceId, found);
      }
      return rows;
    } finally {
      this.#readings.delete(changed);
    }
  }

  #put(traceId: string, found: VersionedRow): void {
    this.#rows.delete(traceId);
    this.#rows.set(traceId, found);
    if (this.#rows.size <= this.#maxRows) return;
    for (const oldest of this.#rows.keys()) {
      this.#rows.delete(oldest);
      break;
    }
  }
}
