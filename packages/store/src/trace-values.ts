/**
 * The part of the telemetry port that tells what there is: values of fields, sessions and users, what sets traces apart.
 *
 * Everything is derived from the traces that a selection means; nothing is kept for it.
 */
import type { Filter } from "@sightline/wire/filter/ast";
import type { CallOptions, TraceSelection } from "./trace-selection.ts";

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
  /** Count over the so many newest traces if there are more; default 1,000,000 (less for many fields), 50,000 for facts of spans. */
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

/** What traces are put together by. */
export type GroupBy = "session" | "user";

export const GROUP_SORT_KEYS = ["last_activity", "duration", "traces", "errors", "sessions", "tokens", "cost"] as const;
export interface GroupOrder {
  /** `last_activity` is the start of the latest trace. */
  readonly key: (typeof GROUP_SORT_KEYS)[number];
  readonly direction: "ASC" | "DESC";
}

/** Where a page of groups ended. */
export interface GroupCursor {
  /** What the page is ordered by; decimal digits. */
  readonly value: string;
  readonly experimentId: string;
  readonly id: string;
}

export interface GroupQuery extends TraceSelection {
  readonly by: GroupBy;
  /** Only groups of this id. */
  readonly id?: string;
  readonly order: GroupOrder;
  readonly limit: number;
  readonly after?: GroupCursor;
}

/** Assessments of one kind and name in a group. */
export interface GroupAssessments {
  readonly kind: string;
  readonly name: string;
  readonly count: number;
  /** How many of them failed to judge. */
  readonly errors: number;
  /** Of the numeric values; absent when there are none. */
  readonly average?: number;
  readonly min?: number;
  readonly max?: number;
}

/** The selected traces of one experiment that have a session, or a user, in common. */
export interface TraceGroup {
  readonly experimentId: string;
  readonly id: string;
  /** Starts of the earliest and of the latest trace, in nanoseconds. */
  readonly firstStart: bigint;
  readonly lastStart: bigint;
  /** From the earliest start to the latest end, microseconds. */
  readonly durationUs: bigint;
  readonly traces: number;
  readonly errors: number;
  readonly running: number;
  /** Absent when no trace says any. */
  readonly tokens?: { readonly input: number; readonly output: number; readonly total: number };
  readonly costUsd?: number;
  /** Of a session the previews of the first and last traces that have one; "" when none has. */
  readonly firstInput: string;
  readonly lastOutput: string;
  /** Different sessions. */
  readonly sessions: number;
  /** At most 20 of each, sorted. */
  readonly users: readonly string[];
  readonly models: readonly string[];
  /** Valid ones, by kind, then name. */
  readonly assessments: readonly GroupAssessments[];
}

export interface GroupPage {
  readonly groups: readonly TraceGroup[];
  /** Absent when this was the last page. */
  readonly next?: GroupCursor;
}

/** Two sides of a selection, told apart by filters. */
export interface ExplainQuery extends TraceSelection {
  /** Which of the selected traces are the ones to explain. */
  readonly inside: Filter;
  /** Which they are compared with; absent = all others. A trace may be on both sides. */
  readonly outside?: Filter;
  /** Most findings. */
  readonly limit: number;
  /** Of each side the so many newest traces are compared if there are more; default 100,000. */
  readonly maxTraces?: number;
}

/** A value and how many traces of each side have it. */
export interface Finding {
  /** Canonical name in the filter language; `key` of tags and metadata. */
  readonly field: string;
  readonly key?: string;
  /** null = no value; a range of numbers in the unit of the filter language: from `min` up to below `max`, without `max` upwards. */
  readonly value: string | null | { readonly min: number; readonly max?: number };
  readonly inside: number;
  readonly outside: number;
}

export interface Explanation {
  /** Traces on each side. */
  readonly inside: number;
  readonly outside: number;
  /** A side had more traces than are compared. */
  readonly approximate: boolean;
  /** By the G-test of what both sides have, most telling first. */
  readonly findings: readonly Finding[];
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

  /**
   * One page of sessions or users, ties broken by experiment and id, so that pages neither overlap nor leave a gap.
   *
   * A group is the traces of one experiment with the same session or user: the same id in two experiments is two groups. All
   * numbers are of the selected traces.
   */
  searchTraceGroups(query: GroupQuery, options?: CallOptions): Promise<GroupPage>;

  /**
   * The values in which two sides of a selection differ: name, status, user, version, source, error, models, tags, metadata, and
   * ranges of duration, tokens and cost. Values that one trace alone has, and texts of more than 200 characters, are left out.
   */
  explainTraces(query: ExplainQuery, options?: CallOptions): Promise<Explanation>;
}
