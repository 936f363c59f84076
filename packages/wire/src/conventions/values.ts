/**
 * Attribute values read as what a rule expects. Emitters send numbers as text and texts as JSON strings; all forms are read.
 */
import type { AttributeValue } from "../otlp/span.ts";
import { parseShallow } from "./parse-shallow.ts";

type Structured = { readonly [key: string]: unknown };

/** A name or id: never empty; a JSON string inside the string (`"\"LLM\""`) is unpacked. Undefined for lists and objects. */
export function asText(value: AttributeValue | undefined): string | undefined {
  if (typeof value === "string") {
    const text = value.startsWith('"') && value.endsWith('"') ? parseShallow(value) : value;
    return (typeof text === "string" ? text : value) || undefined;
  }
  return typeof value === "number" || typeof value === "bigint" ? String(value) : undefined;
}

/** A count or an amount: finite and not negative, also as text. */
export function asAmount(value: unknown): number | undefined {
  let amount: number;
  if (typeof value === "number") amount = value;
  else if (typeof value === "bigint" || (typeof value === "string" && value.trim() !== "")) amount = Number(value);
  else return undefined;
  return Number.isFinite(amount) && amount >= 0 ? amount : undefined;
}

/** An object, also as JSON text. */
export function asObject(value: AttributeValue | undefined): Structured | undefined {
  const object: unknown = typeof value === "string" ? parseShallow(value) : value;
  const isObject = typeof object === "object" && object !== null && !Array.isArray(object);
  return isObject && !(object instanceof Uint8Array) ? (object as Structured) : undefined;
}

/** A list, also as JSON text. */
export function asList(value: AttributeValue | undefined): readonly unknown[] | undefined {
  const list: unknown = typeof value === "string" ? parseShallow(value) : value;
  return Array.isArray(list) ? list : undefined;
}
