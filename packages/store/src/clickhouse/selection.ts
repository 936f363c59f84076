/**
 * Which traces are meant: experiments, time range and filter as conditions on `traces`.
 */
import type { TraceSelection } from "../telemetry-store.ts";
import { compileFilter } from "./filter.ts";
import { experimentConditions, type FilterScope, startConditions } from "./filter-scope.ts";
import type { Queries } from "./queries.ts";
import type { Sql } from "./sql.ts";

/** Conditions that all must hold; none when everything is selected. */
export function selectionConditions(
  { filter, ...range }: TraceSelection & Pick<FilterScope, "textPlaces">,
  queries: Queries,
): Sql[] {
  const scope: FilterScope = { ...range, table: (name) => queries.table(name) };
  return [
    ...experimentConditions(scope),
    ...startConditions(scope),
    ...(filter === undefined ? [] : [compileFilter(filter, scope)]),
  ];
}
