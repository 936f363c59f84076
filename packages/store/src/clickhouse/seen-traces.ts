/**
 * Which traces may be in the store, or in some of its tables: Bloom filters, so that writing a new trace needs no look-up, and reading
 * one that nobody said anything of needs no search for what people said.
 *
 * Looking 1,000 ids up costs a scan of the ids of all traces, on every batch; nearly all traces of a batch are new.
 * 10 bits an id and 7 probes: under 1 % of the new traces are looked up in vain.
 *
 * @see B. H. Bloom, "Space/time trade-offs in hash coding with allowable errors" (1970);
 *   probes by double hashing: Kirsch and Mitzenmacher (2006)
 */
import type { Queries } from "./queries.ts";
import { join, raw, type Sql, sql } from "./sql.ts";

/** Ids that the filter has room for beside those that are there when the store opens: 5 MB a set. */
const ROOM = 4_000_000;

export interface LoadedTraces {
  /** Usable at once. */
  readonly traces: SeenTraces;
  /** Ends the reading. */
  stop(): Promise<void>;
}

/**
 * Reads in the background which traces have rows in any of these tables; until they are read, every trace may have.
 *
 * @param onFailure  told when the ids cannot be read: every trace is then looked up, which is slower but never wrong
 */
export async function loadSeenTraces(
  queries: Queries,
  tables: readonly string[],
  onFailure: (error: unknown) => void,
): Promise<LoadedTraces> {
  const all = (columns: Sql) =>
    join(
      tables.map((table): Sql => sql`SELECT ${columns} FROM ${queries.table(table)}`),
      " UNION ALL ",
    );
  const [counted] = await queries.rows(sql`SELECT sum(rows) FROM (${all(raw("count() AS rows"))})`);
  const traces = new SeenTraces(Number(counted?.[0] ?? 0) + ROOM);
  const stopping = new AbortController();
  const read = async () => {
    try {
      await queries.each(
        sql`SELECT trace_id FROM (${all(raw("trace_id"))})`,
        ([traceId]) => traces.add(String(traceId)),
        { signal: stopping.signal },
      );
      traces.complete();
    } catch (error) {
      if (!stopping.signal.aborted) onFailure(error);
    }
  };
  const reading = read();
  return {
    traces,
    async stop() {
      stopping.abort();
      await reading;
    },
  };
}

/** A set of trace ids that may say "perhaps" for one that it does not hold, but never "no" for one that it does. */
export class SeenTraces {
  readonly #words: Uint32Array;
  readonly #bits: number;
  #complete = false;

  /** @param expected  number of ids to hold; more only make answers less sharp */
  constructor(expected: number) {
    const words = Math.ceil((expected * BITS_PER_ID) / 32);
    this.#words = new Uint32Array(words);
    this.#bits = words * 32;
  }

  /** False only if the trace is certainly not in the store. */
  mayHold(traceId: string): boolean {
    return !this.#complete || this.#probe(traceId, (word, mask) => (this.#at(word) & mask) !== 0);
  }

  add(traceId: string): void {
    this.#probe(traceId, (word, mask) => {
      this.#words[word] = this.#at(word) | mask;
      return true;
    });
  }

  /** Says that every trace of the store has been added; until then all ids may be in it. */
  complete(): void {
    this.#complete = true;
  }

  #at(word: number): number {
    return this.#words[word] ?? 0;
  }

  /** Visits the bits of an id while `visit` gives true; gives whether it did for all. */
  #probe(traceId: string, visit: (word: number, mask: number) => boolean): boolean {
    // Two FNV-1a hashes with different offsets; ids are random but for tests, any spread will do.
    let first = 0x811c9dc5;
    let second = 0x9747b28c;
    for (let index = 0; index < traceId.length; index++) {
      const code = traceId.charCodeAt(index);
      first = Math.imul(first ^ code, 0x01000193);
      second = Math.imul(second ^ code, 0x85ebca6b);
    }
    second |= 1;
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = ((first + Math.imul(probe, second)) >>> 0) % this.#bits;
      if (!visit(bit >>> 5, 1 << (bit & 31))) return false;
    }
    return true;
  }
}

const BITS_PER_ID = 10;
const PROBES = 7;
