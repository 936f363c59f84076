/**
 * The URL of the page of SDK processes, as values.
 */
import * as z from "zod/mini";
import { type RawSearch, readSearch } from "../../search-params.ts";

const shape = {
  /** `1` = only processes with problems. */
  problems: z._default(z.enum(["0", "1"]), "0"),
  service: z.optional(z.string()),
  /** Id or name: processes that have sent spans to it. */
  experiment: z.optional(z.string()),
};

/** @returns values, and the names of parameters that were dropped because they do not fit */
export function readProcessesSearch(raw: RawSearch) {
  return readSearch(shape, raw);
}
