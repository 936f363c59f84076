/**
 * Notices streams and promises that nobody reads to their end, so that their spans end too.
 *
 * The object itself is held weakly: once it is collected nobody can read it any more. One that stays referenced but is not read
 * for ten minutes counts as abandoned as well.
 */
import { runOutside } from "../outside.ts";

/** Longer than any pause in a model's stream that clients wait for; openai's own timeout is ten minutes. */
const IDLE_MS = 10 * 60_000;
const SWEEP_MS = 60_000;

export interface Watch {
  /** The stream was read from. */
  touch(): void;
  /** From here on another object stands for the stream, e.g. its iterator. */
  follow(target: object): void;
  /** The stream has ended; nothing more will be called. */
  stop(): void;
}

/**
 * Calls `onAbandoned` once if `target` is collected or idle before `stop()`.
 *
 * `onAbandoned` must not refer to `target`, or it is never collected.
 */
export function watch(target: object, onAbandoned: () => void): Watch {
  const entry: Entry = { onAbandoned, lastRead: Date.now() };
  open.add(entry);
  collected.register(target, entry, entry);
  startSweeping();
  return {
    touch: () => {
      entry.lastRead = Date.now();
    },
    follow: (next) => {
      collected.unregister(entry);
      collected.register(next, entry, entry);
    },
    stop: () => {
      collected.unregister(entry);
      open.delete(entry);
    },
  };
}

interface Entry {
  readonly onAbandoned: () => void;
  lastRead: number;
}

const open = new Set<Entry>();
const collected = new FinalizationRegistry<Entry>(abandon);
let sweeper: NodeJS.Timeout | undefined;

function startSweeping(): void {
  sweeper ??= runOutside(() => setInterval(sweep, SWEEP_MS).unref());
}

function sweep(): void {
  const oldest = Date.now() - IDLE_MS;
  for (const entry of open) if (entry.lastRead < oldest) abandon(entry);
  if (open.size > 0) return;
  clearInterval(sweeper);
  sweeper = undefined;
}

function abandon(entry: Entry): void {
  // Only once: what was swept may be collected later.
  if (open.delete(entry)) entry.onAbandoned();
}
