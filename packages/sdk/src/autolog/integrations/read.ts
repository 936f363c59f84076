/**
 * Reads values whose shape a provider promises but nobody checks: what is not as expected is as if it were not there.
 */

type Dictionary = Record<string, unknown>;

/** `value` as a record; empty if it is none. */
export function record(value: unknown): Dictionary {
  return typeof value === "object" && value !== null ? (value as Dictionary) : {};
}

/** The records in the list `value[key]`. */
export function recordsIn(value: Dictionary, key: string): Dictionary[] {
  const list = value[key];
  return Array.isArray(list) ? list.map(record) : [];
}

/** The text at `value[key]`. */
export function textIn(value: Dictionary, key: string): string | undefined {
  const text = value[key];
  return typeof text === "string" ? text : undefined;
}

/** The number at `value[key]`. */
export function numberIn(value: Dictionary, key: string): number | undefined {
  const number = value[key];
  return typeof number === "number" ? number : undefined;
}
