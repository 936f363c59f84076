/**
 * Endpoints about the values that fields have: for completion, facets, and for what sets some traces apart.
 */
import * as z from "zod/mini";
import { endpoint } from "./endpoint.ts";

const MAX_VALUES = 1000;
const MAX_FACETS = 30;
const MAX_FINDINGS = 1000;

const selection = {
  /** Names or ids; absent = all. */
  experiments: z.optional(z.array(z.string())),
  /** Which traces count. */
  filter: z.optional(z.string()),
  /** Start of the trace, RFC 3339, inclusive. */
  from: z.optional(z.string()),
  /** Start of the trace, RFC 3339, exclusive. */
  to: z.optional(z.string()),
};

const limit = z.int().check(z.minimum(1), z.maximum(MAX_VALUES));

const FieldValues = z.object({
  /** As it was asked for. */
  field: z.string(),
  /** Most frequent first. */
  values: z.array(
    z.object({
      value: z.string(),
      /** Traces that have the value. */
      count: z.number(),
    }),
  ),
  /** How many different values match. */
  distinct: z.number(),
  /** Whether there are more than `values` has. */
  more: z.boolean(),
  /** Counted over the newest traces only, because there are too many. */
  approximate: z.boolean(),
});

export const listValues = endpoint({
  id: "listValues",
  method: "POST",
  path: "/api/v1/values",
  summary: "The values that matching traces have in a field of the filter language, most frequent first.",
  body: z.strictObject({
    ...selection,
    /** E.g. `user`, `tags.env`, `span.attributes.http.status`; a keyed field alone (`tags`) stands for its keys. */
    field: z.string(),
    /** Only values that begin with this, in any case. */
    prefix: z.optional(z.string().check(z.maxLength(1000))),
    /** Only values that have this in them, in any case. */
    contains: z.optional(z.string().check(z.maxLength(1000))),
    limit: z._default(limit, 20),
  }),
  response: FieldValues,
  errors: ["BAD_FILTER", "EXPERIMENT_NOT_FOUND", "INVALID_PARAMETER", "QUERY_TOO_SLOW"],
});

export const listFacets = endpoint({
  id: "listFacets",
  method: "POST",
  path: "/api/v1/facets",
  summary: "The most frequent values of several fields at once.",
  body: z.strictObject({
    ...selection,
    /** As `field` of `listValues`. */
    fields: z.array(z.string()).check(z.minLength(1), z.maxLength(MAX_FACETS)),
    /** Values of each field. */
    limit: z._default(limit, 10),
  }),
  response: z.object({ facets: z.array(FieldValues) }),
  errors: ["BAD_FILTER", "EXPERIMENT_NOT_FOUND", "INVALID_PARAMETER", "QUERY_TOO_SLOW"],
});

export const explainTraces = endpoint({
  id: "explainTraces",
  method: "POST",
  path: "/api/v1/explain",
  summary: "The values in which some traces differ most from others.",
  body: z.strictObject({
    ...selection,
    /** Filter: the traces to explain, out of those that match. */
    selection: z.string(),
    /** Filter: the traces to compare them with; absent = all others that match. */
    baseline: z.optional(z.string()),
    /** Most values, of all fields together. */
    limit: z._default(z.int().check(z.minimum(1), z.maximum(MAX_FINDINGS)), 50),
  }),
  response: z.object({
    /** Traces on each side. */
    selection: z.number(),
    baseline: z.number(),
    /** A side has more traces than are compared; its newest were. */
    approximate: z.boolean(),
    /** Most telling first: by the value of each that tells most. */
    fields: z.array(
      z.object({
        /** As a filter writes it, e.g. `tags.env`. */
        field: z.string(),
        values: z.array(
          z.object({
            /** null = has none; a range for numbers: from `min` up to below `max`, without `max` upwards. */
            value: z.union([z.null(), z.string(), z.object({ min: z.number(), max: z.optional(z.number()) })]),
            /** The filter that chooses the traces with this value. */
            filter: z.string(),
            /** Traces of each side that have it, and their shares of it, 0 to 1. */
            selection: z.number(),
            baseline: z.number(),
            selectionShare: z.number(),
            baselineShare: z.number(),
            /** `selectionShare - baselineShare`. */
            difference: z.number(),
            /** `selectionShare / baselineShare`; null when no trace of the baseline has it. */
            ratio: z.nullable(z.number()),
            /** G of the G-test: above 10.8 chance alone explains it in less than one of 1,000 such comparisons. */
            score: z.number(),
          }),
        ),
      }),
    ),
  }),
  errors: ["BAD_FILTER", "EXPERIMENT_NOT_FOUND", "INVALID_PARAMETER", "QUERY_TOO_SLOW"],
});
