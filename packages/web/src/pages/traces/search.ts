/**
 * The URL of the list of traces, as values.
 */
import * as z from "zod/mini";
import type { SortOrder } from "../../data/trace-list.ts";
import { type RawSearch, readSearch } from "../../search-params.ts";
import { isBound } from "../../time-range/time-range.ts";
import { detailTabs } from "../../trace-view/span-detail/detail-tabs.ts";

const bound = z.optional(z.string().check(z.refine(isBound)));

/** Parameters that make the list: they travel with links to its traces. */
const listShape = {
  q: z._default(z.string(), ""),
  from: bound,
  to: bound,
  sort: z._default(z.enum(["-time", "time", "-duration", "duration"] satisfies SortOrder[]), "-time"),
};

const shape = {
  ...listShape,
  /** `0` = paused. */
  live: z._default(z.enum(["0", "1"]), "1"),
  /** Trace in the peek pane. */
  open: z.optional(z.string()),
  /** Span that the peek pane shows. */
  span: z.optional(z.string()),
  tab: z._default(z.enum(detailTabs), "io"),
};

/** @returns values, and the names of parameters that were dropped because they do not fit */
export function readTracesSearch(raw: RawSearch) {
  return readSearch(shape, raw);
}

/** The parameters of a list as they stand in the URL, to take along to another page. */
export function listSearch(raw: RawSearch): RawSearch {
  return Object.fromEntries(
    Object.keys(listShape).flatMap((name) => (raw[name] === undefined ? [] : [[name, raw[name]]])),
  );
}
