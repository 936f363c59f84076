/**
 * Rows as lines of text → what insert statements of a bounded size send.
 */

/** The rows of one insert statement. */
export interface InsertRows {
  /** What follows the table's name: columns, if they are named, and format. */
  readonly head: string;
  /** Lines of UTF-8, cut anywhere. */
  readonly chunks: readonly Buffer[];
}

/** Text of a row, or a part of one, that is encoded already. */
export interface RowBytes {
  readonly chunk: Buffer;
  readonly from: number;
  readonly to: number;
}

/**
 * Bytes of one insert statement. Larger ones cost memory without being faster: one of 100,000 rows took 1.2 GB in the engine
 * (measured on chDB 3.4). A single row may be larger.
 */
const MAX_STATEMENT_BYTES = 12 * 1024 * 1024;

/**
 * Tables are partitioned by month, and ClickHouse refuses a block with rows of more than 100 partitions
 * (max_partitions_per_insert_block). Four weeks lie in two months at most.
 */
const MAX_PERIODS = 50;
const MICROS_PER_PERIOD = 28n * 24n * 3600n * 1_000_000n;

// Rows are written where they are sent from: joining 6,000 of them to a string first takes their memory three times.
const CHUNK_BYTES = 256 * 1024;
/** Longest row, in UTF-16 units, that goes into a chunk with others. */
const MAX_SHARED_CHARS = CHUNK_BYTES / 8;

/** Collects rows; each of its parts becomes one insert statement. */
export class RowBatch {
  readonly #head: string;
  readonly #maxBytes: number;
  readonly #full: InsertRows[] = [];
  #chunks: Buffer[] = [];
  /** Of the statement that is being filled. */
  #bytes = 0;
  #chunk = Buffer.alloc(0);
  /** Where the statement begins in the chunk, and where the next row goes. */
  #start = 0;
  #end = 0;
  readonly #periods = new Set<bigint>();
  /** Rows of periods for which there is no more room here. */
  #otherPeriods: RowBatch | undefined;

  /** @param head  {@link InsertRows.head} of all rows */
  constructor(head: string, maxBytes = MAX_STATEMENT_BYTES) {
    this.#head = head;
    this.#maxBytes = maxBytes;
  }

  /**
   * @param row  one row as text, without line breaks; halves of surrogate pairs become U+FFFD
   * @param micros  the time that decides its partition, in microseconds since the epoch; 0n in a table without partitions
   */
  add(row: string, micros = 0n): void {
    const others = this.#othersFor(micros);
    if (others !== undefined) others.add(row, micros);
    else if (row.length > MAX_SHARED_CHARS) this.#addAlone([Buffer.from(`${row}\n`)]);
    else this.#addShared(row);
  }

  /** Adds a row whose middle is encoded already. @param before,after  in ASCII */
  addEncoded(before: string, middle: RowBytes, after: string, micros: bigint): void {
    const others = this.#othersFor(micros);
    if (others !== undefined) others.addEncoded(before, middle, after, micros);
    else if (middle.to - middle.from > MAX_SHARED_CHARS) {
      const bytes = middle.chunk.subarray(middle.from, middle.to);
      this.#addAlone([Buffer.from(before), bytes, Buffer.from(`${after}\n`)]);
    } else this.#addSharedEncoded(before, middle, after);
  }

  /** All rows so far. */
  parts(): readonly InsertRows[] {
    this.#close();
    return [...this.#full, ...(this.#otherPeriods?.parts() ?? [])];
  }

  /** The batch for rows of this time, if it is not this one. */
  #othersFor(micros: bigint): RowBatch | undefined {
    const period = micros / MICROS_PER_PERIOD;
    if (this.#periods.has(period)) return undefined;
    if (this.#periods.size < MAX_PERIODS) {
      this.#periods.add(period);
      return undefined;
    }
    this.#otherPeriods ??= new RowBatch(this.#head, this.#maxBytes);
    return this.#otherPeriods;
  }

  #addShared(row: string): void {
    // A UTF-16 unit takes three bytes at most.
    this.#makeRoom(row.length * 3 + 1);
    this.#endRow(this.#end + this.#chunk.write(row, this.#end, "utf8"));
  }

  #addSharedEncoded(before: string, { chunk, from, to }: RowBytes, after: string): void {
    this.#makeRoom(before.length + to - from + after.length + 1);
    let end = this.#end + this.#chunk.write(before, this.#end, "latin1");
    end += chunk.copy(this.#chunk, end, from, to);
    this.#endRow(end + this.#chunk.write(after, end, "latin1"));
  }

  #makeRoom(bytes: number): void {
    if (this.#end + bytes > this.#chunk.length) this.#newChunk();
  }

  /** @param at  where the row ends in the chunk, without its line break */
  #endRow(at: number): void {
    this.#chunk[at] = LINE_END;
    const bytes = at + 1 - this.#end;
    if (this.#bytes > 0 && this.#bytes + bytes > this.#maxBytes) this.#close();
    this.#bytes += bytes;
    this.#end = at + 1;
  }

  #addAlone(line: readonly Buffer[]): void {
    const bytes = line.reduce((sum, { length }) => sum + length, 0);
    if (this.#bytes > 0 && this.#bytes + bytes > this.#maxBytes) this.#close();
    this.#cutChunk();
    this.#chunks.push(...line);
    this.#bytes += bytes;
  }

  #newChunk(): void {
    this.#cutChunk();
    this.#chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.#start = 0;
    this.#end = 0;
  }

  /** What is in the chunk becomes a part of the statement; the rest of it stays to be filled. */
  #cutChunk(): void {
    if (this.#end > this.#start) this.#chunks.push(this.#chunk.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  #close(): void {
    this.#cutChunk();
    if (this.#chunks.length > 0) this.#full.push({ head: this.#head, chunks: this.#chunks });
    this.#chunks = [];
    this.#bytes = 0;
  }
}

const LINE_END = 0x0a;
