/**
 * The part of the telemetry port that tells what there is: values of fields, sessions and users, what sets traces apart.
 *
 * Everything is derived from the traces that a selection means; nothing is kept for it.
 */
import type { CallOptions, TraceSelection } from "./telemetry-store.ts";

/** A field of the filter language by its canonical name; a keyed one without `key` stands for its keys. */
export interface ValueField {
  readonly field: string;
  readonly key?: string;
}

export interface ValuesQuery extends TraceSelection {
  /** At least one. */
  readonly fields: readonly ValueField[];
  /** Only values that begin with this, in any case. */
  readonly prefix?: string;
  /** Only values that have this in them, in any case. */
  readonly contains?: string;
  /** Most values of each field. */
  readonly limit: number;
  /** Count over the so many newest traces if there are more; default 1,000,000, for facts of spans 100,000. */
  readonly maxTraces?: number;
}

export interface FieldValues {
  /** Most frequent first, of equals in the order of their bytes; `count` is of the traces that have the value. */
  readonly values: readonly { readonly value: string; readonly count: number }[];
  /** How many different values match, those beyond the limit among them. */
  readonly distinct: number;
  /** Counted over the newest traces only, because there are too many. */
  readonly approximate: boolean;
}

export interface TraceValues {
  /** Start of the earliest and of the latest selected trace in nanoseconds; undefined if there is none. */
  startRange(
    selection: TraceSelection,
    options?: CallOptions,
  ): Promise<{ readonly first: bigint; readonly last: bigint } | undefined>;

  /**
   * The values that the selected traces have in some fields, with the number of traces that have each.
   *
   * Tags and metadata are those that people see, edits laid over. A trace that has several values counts for each.
   *
   * @returns one entry for each field, in their order
   * @throws INVALID_PARAMETER for a field that has no list of values, with the reason
   */
  listValues(query: ValuesQuery, options?: CallOptions): Promise<FieldValues[]>;
}
