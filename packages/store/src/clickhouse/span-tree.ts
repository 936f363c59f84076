/**
 * The spans of a trace as trees that grow: under the roots, under the orphans whose parent has not come, and, where parents form a
 * ring, under the earliest span of the ring. The trees are the same whatever the order in which the spans were added.
 */
import { type Amounts, amountCost, amountsUsage, costAmount, larger, Sum, usageAmounts } from "./amounts.ts";
import type { SummarySpan } from "./summary-span.ts";

/** The sorts of amounts that are summed over the trees. */
const USAGE = 0;
const COST = 1;
const SORTS = [USAGE, COST] as const;

class Node {
  readonly span: SummarySpan | undefined;
  parent: Node | undefined;
  /** Sums of what counts of the children, by sort. */
  readonly below: (Sum | undefined)[] = [];
  /** What counts of this span in its parent's sum, by sort. */
  readonly counted: (Amounts | undefined)[] = [];
  /** Whether something below changed since the sums were made; then the same is true of all above it. */
  isDirty = false;
  dirtyChildren: Node[] | undefined;

  constructor(span: SummarySpan | undefined) {
    this.span = span;
  }
}

/**
 * Sums over the trees count a span with its own value or with the sum of its descendants, whichever is larger.
 *
 * Agents and chains often report the sum of their model calls, and two instrumentations report one call twice, one inside the
 * other: adding them would double. MLflow lets a span hide its descendants, which is the same whenever the span's value includes
 * them; where it does not (a parent that counts only its own steps but not the sub-agents its tools started), the larger value is
 * closer to what was used.
 *
 * Adding a span marks the way up as dirty, and asking for a sum makes the marked ones anew: a trace of 30,000 spans that comes in
 * 600 batches is not summed from the start at each.
 */
export class SpanTree {
  /** Above all trees. */
  readonly #whole = new Node(undefined);
  readonly #nodes = new Map<string, Node>();
  /** Tops whose parent has not come, by its id. */
  readonly #orphans = new Map<string, Node[]>();

  /** @param span  of an id that is not in the tree */
  add(span: SummarySpan): void {
    const node = new Node(span);
    this.#nodes.set(span.spanId, node);
    const parent = span.parentSpanId === span.spanId ? undefined : this.#nodes.get(span.parentSpanId);
    const orphans = this.#orphans.get(span.spanId);
    this.#orphans.delete(span.spanId);
    this.#hang(node, parent ?? this.#whole);
    if (parent === undefined && span.parentSpanId !== "" && span.parentSpanId !== span.spanId) {
      const waiting = this.#orphans.get(span.parentSpanId);
      if (waiting === undefined) this.#orphans.set(span.parentSpanId, [node]);
      else waiting.push(node);
    }
    if (orphans === undefined) return;
    const top = parent === undefined ? node : topOf(parent, this.#whole);
    for (const orphan of orphans) {
      if (orphan === top) this.#breakRing(node, orphan);
      else this.#hang(orphan, node);
    }
  }

  /** Tokens of the whole trace; undefined if no span says anything. */
  usage(): ReturnType<typeof amountsUsage> | undefined {
    const amounts = this.#total(USAGE);
    return amounts && amountsUsage(amounts);
  }

  /** US dollars of the whole trace; undefined if no span says anything. */
  costUsd(): number | undefined {
    const amounts = this.#total(COST);
    return amounts && amountCost(amounts);
  }

  /** How far below the top of its tree a span is. An orphan has a parent somewhere, so it is not at the depth of a root. */
  depthOf(spanId: string): number {
    let depth = 0;
    let node = this.#nodes.get(spanId);
    while (node?.parent !== undefined && node.parent !== this.#whole) {
      node = node.parent;
      depth += 1;
    }
    return node?.span?.parentSpanId === "" ? depth : depth + 1;
  }

  /** Hangs a node, with what is below it, under another. */
  #hang(node: Node, parent: Node): void {
    if (node.parent !== undefined) this.#takeOut(node);
    node.parent = parent;
    node.isDirty = true;
    parent.dirtyChildren ??= [];
    parent.dirtyChildren.push(node);
    markUp(parent);
  }

  /** Takes what counts of a node out of its parent's sums. */
  #takeOut(node: Node): void {
    const { parent, counted } = node;
    if (parent === undefined) return;
    for (const sort of SORTS) {
      const amounts = counted[sort];
      if (amounts !== undefined) parent.below[sort]?.subtract(amounts);
      counted[sort] = undefined;
    }
    markUp(parent);
  }

  /** `last` closes a ring: it hangs below `top`, whose parent it is. The earliest of the ring becomes the top. */
  #breakRing(last: Node, top: Node): void {
    let earliest = top;
    for (let node: Node | undefined = last; node !== undefined && node !== top; node = node.parent) {
      if (isEarlier(node, earliest)) earliest = node;
    }
    if (earliest === top) return;
    this.#hang(earliest, this.#whole);
    this.#hang(top, last);
  }

  #total(sort: number): Amounts | undefined {
    this.#sumUp();
    return this.#whole.below[sort]?.value;
  }

  /** Makes the sums of all dirty nodes anew, children before parents. A list instead of recursion: chains of 10,000 spans exist. */
  #sumUp(): void {
    const path: Node[] = [this.#whole];
    for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
      const child = node.dirtyChildren?.pop();
      if (child !== undefined) {
        // One that has moved since is in the list of its new parent.
        if (child.isDirty && child.parent === node) path.push(child);
        continue;
      }
      path.pop();
      node.isDirty = false;
      node.dirtyChildren = undefined;
      if (node.parent !== undefined) count(node, node.parent);
    }
  }
}

function markUp(from: Node): void {
  let node = from;
  while (!node.isDirty && node.parent !== undefined) {
    node.isDirty = true;
    node.parent.dirtyChildren ??= [];
    node.parent.dirtyChildren.push(node);
    node = node.parent;
  }
}

/** Puts what counts of a node into the sums of its parent, in place of what counted before. */
function count(node: Node, parent: Node): void {
  const { usage, costUsd } = node.span ?? {};
  // Most spans use nothing, nor does anything below them.
  if (usage === undefined && costUsd === undefined && node.below.length === 0) return;
  const owns = [usage && usageAmounts(usage), costUsd === undefined ? undefined : costAmount(costUsd)];
  for (const sort of SORTS) {
    const before = node.counted[sort];
    const now = larger(owns[sort], node.below[sort]?.value);
    if (before === undefined && now === undefined) continue;
    const sum = parent.below[sort] ?? new Sum();
    parent.below[sort] = sum;
    if (before !== undefined) sum.subtract(before);
    if (now !== undefined) sum.add(now);
    node.counted[sort] = now;
  }
}

function topOf(from: Node, whole: Node): Node {
  let node = from;
  while (node.parent !== undefined && node.parent !== whole) node = node.parent;
  return node;
}

function isEarlier({ span: left }: Node, { span: right }: Node): boolean {
  if (left === undefined || right === undefined) return false;
  if (left.startTimeUnixNano !== right.startTimeUnixNano) return left.startTimeUnixNano < right.startTimeUnixNano;
  return left.spanId < right.spanId;
}
