/**
 * The URL of a trace, as values.
 */
import * as z from "zod/mini";
import { type RawSearch, readSearch } from "../../search-params.ts";
import { detailTabs } from "../../trace-view/span-detail/detail-tabs.ts";

const shape = {
  /** Selected span; absent = the one a reader wants first. */
  span: z.optional(z.string()),
  tab: z._default(z.enum(detailTabs), "io"),
};

/** @returns values, and the names of parameters that were dropped because they do not fit */
export function readTraceSearch(raw: RawSearch) {
  return readSearch(shape, raw);
}
