/**
 * What a row of the field tables says.
 */
import type { FilterOperator } from "./ast.ts";

/**
 * What the values of a field are:
 * `text` any string; `word` one of the row's `values`, in any case; `number` a number, also in thousands (`10k`);
 * `duration` milliseconds, or a number with a unit (`2s`); `time` milliseconds since the epoch, or an RFC 3339 text;
 * `json` any value of an attribute or assessment: a quoted text is compared with its text, a bare number with the number;
 * `prompt` a text `name/version`.
 */
export type FieldType = "text" | "word" | "number" | "duration" | "time" | "json" | "prompt";

export interface FilterField {
  /** Canonical name: what the tree holds and `printFilter` writes. */
  readonly name: string;
  /** Other spellings, among them those that MLflow clients send. */
  readonly aliases: readonly string[];
  /** What the field belongs to. */
  readonly entity: "trace" | "assessment" | "link" | "span";
  readonly type: FieldType;
  /** Of a `word`: what it may be. */
  readonly values?: readonly string[];
  /** Whether a key follows: `tags.env`. */
  readonly keyed: boolean;
  readonly operators: readonly FilterOperator[];
  /** One sentence for completion and the reference page. */
  readonly help: string;
  readonly example: string;
}

const PRESENCE = ["IS NULL", "IS NOT NULL"] as const;
export const TEXT = ["=", "!=", "IN", "NOT IN", "LIKE", "ILIKE", "RLIKE", ...PRESENCE] as const;
export const ORDERED = ["=", "!=", "<", "<=", ">", ">=", "IN", "NOT IN", ...PRESENCE] as const;
export const JSON_OPERATORS = [
  "=",
  "!=",
  "<",
  "<=",
  ">",
  ">=",
  "IN",
  "NOT IN",
  "LIKE",
  "ILIKE",
  "RLIKE",
  ...PRESENCE,
] as const;
export const PATTERNS = ["LIKE", "ILIKE"] as const;
