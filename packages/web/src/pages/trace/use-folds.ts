/**
 * Which spans of a trace are folded. Kept by span id: while a trace runs, its spans come and their indices change.
 */
import { useCallback, useMemo, useState } from "react";
import { foldable, ORPHAN_GROUP, reveal, type SpanTree } from "../../trace-view/tree.ts";

/** Stands for the orphan group; no span has it as its id. */
const GROUP_ID = "orphans";

export interface Folds {
  /** Indices of folded spans. */
  readonly closed: ReadonlySet<number>;
  readonly toggle: (span: number) => void;
  /** Unfolds what hides a span. */
  readonly show: (span: number) => void;
  readonly foldAll: (folded: boolean) => void;
}

export function useFolds(tree: SpanTree): Folds {
  const [closedIds, setClosedIds] = useState<ReadonlySet<string>>(new Set());
  const closed = useMemo(() => toIndices(tree, closedIds), [tree, closedIds]);
  const change = useCallback(
    (next: (closed: ReadonlySet<number>) => ReadonlySet<number>) =>
      setClosedIds((before) => {
        const from = toIndices(tree, before);
        const to = next(from);
        return to === from ? before : toIds(tree, to);
      }),
    [tree],
  );
  const toggle = useCallback(
    (span: number) =>
      change((from) => {
        const to = new Set(from);
        if (!to.delete(span)) to.add(span);
        return to;
      }),
    [change],
  );
  const show = useCallback((span: number) => change((from) => reveal(tree, from, span)), [change, tree]);
  const foldAll = useCallback((folded: boolean) => change(() => (folded ? outline(tree) : new Set())), [change, tree]);
  return useMemo(() => ({ closed, toggle, show, foldAll }), [closed, toggle, show, foldAll]);
}

/** Everything folded, but not the roots: their children are the outline one wants to see. */
function outline(tree: SpanTree): Set<number> {
  const closed = foldable(tree);
  for (const root of tree.roots) closed.delete(root);
  return closed;
}

function toIndices(tree: SpanTree, ids: ReadonlySet<string>): ReadonlySet<number> {
  const indices = new Set<number>();
  if (ids.size === 0) return indices;
  tree.spans.spanId.forEach((id, index) => {
    if (ids.has(id)) indices.add(index);
  });
  if (ids.has(GROUP_ID)) indices.add(ORPHAN_GROUP);
  return indices;
}

function toIds(tree: SpanTree, indices: ReadonlySet<number>): Set<string> {
  return new Set([...indices].map((index) => (index === ORPHAN_GROUP ? GROUP_ID : (tree.spans.spanId[index] ?? ""))));
}
