/**
 * The tree of a filter. One grammar serves the UI's filter bar, the search API, the SDK and MLflow's filter strings.
 */

export type ComparisonOperator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "IN" | "NOT IN" | "LIKE" | "ILIKE";

export type FilterValue = string | number | readonly string[] | readonly number[];

/** A field and, for keyed fields such as `tags.env`, its key. `field` is the canonical name of a row in `fields.ts`. */
export interface FieldReference {
  readonly field: string;
  readonly key?: string;
}

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
