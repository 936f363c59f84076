/**
 * chDB as the front uses it: reads, writes, inserts and streams on Sessions of their own, each call cancellable.
 */
import type { RawInsertFormat, Session } from "chdb";
import { drainPending } from "chdb";
import { Canceller, withoutMarker } from "./canceller.ts";
import { exception, MEMORY_LIMIT_EXCEEDED, toException } from "./clickhouse-error.ts";
import { Lane, LaneFull } from "./lane.ts";
import { quoteName, text } from "./parameters.ts";
import { openSession, SessionPool, type SessionUse } from "./session-pool.ts";
import type { InsertHead } from "./statement.ts";
import { type StreamChunk, StreamThreads } from "./stream-threads.ts";

export interface EngineCall {
  readonly sql: string;
  readonly format: string;
  /** "" = the default one. */
  readonly database: string;
  /** Settings of this call only. */
  readonly settings: ReadonlyMap<string, string>;
  /** Parameters that the engine must bind; usually none. */
  readonly parameters?: Readonly<Record<string, string>> | undefined;
  /** Aborting stops the engine's work. */
  readonly signal: AbortSignal;
}

export interface EngineAnswer {
  readonly bytes: Uint8Array;
  readonly readRows: number;
  readonly readBytes: number;
  readonly writtenRows: number;
  readonly writtenBytes: number;
  readonly elapsedSeconds: number;
}

/** A `bounded` read fails with code 396 when its answer (the engine's columns, uncompressed) grows over this. */
export const boundedAnswerMaxBytes = 8 * 1024 * 1024;

/** A block is a chunk of a stream; 2,048 spans are 3 MB, the default of 65,409 would be 80 MB. */
const streamBlockRows = 2048;

/** Sessions are kept for this many databases; the store uses one. */
const databasesKept = 8;

export class Engine {
  readonly #path: string;
  readonly #configFile: string;
  readonly #pools = new Map<string, SessionPool>();
  readonly #streams = new StreamThreads();
  // 6 + 4 calls, 2 streams and 1 kill stay below the 16 threads of the libuv pool (UV_THREADPOOL_SIZE, set by the supervisor).
  readonly #reads = new Lane({ width: 6, queueLimit: 256 });
  readonly #writes = new Lane({ width: 4, queueLimit: 64 });
  readonly #streaming = new Lane({ width: 2, queueLimit: 64 });
  /** Never used for calls: the engine stops when its last Session closes. */
  readonly #keeper: Session;
  readonly #admin: SessionPool;
  readonly #canceller: Canceller;
  #calls = 0;
  #memoryErrors = 0;

  /**
   * Opens the directory.
   *
   * @throws ChdbConnectionError, code 76 in its message if another process has the directory open
   */
  constructor(options: { readonly path: string; readonly configFile: string }) {
    this.#path = options.path;
    this.#configFile = options.configFile;
    this.#keeper = openSession(options.path, options.configFile);
    this.#admin = new SessionPool({ maxIdle: 1, open: async () => openSession(this.#path, this.#configFile) });
    this.#canceller = new Canceller(this.#admin);
  }

  /** Calls that run or wait. */
  get busy(): number {
    return [this.#reads, this.#writes, this.#streaming].reduce((sum, lane) => sum + lane.running + lane.waiting, 0);
  }

  /** Calls so far. */
  get calls(): number {
    return this.#calls;
  }

  /** Calls so far that failed for want of memory. */
  get memoryErrors(): number {
    return this.#memoryErrors;
  }

  /** Runs a read and gives its answer in one piece. */
  read(call: EngineCall, bounded: boolean): Promise<EngineAnswer> {
    return this.#inLane(this.#reads, call.signal, () =>
      this.#pool(call.database, bounded).use((use) => this.#query(use, call)),
    );
  }

  /**
   * Runs a statement that changes something.
   *
   * @param keepsSession  the statement leaves nothing on its Session (no SET, USE, temporary table)
   */
  write(call: EngineCall, keepsSession: boolean): Promise<EngineAnswer> {
    return this.#inLane(this.#writes, call.signal, () =>
      this.#pool(call.database, false).use((use) => {
        if (!keepsSession) use.spoil();
        return this.#query(use, call);
      }),
    );
  }

  /** Inserts rows; the body is not copied. Once begun it is not broken off: the client may be gone, its rows are not. */
  insert(
    call: Pick<EngineCall, "database" | "settings" | "signal">,
    head: InsertHead & { readonly format: RawInsertFormat },
    body: Uint8Array,
  ): Promise<EngineAnswer> {
    return this.#inLane(this.#writes, call.signal, () =>
      this.#pool(call.database, false).use(async ({ session }) => {
        const done = await session.insert({
          table: head.table,
          values: body,
          format: head.format,
          settings: Object.fromEntries(call.settings),
          ...(head.columns && { columns: head.columns }),
        });
        return {
          bytes: new Uint8Array(0),
          readRows: done.rowsSent ?? done.rowsWritten,
          readBytes: done.bytesSent,
          writtenRows: done.rowsWritten,
          writtenBytes: done.bytesWritten,
          elapsedSeconds: done.elapsed,
        };
      }),
    );
  }

  /** Streams a read block by block; only for formats whose blocks can be put behind each other. */
  async *stream(call: EngineCall): AsyncGenerator<StreamChunk, void> {
    this.#calls++;
    const leave = await enter(this.#streaming, call.signal);
    const marker = this.#canceller.newMarker();
    const before = [
      `SET max_block_size = ${streamBlockRows}`,
      ...(call.database ? [`USE ${quoteName(call.database)}`] : []),
      ...(call.settings.size > 0 ? [setStatement(call.settings)] : []),
    ];
    const stopKilling = this.#canceller.killOnAbort(marker, call.signal);
    try {
      yield* this.#streams.run({
        path: this.#path,
        configFile: this.#configFile,
        before,
        sql: marker + call.sql,
        format: call.format,
      });
    } catch (error) {
      throw this.#failure(withoutMarker(error, marker));
    } finally {
      stopKilling();
      leave();
    }
  }

  /** Gives memory that is free back to the operating system. */
  async purgeMemory(): Promise<void> {
    await this.#canceller.administer("SYSTEM JEMALLOC PURGE");
  }

  /**
   * Waits for inserts, which are short, cancels everything else, and closes the directory. Streams end when their readers are gone.
   */
  async close(): Promise<void> {
    await this.#canceller.administer("KILL QUERY WHERE query_kind != 'Insert' ASYNC");
    for (const pool of [...this.#pools.values(), this.#admin]) pool.close();
    await drainPending();
    this.#keeper.close();
  }

  async #inLane(lane: Lane, signal: AbortSignal, run: () => Promise<EngineAnswer>): Promise<EngineAnswer> {
    this.#calls++;
    const leave = await enter(lane, signal);
    try {
      return await run();
    } catch (error) {
      throw this.#failure(error);
    } finally {
      leave();
    }
  }

  async #query(use: SessionUse, call: EngineCall): Promise<EngineAnswer> {
    const { session } = use;
    if (call.settings.size > 0) {
      use.spoil();
      await session.queryAsync(setStatement(call.settings));
    }
    const marker = this.#canceller.newMarker();
    const stopKilling = this.#canceller.killOnAbort(marker, call.signal);
    try {
      const sql = marker + call.sql;
      const result = call.parameters
        ? await session.queryBindAsync(sql, call.parameters, { format: call.format })
        : await session.queryAsync(sql, { format: call.format });
      return {
        bytes: result.bytes(),
        readRows: result.rowsRead,
        readBytes: result.bytesRead,
        writtenRows: 0,
        writtenBytes: 0,
        elapsedSeconds: result.elapsed,
      };
    } catch (error) {
      throw withoutMarker(error, marker);
    } finally {
      stopKilling();
    }
  }

  #pool(database: string, bounded: boolean): SessionPool {
    const key = `${bounded ? "bounded" : "plain"} ${database}`;
    const known = this.#pools.get(key);
    if (known) return known;
    const [oldest] = this.#pools;
    if (oldest && this.#pools.size >= databasesKept) {
      this.#pools.delete(oldest[0]);
      oldest[1].close();
    }
    const before = [
      ...(database ? [`USE ${quoteName(database)}`] : []),
      ...(bounded ? [`SET max_result_bytes = ${boundedAnswerMaxBytes}`] : []),
    ];
    const pool = new SessionPool({ maxIdle: 6, open: () => this.#openWith(before) });
    this.#pools.set(key, pool);
    return pool;
  }

  async #openWith(statements: readonly string[]): Promise<Session> {
    const session = openSession(this.#path, this.#configFile);
    try {
      for (const statement of statements) await session.queryAsync(statement);
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  #failure(error: unknown): Error {
    const failure = toException(error);
    if (failure.code === MEMORY_LIMIT_EXCEEDED) this.#memoryErrors++;
    return failure;
  }
}

async function enter(lane: Lane, signal: AbortSignal): Promise<() => void> {
  try {
    return await lane.enter(signal);
  } catch (error) {
    if (error instanceof LaneFull) {
      throw exception("TOO_MANY_SIMULTANEOUS_QUERIES", "Too many queries wait for the embedded engine. Try again.");
    }
    throw error;
  }
}

function setStatement(settings: ReadonlyMap<string, string>): string {
  return `SET ${[...settings].map(([name, value]) => `${name} = ${text(value)}`).join(", ")}`;
}
