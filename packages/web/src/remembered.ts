/**
 * What this browser remembers for its user: one value under one key, shared by all components and tabs.
 */
import { useSyncExternalStore } from "react";

export interface Remembered<Value> {
  get(): Value;
  set(value: Value): void;
  /** Calls back after every change, here or in another tab; gives the way to stop. */
  subscribe(listener: () => void): () => void;
}

/**
 * A remembered value.
 *
 * @param key   of localStorage, without the `sightline.` that every key gets
 * @param read  text as stored (null when nothing is) → value; it decides what an unusable text means
 */
export function remember<Value extends string | number>(
  key: string,
  read: (text: string | null) => Value,
): Remembered<Value> {
  const storageKey = `sightline.${key}`;
  const listeners = new Set<() => void>();
  let value = read(readStored(storageKey));
  const change = (next: Value) => {
    value = next;
    for (const listener of listeners) listener();
  };
  window.addEventListener("storage", (event) => {
    if (event.key === storageKey) change(read(event.newValue));
  });
  return {
    get: () => value,
    set: (next) => {
      writeStored(storageKey, String(next));
      change(next);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** A remembered value that is one of a list; the first is what it is when nothing was chosen. */
export function rememberChoice<const Value extends string>(
  key: string,
  choices: readonly [Value, ...Value[]],
): Remembered<Value> {
  return remember(key, (text) => choices.find((choice) => choice === text) ?? choices[0]);
}

/** The value, kept up to date, and its setter. */
export function useRemembered<Value>(remembered: Remembered<Value>): readonly [Value, (value: Value) => void] {
  return [useSyncExternalStore(remembered.subscribe, remembered.get), remembered.set];
}

function readStored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // Storage is forbidden in this browser: the default holds for this visit.
  }
}

function writeStored(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch (error) {
    console.warn(`Sightline cannot remember ${key}: this browser forbids or has no room for storage.`, error);
  }
}
