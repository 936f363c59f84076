/**
 * Work of the SDK's own, kept out of the user's asynchronous contexts.
 */
import { AsyncLocalStorage } from "node:async_hooks";

const outside = AsyncLocalStorage.snapshot();

/**
 * Runs `work` in the context in which the SDK was loaded: its sockets and timers must not keep the user's contexts alive, nor
 * carry them to whatever runs next on the same socket.
 */
export function runOutside<T>(work: () => T): T {
  return outside(work);
}
