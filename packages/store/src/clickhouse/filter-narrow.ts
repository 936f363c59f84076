/**
 * What a filter itself says of the times and experiments of its traces, so that its sub-queries read no more than that.
 */
import type { Comparison, Filter } from "@sightline/wire/filter/ast";
import { conjuncts } from "@sightline/wire/filter/shape";
import type { FilterScope } from "./filter-scope.ts";
import { earliest, latest } from "./moments.ts";

/** The scope without the traces that the filter rules out by `start` or `experiment` alone. */
export function narrowScope(filter: Filter, scope: FilterScope): FilterScope {
  return conjuncts(filter).reduce((narrowed, term) => {
    if (term.kind !== "comparison") return narrowed;
    if (term.left.field === "timestamp_ms") return withinTimes(narrowed, term);
    return term.left.field === "experiment" ? withinExperiments(narrowed, term) : narrowed;
  }, scope);
}

/** Starts are compared in whole milliseconds: floor(t) > v ⟺ t >= floor(v) + 1, and so on, as in `compareStart`. */
function withinTimes(scope: FilterScope, { operator, value }: Comparison): FilterScope {
  const ms = Number(value);
  switch (operator) {
    case ">":
      return after(scope, Math.floor(ms) + 1);
    case ">=":
      return after(scope, Math.ceil(ms));
    case "<":
      return before(scope, Math.ceil(ms));
    case "<=":
      return before(scope, Math.floor(ms) + 1);
    case "=":
      return before(after(scope, Math.floor(ms)), Math.floor(ms) + 1);
    default:
      return scope;
  }
}

function after(scope: FilterScope, ms: number): FilterScope {
  const from = nanosOf(ms);
  return { ...scope, from: scope.from === undefined ? from : latest(scope.from, [from]) };
}

function before(scope: FilterScope, ms: number): FilterScope {
  const to = nanosOf(ms);
  return { ...scope, to: scope.to === undefined ? to : earliest(scope.to, [to]) };
}

/** The year 2200; further out makes no difference. */
const MAX_MS = 7_258_118_400_000;

function nanosOf(ms: number): bigint {
  return BigInt(Math.min(Math.max(ms, 0), MAX_MS)) * 1_000_000n;
}

function withinExperiments(scope: FilterScope, { operator, value }: Comparison): FilterScope {
  if (operator !== "=" && operator !== "IN") return scope;
  const named = Array.isArray(value) ? value.map(String) : [String(value)];
  const { experimentIds } = scope;
  return { ...scope, experimentIds: experimentIds?.filter((id) => named.includes(id)) ?? named };
}
