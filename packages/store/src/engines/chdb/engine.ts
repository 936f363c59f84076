/**
 * chDB as the front uses it: reads, writes, inserts and streams on Sessions of their own, each call cancellable.
 *
 * A small answer is made in one piece, which runs wholly on pool threads. One that grows over 8 MiB is broken off and run again as a
 * stream, so that memory does not grow with the answer.
 */
import type { RawInsertFormat, Session } from "chdb";
import { drainPending } from "chdb";
import { exception, MEMORY_LIMIT_EXCEEDED, toException } from "./clickhouse-error.ts";
import { Lane, LaneFull } from "./lane.ts";
import { text } from "./parameters.ts";
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

/** Answers over this size (in the engine's columns, uncompressed) are streamed if their format allows. */
export const singleAnswerMaxBytes = 8 * 1024 * 1024;

const killEveryMs = 100;
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
  #adminTail: Promise<unknown> = Promise.resolve();
  #calls = 0;
  #memoryErrors = 0;
  #markers = 0;

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

  /** Runs a read in one piece; with `bounded` it fails with code 396 when the answer grows over {@link singleAnswerMaxBytes}. */
  read(call: EngineCall, bounded: boolean): Promise<EngineAnswer> {
    return this.#inLane(this.#reads, call, () =>
      this.#pool(call.database, bounded).use((use) => this.#query(use, call)),
    );
  }

  /** Runs a statement that changes something. */
  write(call: EngineCall): Promise<EngineAnswer> {
    return this.#inLane(this.#writes, call, () =>
      this.#pool(call.database, false).use((use) => this.#query(use, call)),
    );
  }

  /** Inserts rows; the body is not copied. Once begun it is not broken off: the client may be gone, its rows are not. */
  insert(
    call: Omit<EngineCall, "sql" | "format" | "parameters">,
    head: InsertHead & { readonly format: RawInsertFormat },
    body: Uint8Array,
  ): Promise<EngineAnswer> {
    return this.#inLane(this.#writes, call, () =>
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

  /** Streams a read in blocks; only for formats whose blocks can be put behind each other. */
  async *stream(call: EngineCall): AsyncGenerator<StreamChunk, void> {
    this.#calls++;
    const leave = await enter(this.#streaming, call.signal);
    const marker = this.#marker();
    const before = [
      // A block is a chunk; 65,409 rows of spans would be 80 MB.
      "SET max_block_size = 8192",
      ...(call.database ? [`USE ${quoteName(call.database)}`] : []),
      ...(call.settings.size > 0 ? [setStatement(call.settings)] : []),
    ];
    const stopKilling = this.#killOnAbort(marker, call.signal);
    try {
      yield* this.#streams.run({
        path: this.#path,
        configFile: this.#configFile,
        before,
        sql: marker + call.sql,
        format: call.format,
      });
    } catch (error) {
      throw this.#failure(error, marker);
    } finally {
      stopKilling();
      leave();
    }
  }

  /** Gives memory that is free back to the operating system. */
  async purgeMemory(): Promise<void> {
    await this.#administer("SYSTEM JEMALLOC PURGE");
  }

  /** Cancels everything that runs. */
  async killAll(): Promise<void> {
    await this.#administer("KILL QUERY WHERE 1 ASYNC");
  }

  /** Closes the Sessions and waits for what still runs. */
  async close(): Promise<void> {
    for (const pool of [...this.#pools.values(), this.#admin]) pool.close();
    await drainPending();
    this.#keeper.close();
  }

  async #inLane(
    lane: Lane,
    call: { readonly signal: AbortSignal },
    run: () => Promise<EngineAnswer>,
  ): Promise<EngineAnswer> {
    this.#calls++;
    const leave = await enter(lane, call.signal);
    try {
      return await run();
    } catch (error) {
      throw this.#failure(error, "");
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
    // A SET of the client's own stays on the Session as well.
    if (/^\s*(SET|USE)\b/i.test(call.sql)) use.spoil();
    const marker = this.#marker();
    const stopKilling = this.#killOnAbort(marker, call.signal);
    try {
      const result = call.parameters
        ? await session.queryBindAsync(marker + call.sql, call.parameters, { format: call.format })
        : await session.queryAsync(marker + call.sql, { format: call.format });
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
    const pool = new SessionPool({
      maxIdle: 6,
      open: async () => {
        const session = openSession(this.#path, this.#configFile);
        try {
          if (database) await session.queryAsync(`USE ${quoteName(database)}`);
          if (bounded) await session.queryAsync(`SET max_result_bytes = ${singleAnswerMaxBytes}`);
          return session;
        } catch (error) {
          session.close();
          throw error;
        }
      },
    });
    this.#pools.set(key, pool);
    return pool;
  }

  /** Stands at the start of the text, so that exactly this call can be found in system.processes. */
  #marker(): string {
    return `/* sightline:${++this.#markers} */ `;
  }

  /**
   * Kills the call when its signal aborts. The engine lists a query only after parsing it, so a kill may come too early: it is
   * repeated until the call has ended.
   */
  #killOnAbort(marker: string, signal: AbortSignal): () => void {
    let timer: NodeJS.Timeout | undefined;
    let ended = false;
    const kill = async () => {
      // A kill that failed is made again in the next round.
      await this.#administer(`KILL QUERY WHERE startsWith(query, ${text(marker)}) ASYNC`).catch(() => undefined);
      if (!ended) timer = setTimeout(() => void kill(), killEveryMs);
    };
    const abort = () => void kill();
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    return () => {
      ended = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
  }

  /** One after the other: a Session takes one call at a time. */
  #administer(sql: string): Promise<unknown> {
    const run = this.#adminTail.then(() => this.#admin.use(({ session }) => session.queryAsync(sql)));
    this.#adminTail = run.catch(() => undefined);
    return run;
  }

  #failure(error: unknown, marker: string): unknown {
    const failure = toException(withoutMarker(error, marker));
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
  const parts = [...settings].map(([name, value]) => `${name} = ${text(value)}`);
  return `SET ${parts.join(", ")}`;
}

function quoteName(name: string): string {
  return `\`${name.replace(/[\\`]/g, "\\$&")}\``;
}

/** The marker is ours: positions in messages count from the client's text. */
function withoutMarker(error: unknown, marker: string): unknown {
  if (!(error instanceof Error) || marker === "") return error;
  const message = error.message
    .replace(marker, "")
    .replace(/\bposition (\d+)/g, (whole, position: string) =>
      Number(position) > marker.length ? `position ${Number(position) - marker.length}` : whole,
    );
  return message === error.message ? error : new Error(message, { cause: error });
}
