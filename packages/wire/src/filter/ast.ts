/**
 * The tree of a filter. One grammar serves the UI's filter bar, the search API, the SDK and MLflow's filter strings.
 */

export type ComparisonOperator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "IN" | "NOT IN" | "LIKE" | "ILIKE" | "RLIKE";

/** Whether something is there at all; `EXISTS x` is read as `x IS NOT NULL`. */
export type PresenceOperator = "IS NULL" | "IS NOT NULL";

export type FilterOperator = ComparisonOperator | PresenceOperator;

/** A list for `IN` and `NOT IN`, a single value for the others. Durations and times are numbers of milliseconds. */
export type FilterValue = string | number | readonly string[] | readonly number[];

/**
 * A field and, for keyed fields such as `tags.env`, its key.
 *
 * `field` is the canonical name of a row in `fields.ts`; those of spans begin with `span.`, everywhere in the tree.
 */
export interface FieldReference {
  readonly field: string;
  readonly key?: string;
}

/**
 * What a trace must satisfy. `and` and `or` hold one term or more (the parser gives two or more).
 *
 * A comparison with something the trace does not have is false, also with `!=` and `NOT IN`; `not` turns it into true. Where a
 * trace has several values of a field (models, runs, feedback of several people) it holds when one of them satisfies it.
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
    }
  | { readonly kind: "presence"; readonly left: FieldReference; readonly operator: PresenceOperator }
  /** Free text: stands, in any case, in the input, output or error of a span; inside `span` of that span. Never empty. */
  | { readonly kind: "text"; readonly text: string }
  /** One span of the trace satisfies all of `filter`, whose fields are those of spans. Never inside another `span`. */
  | { readonly kind: "span"; readonly filter: Filter };

export type Comparison = Extract<Filter, { kind: "comparison" }>;
export type Presence = Extract<Filter, { kind: "presence" }>;
