/**
 * Attribute records: plain objects whose keys come from outside.
 */
import type { AttributeValue } from "./span.ts";

/** Sets an own key, also the one key that a plain assignment would turn into a change of prototype. */
export function setKey<T>(record: Record<string, T>, key: string, value: T): void {
  if (key === "__proto__") {
    Object.defineProperty(record, key, { value, enumerable: true, writable: true, configurable: true });
  } else {
    record[key] = value;
  }
}

/** Whether a value is an array; `Array.isArray` does not narrow readonly arrays. */
export function isList(value: AttributeValue): value is readonly AttributeValue[] {
  return Array.isArray(value);
}
