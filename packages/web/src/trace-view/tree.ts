/**
 * The tree of a trace: from the skeleton's columns to children, depths and the rows that are visible.
 *
 * Pure arithmetic, without recursion: a trace may nest thousands of spans. A span whose parent was not received is never drawn as
 * a root; it stands in a group of its own at the end.
 */
import type { TraceSkeleton } from "@sightline/wire/model/trace";

export type SpanColumns = TraceSkeleton["spans"];

/** `parent` column: a root, and a span whose parent was not received. */
const ROOT = -1;

/** A span is named by its index in the columns. */
export interface SpanTree {
  readonly spans: SpanColumns;
  readonly size: number;
  readonly roots: readonly number[];
  /** Spans whose parent was not received, or whose ancestors form a circle. */
  readonly orphans: readonly number[];
  /** Parent as drawn; -1 for roots and orphans. */
  readonly parent: Int32Array;
  /** 0 for roots, 1 for orphans (below their group). */
  readonly depth: Int32Array;
  /** Children of span i: `childList[childStart[i] … childStart[i + 1])`, in order of start. */
  readonly childStart: Int32Array;
  readonly childList: Int32Array;
  /** All spans in the order in which a fully open tree shows them. */
  readonly order: Int32Array;
}

/** Builds the tree in linear time. */
export function buildTree(spans: SpanColumns): SpanTree {
  const size = spans.spanId.length;
  const parent = new Int32Array(size);
  const roots: number[] = [];
  const orphans: number[] = [];
  for (let span = 0; span < size; span++) {
    const given = spans.parent[span] ?? ROOT;
    const known = given >= 0 && given < size && given !== span;
    parent[span] = known ? given : ROOT;
    if (given === ROOT) roots.push(span);
    else if (!known) orphans.push(span);
  }
  const { childStart, childList } = groupByParent(parent);

  const depth = new Int32Array(size).fill(-1);
  const order = new Int32Array(size);
  let reached = 0;
  const walk = (top: number, topDepth: number) => {
    const stack = [top];
    depth[top] = topDepth;
    for (let span = stack.pop(); span !== undefined; span = stack.pop()) {
      order[reached++] = span;
      for (let at = at0(childStart, span + 1) - 1; at >= at0(childStart, span); at--) {
        const child = at0(childList, at);
        if (depth[child] !== -1) continue;
        depth[child] = at0(depth, span) + 1;
        stack.push(child);
      }
    }
  };
  for (const root of roots) walk(root, 0);
  for (const orphan of orphans) walk(orphan, 1);
  // Spans that are each other's ancestors hang on nothing: the first of a circle becomes an orphan.
  for (let span = 0; reached < size && span < size; span++) {
    if (depth[span] !== -1) continue;
    orphans.push(span);
    parent[span] = ROOT;
    walk(span, 1);
  }
  const circles = orphans.some((span) => (spans.parent[span] ?? ROOT) >= 0);
  return {
    spans,
    size,
    roots,
    orphans,
    parent,
    depth,
    order,
    ...(circles ? groupByParent(parent) : { childStart, childList }),
  };
}

function groupByParent(parent: Int32Array): { childStart: Int32Array; childList: Int32Array } {
  const childStart = new Int32Array(parent.length + 1);
  for (const of of parent) if (of >= 0) childStart[of + 1] = at0(childStart, of + 1) + 1;
  for (let span = 0; span < parent.length; span++) {
    childStart[span + 1] = at0(childStart, span + 1) + at0(childStart, span);
  }
  const next = childStart.slice();
  const childList = new Int32Array(at0(childStart, parent.length));
  parent.forEach((of, span) => {
    if (of < 0) return;
    childList[at0(next, of)] = span;
    next[of] = at0(next, of) + 1;
  });
  return { childStart, childList };
}

/** An element of a typed array; the callers stay inside its bounds. */
function at0(array: Int32Array, index: number): number {
  return array[index] ?? 0;
}

/** Number of children of a span. */
function childCount(tree: SpanTree, span: number): number {
  return at0(tree.childStart, span + 1) - at0(tree.childStart, span);
}

/** Children of a span, in order of start. */
export function childrenOf(tree: SpanTree, span: number): Int32Array {
  return tree.childList.subarray(at0(tree.childStart, span), at0(tree.childStart, span + 1));
}

/** Stands for the group "parent not received" where a span is expected. */
export const ORPHAN_GROUP = -1;

/** A line of the tree table. */
export interface TreeRow {
  /** Index of the span, or {@link ORPHAN_GROUP}. */
  readonly span: number;
  /** 0 at the left edge. */
  readonly depth: number;
  /** Undefined for a span without children. */
  readonly open: boolean | undefined;
  /** Place among its siblings, from 1, and their number: what a tree grid tells screen readers. */
  readonly position: number;
  readonly setSize: number;
}

/**
 * The rows that are visible.
 *
 * @param closed  spans (or {@link ORPHAN_GROUP}) whose children are folded away
 */
export function visibleRows(tree: SpanTree, closed: ReadonlySet<number>): TreeRow[] {
  const rows: TreeRow[] = [];
  const topSize = tree.roots.length + (tree.orphans.length > 0 ? 1 : 0);
  type Pending = readonly [span: number, position: number, setSize: number];
  const show = (tops: readonly Pending[]) => {
    const stack: Pending[] = tops.toReversed();
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const [span, position, setSize] = next;
      const children = childrenOf(tree, span);
      const open = children.length === 0 ? undefined : !closed.has(span);
      rows.push({ span, depth: at0(tree.depth, span), open, position, setSize });
      if (open !== true) continue;
      for (let at = children.length - 1; at >= 0; at--) stack.push([at0(children, at), at + 1, children.length]);
    }
  };
  show(tree.roots.map((span, index) => [span, index + 1, topSize]));
  if (tree.orphans.length > 0) {
    const open = !closed.has(ORPHAN_GROUP);
    rows.push({ span: ORPHAN_GROUP, depth: 0, open, position: topSize, setSize: topSize });
    if (open) show(tree.orphans.map((span, index) => [span, index + 1, tree.orphans.length]));
  }
  return rows;
}

/** Everything that can be folded. */
export function foldable(tree: SpanTree): Set<number> {
  const spans = new Set<number>();
  for (let span = 0; span < tree.size; span++) if (childCount(tree, span) > 0) spans.add(span);
  if (tree.orphans.length > 0) spans.add(ORPHAN_GROUP);
  return spans;
}

/** `closed` without what hides a span: its ancestors, and the orphan group if it stands in it. The same set if nothing does. */
export function reveal(tree: SpanTree, closed: ReadonlySet<number>, span: number): ReadonlySet<number> {
  const opened = new Set(closed);
  let top = span;
  for (let above = tree.parent[span] ?? ROOT; above !== ROOT; above = tree.parent[above] ?? ROOT) {
    opened.delete(above);
    top = above;
  }
  if (tree.orphans.includes(top)) opened.delete(ORPHAN_GROUP);
  return opened.size === closed.size ? closed : opened;
}

/**
 * Where failures began: failing spans none of whose descendants failed, in display order. Ancestors that fail only because of a
 * child are not repeated.
 */
export function failures(tree: SpanTree): number[] {
  const hasFailedBelow = new Uint8Array(tree.size);
  // Backwards in display order every child comes before its parent.
  for (let at = tree.size - 1; at >= 0; at--) {
    const span = at0(tree.order, at);
    const above = tree.parent[span] ?? ROOT;
    if (above !== ROOT && (tree.spans.status[span] === "ERROR" || hasFailedBelow[span] === 1))
      hasFailedBelow[above] = 1;
  }
  return [...tree.order].filter((span) => tree.spans.status[span] === "ERROR" && hasFailedBelow[span] === 0);
}

/** The failing span at the greatest depth, of several the earliest; undefined when none failed. */
export function deepestFailure(tree: SpanTree): number | undefined {
  let deepest: number | undefined;
  for (let span = 0; span < tree.size; span++) {
    if (tree.spans.status[span] !== "ERROR") continue;
    if (deepest === undefined || at0(tree.depth, span) > at0(tree.depth, deepest)) deepest = span;
  }
  return deepest;
}
