/**
 * Values held to a schema, with what is wrong as sentences for people.
 *
 * zod/mini alone says "Invalid input" to everything; the English texts are added here, for the server, not for every bundle.
 */
import en from "zod/v4/locales/en.js";
import type { Schema } from "./endpoint.ts";

export interface Problem {
  /** Where in the value, e.g. `experiments.0`; "" = the value itself. */
  readonly path: string;
  /** E.g. `Too big: expected number to be <=1000`. */
  readonly message: string;
}

export type CheckResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const { localeError } = en();

/** The value as the schema gives it (defaults filled in), or its problems. */
export function check(schema: Schema, value: unknown): CheckResult {
  const result = schema.safeParse(value, { error: localeError });
  if (result.success) return { ok: true, value: result.data };
  const problems = result.error.issues.map(({ path, message }) => ({ path: path.map(String).join("."), message }));
  return { ok: false, problems };
}
