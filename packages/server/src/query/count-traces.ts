/**
 * How many traces match a filter, and how many of them failed.
 */

import type { Call, Stores } from "./stores.ts";
import { readSelection, type SelectionInput } from "./trace-selection.ts";

/** Counting stops here: beyond it a person reads "more than 10,000", and the scan would only cost. */
const COUNT_LIMIT = 10_000;

/** @throws BAD_FILTER, EXPERIMENT_NOT_FOUND, INVALID_PARAMETER */
export async function countTraces(
  stores: Stores,
  input: SelectionInput,
  call?: Call,
): Promise<{ total: number; errors: number }> {
  const selection = await readSelection(stores, input);
  if (selection.experimentIds?.length === 0) return { total: 0, errors: 0 };
  return stores.telemetry.countTraces({ ...selection, limit: COUNT_LIMIT }, call);
}
