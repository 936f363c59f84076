/**
 * The tree of a filter. One grammar serves the UI's filter bar, the search API, the SDK and MLflow's filter strings.
 */

export type ComparisonOperator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "IN" | "NOT IN" | "LIKE" | "ILIKE";

/** A list for `IN` and `NOT IN`, a single value for the others. Durations and times are numbers of milliseconds. */
export type FilterValue = string | number | readonly string[] | readonly number[];

/** A field and, for keyed fields such as `tags.env`, its key. `field` is the canonical name of a row in `fields.ts`. */
export interface FieldReference {
  readonly field: string;
  readonly key?: string;
}

/**
 * What a trace must satisfy. `and` and `or` hold one term or more (the parser gives two or more).
 *
 * A comparison with something the trace does not have is false, also with `!=` and `NOT IN`; `not` turns it into true.
 */
export type Filter =
  | { readonly kind: "and"; readonly terms: readonly Filter[] }
  | { readonly kind: "or"; readonly terms: readonly Filter[] }
  | { readonly kind: "not"; readonly term: Filter }
  | {
      readonly kind: "comparison";
      readonly left: FieldReference;
      readonly operator: ComparisonOperator;
      readonly value: FilterValue;
    };

export type Comparison = Extract<Filter, { kind: "comparison" }>;
