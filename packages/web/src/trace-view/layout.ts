/**
 * Geometry of the waterfall: where bars lie on the time axis, which of it was on the critical path, where the time went.
 *
 * No React and no pixels: times are microseconds after the start of the trace, places are fractions of the axis.
 */
import { childrenOf, type SpanTree } from "./tree.ts";

/** A span that has not ended, in the `durationUs` column. */
const RUNNING = -1;

export interface Timeline {
  /** End of span i; that of a running span is `nowUs`. */
  readonly endUs: Float64Array;
  /** What the axis shows: from 0 to the last end; never empty. */
  readonly totalUs: number;
  /**
   * The part of span i that the whole trace waited for: `criticalStartUs[i] … criticalEndUs[i]`. Both are -1 for a span that could
   * have been slower without delaying the trace.
   */
  readonly criticalStartUs: Float64Array;
  readonly criticalEndUs: Float64Array;
  /** Time on the critical path that span i did not spend waiting for a child. */
  readonly selfUs: Float64Array;
  /** Time in which no span ran, between and after root spans. */
  readonly idleUs: number;
}

/**
 * Lays out a trace.
 *
 * @param nowUs  microseconds from the start of the trace to now; bounds running spans
 */
export function layOut(tree: SpanTree, nowUs: number): Timeline {
  const { startUs, durationUs } = tree.spans;
  const endUs = new Float64Array(tree.size);
  let totalUs = 1;
  for (let span = 0; span < tree.size; span++) {
    const start = startUs[span] ?? 0;
    const duration = durationUs[span] ?? 0;
    endUs[span] = duration === RUNNING ? Math.max(start, nowUs) : start + duration;
    totalUs = Math.max(totalUs, endUs[span] ?? 0);
  }
  return { endUs, totalUs, ...criticalPath(tree, endUs, totalUs) };
}

/**
 * Walks back from the end: at each moment the trace waited for the child that ended last before it.
 *
 * The method of Jaeger's critical path view (jaeger-ui, packages/jaeger-ui/src/components/TracePage/CriticalPath), with children
 * clipped to their parent so that one that outlives it does not count twice.
 */
function criticalPath(tree: SpanTree, endUs: Float64Array, totalUs: number) {
  const start = (span: number) => tree.spans.startUs[span] ?? 0;
  const end = (span: number) => endUs[span] ?? 0;
  const criticalStartUs = new Float64Array(tree.size).fill(-1);
  const criticalEndUs = new Float64Array(tree.size).fill(-1);
  const selfUs = new Float64Array(tree.size);
  const pending: number[] = [];

  /** Marks the children that someone waited for between `from` and `to`; gives the time in which there was none. */
  const waitFor = (children: Iterable<number>, from: number, to: number): number => {
    let alone = 0;
    let cursor = to;
    for (const child of [...children].sort((a, b) => end(b) - end(a))) {
      const childEnd = Math.min(end(child), cursor);
      const childStart = Math.max(start(child), from);
      if (childStart >= childEnd) continue;
      alone += cursor - childEnd;
      criticalStartUs[child] = childStart;
      criticalEndUs[child] = childEnd;
      pending.push(child);
      cursor = childStart;
    }
    return alone + Math.max(cursor - from, 0);
  };

  const idleUs = waitFor([...tree.roots, ...tree.orphans], 0, totalUs);
  for (let span = pending.pop(); span !== undefined; span = pending.pop()) {
    selfUs[span] = waitFor(childrenOf(tree, span), criticalStartUs[span] ?? 0, criticalEndUs[span] ?? 0);
  }
  return { criticalStartUs, criticalEndUs, selfUs, idleUs };
}

/** What the time axis shows, in microseconds after the start of the trace; never empty. */
export interface Axis {
  readonly fromUs: number;
  readonly toUs: number;
}

/** A stretch of the axis, as fractions: 0 at its left edge, 1 at its right. */
export interface Stretch {
  readonly left: number;
  readonly width: number;
}

/** Places `fromUs … toUs` on an axis, cut at its edges; undefined when nothing of it is in view. */
export function stretch(fromUs: number, toUs: number, axis: Axis): Stretch | undefined {
  const from = Math.max(fromUs, axis.fromUs);
  const to = Math.min(Math.max(toUs, fromUs), axis.toUs);
  if (to < from) return undefined;
  const length = axis.toUs - axis.fromUs;
  return { left: (from - axis.fromUs) / length, width: (to - from) / length };
}

/** The axis on which one span fills most of the width, with a little of what was before and after it. */
export function zoomTo(tree: SpanTree, timeline: Timeline, span: number): Axis {
  const startUs = tree.spans.startUs[span] ?? 0;
  const endUs = timeline.endUs[span] ?? startUs;
  const margin = Math.max((endUs - startUs) * 0.05, 1);
  return { fromUs: Math.max(startUs - margin, 0), toUs: Math.min(endUs + margin, timeline.totalUs + margin) };
}

/**
 * Times for the ticks of an axis, at multiples of a step of 1, 2 or 5 times a power of ten (60-based from a minute on).
 *
 * @param most  how many fit
 */
export function ticks(axis: Axis, most: number): number[] {
  const step = niceStep((axis.toUs - axis.fromUs) / Math.max(most, 1));
  const first = Math.ceil(axis.fromUs / step);
  const last = Math.floor(axis.toUs / step);
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, index) => (first + index) * step);
}

const SECOND_US = 1_000_000;
const LONG_STEPS_S = [60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400];

function niceStep(leastUs: number): number {
  if (leastUs > 30 * SECOND_US) {
    const seconds = LONG_STEPS_S.find((candidate) => candidate * SECOND_US >= leastUs);
    return (seconds ?? Math.ceil(leastUs / SECOND_US / 86_400) * 86_400) * SECOND_US;
  }
  const power = 10 ** Math.floor(Math.log10(Math.max(leastUs, 1)));
  const factor = [1, 2, 5].find((candidate) => candidate * power >= leastUs * 0.999_999) ?? 10;
  const step = factor * power;
  return step === 50 * SECOND_US ? 60 * SECOND_US : step;
}

/**
 * How much earlier than its parent a span starts, in microseconds; 0 for the usual case. More than rounding means that the clocks
 * of two machines differ.
 */
export function clockSkewUs(tree: SpanTree, span: number): number {
  const parent = tree.parent[span] ?? -1;
  if (parent < 0) return 0;
  const early = (tree.spans.startUs[parent] ?? 0) - (tree.spans.startUs[span] ?? 0);
  return early > SKEW_TOLERANCE_US ? early : 0;
}
/** Clocks of JavaScript runtimes tick in milliseconds: less than that is no skew. */
const SKEW_TOLERANCE_US = 1000;

/** Time of the critical path by group, largest first; `idle` is time in which nothing ran. Fractions of the whole. */
export function timeByGroup<Group extends string>(
  tree: SpanTree,
  timeline: Timeline,
  groupOf: (spanType: string) => Group,
): { readonly group: Group | "idle"; readonly fraction: number }[] {
  const sums = new Map<Group | "idle", number>();
  const add = (group: Group | "idle", us: number) => sums.set(group, (sums.get(group) ?? 0) + us);
  for (let span = 0; span < tree.size; span++) {
    const us = timeline.selfUs[span] ?? 0;
    if (us > 0) add(groupOf(tree.spans.spanType[span] ?? ""), us);
  }
  if (timeline.idleUs > 0) add("idle", timeline.idleUs);
  return [...sums]
    .map(([group, us]) => ({ group, fraction: us / timeline.totalUs }))
    .sort((a, b) => b.fraction - a.fraction);
}
