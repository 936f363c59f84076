/**
 * The time, for what counts up while it is looked at.
 */
import { useSyncExternalStore } from "react";

const TICK_MS = 1000;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let now = Date.now();

/** Milliseconds since the epoch, renewed every second while `running`; one timer for all users. */
export function useNow(running = true): number {
  return useSyncExternalStore(running ? subscribe : never, () => (running ? now : 0));
}

function never(): () => void {
  return () => undefined;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === undefined) {
    now = Date.now();
    timer = setInterval(() => {
      now = Date.now();
      for (const tick of listeners) tick();
    }, TICK_MS);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}
