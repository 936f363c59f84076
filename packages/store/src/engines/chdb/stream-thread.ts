/**
 * Entry of a worker thread that runs one streamed query at a time.
 *
 * Why a thread: chdb's StreamQuery analyses the query on the calling thread, and a scalar subquery is executed there (12 s in a
 * measurement). On the main thread that would stop the HTTP front, kills included.
 */
import { parentPort } from "node:worker_threads";
import { openSession } from "./session-pool.ts";
import type { FromStreamThread, StreamJob, ToStreamThread } from "./stream-messages.ts";

/** Chunks under way to the receiver; a chunk is a block of at most 2048 rows. */
const window = 2;

if (!parentPort) throw new Error("stream-thread is an entry for worker threads.");
const port = parentPort;

let room = 0;
let stopped = false;
let wake: () => void = () => undefined;

port.on("message", (message: ToStreamThread) => {
  if (message.type === "run") void run(message.job);
  else {
    if (message.type === "more") room++;
    else stopped = true;
    wake();
  }
});

async function run(job: StreamJob): Promise<void> {
  room = window;
  stopped = false;
  let last: FromStreamThread = { type: "end" };
  try {
    const session = openSession(job.path, job.configFile);
    try {
      for (const statement of job.before) await session.queryAsync(statement);
      for await (const chunk of session.queryStream(job.sql, { format: job.format })) {
        await roomForOne();
        if (stopped) break;
        room--;
        const bytes = ownBytes(chunk.raw());
        port.postMessage({ type: "chunk", bytes, rows: chunk.numRows } satisfies FromStreamThread, [bytes.buffer]);
      }
    } finally {
      session.close();
    }
  } catch (error) {
    last = { type: "error", message: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(last);
}

/** chdb gives each block a buffer of its own, which can be handed over without a copy. */
function ownBytes(raw: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = raw;
  const alone = buffer instanceof ArrayBuffer && buffer.byteLength === raw.byteLength;
  return alone ? new Uint8Array(buffer) : new Uint8Array(raw);
}

async function roomForOne(): Promise<void> {
  while (room === 0 && !stopped) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}
