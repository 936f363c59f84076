/**
 * The spans of a trace → its row. Pure, and the same whatever the order of the spans.
 */
import type { TokenUsage } from "@sightline/wire/model/span";
import { latest } from "./moments.ts";
import type { SpanRow, TraceRow } from "./rows.ts";

/** The properties of a span that the row of its trace is made from. */
export const SUMMARY_PROPERTIES = [
  "traceId",
  "spanId",
  "parentSpanId",
  "name",
  "startTimeUnixNano",
  "endTimeUnixNano",
  "statusCode",
  "usage",
  "costUsd",
  "sessionId",
  "userId",
  "traceTags",
  "traceMetadata",
  "requestPreview",
  "responsePreview",
  "failure",
] as const satisfies readonly (keyof SpanRow)[];

export type SummarySpan = Pick<SpanRow, (typeof SUMMARY_PROPERTIES)[number]>;

/**
 * Makes the row of a trace.
 *
 * - Facts about the whole trace come from the root, else from the earliest span that has them; tags and metadata are joined key by
 *   key, the root's first. Of several roots the earliest is "the" root.
 * - The state is IN_PROGRESS while no root has ended, ERROR if a root that ended failed, else OK. A failing span inside a trace
 *   whose root succeeded was handled by the agent.
 * - The failure text is that of the deepest failing span, where the trouble began.
 *
 * @param spans  at least one; all of one trace, no span id twice
 */
export function summarizeTrace(spans: readonly SummarySpan[], experimentId: string): TraceRow {
  const byTime = [...spans].sort(byStartThenId);
  const roots = byTime.filter((span) => span.parentSpanId === "");
  const byWeight = [...roots, ...byTime.filter((span) => span.parentSpanId !== "")];
  const [first] = byTime;
  const [head] = byWeight;
  if (first === undefined || head === undefined) throw new RangeError("A trace without spans has no row.");

  const start = first.startTimeUnixNano;
  const end = latest(
    start,
    byTime.map((span) => span.endTimeUnixNano),
  );
  const state = stateOf(roots);
  const tree = new SpanTree(byTime);
  const usage = tree.total((span) => span.usage, addUsage, largerUsage);
  const costUsd = tree.total(
    (span) => span.costUsd,
    (left, right) => left + right,
    Math.max,
  );

  return {
    experimentId,
    traceId: first.traceId,
    startUs: start / 1000n,
    durationUs: (end - start) / 1000n,
    name: head.name,
    state,
    sessionId: firstText(byWeight, (span) => span.sessionId),
    userId: firstText(byWeight, (span) => span.userId),
    spanCount: spans.length,
    ...(usage !== undefined && { usage }),
    ...(costUsd !== undefined && { costUsd }),
    requestPreview: firstText(roots, (span) => span.requestPreview),
    responsePreview: firstText(roots, (span) => span.responsePreview),
    failure: state === "ERROR" ? tree.deepestFailure() : "",
    tags: joinMaps(byWeight.map((span) => span.traceTags)),
    metadata: joinMaps(byWeight.map((span) => span.traceMetadata)),
  };
}

function byStartThenId(left: SummarySpan, right: SummarySpan): number {
  if (left.startTimeUnixNano !== right.startTimeUnixNano) {
    return left.startTimeUnixNano < right.startTimeUnixNano ? -1 : 1;
  }
  return left.spanId < right.spanId ? -1 : left.spanId > right.spanId ? 1 : 0;
}

function stateOf(roots: readonly SummarySpan[]): TraceRow["state"] {
  const ended = roots.filter((root) => root.endTimeUnixNano !== 0n);
  if (ended.length === 0) return "IN_PROGRESS";
  return ended.some((root) => root.statusCode === "ERROR") ? "ERROR" : "OK";
}

function firstText(spans: readonly SummarySpan[], read: (span: SummarySpan) => string): string {
  for (const span of spans) {
    const text = read(span);
    if (text !== "") return text;
  }
  return "";
}

/** Entries of all maps; of equal keys the earlier map's. */
function joinMaps(maps: readonly Readonly<Record<string, string>>[]): Record<string, string> {
  const joined = new Map<string, string>();
  for (const map of maps) {
    for (const [key, value] of Object.entries(map)) if (!joined.has(key)) joined.set(key, value);
  }
  return Object.fromEntries(joined);
}

function addUsage(left: TokenUsage, right: TokenUsage): TokenUsage {
  const sum = { ...left };
  for (const [kind, tokens] of Object.entries(right) as [keyof TokenUsage, number][]) {
    sum[kind] = (sum[kind] ?? 0) + tokens;
  }
  return sum;
}

/** The span's own usage unless its descendants used more; parts that only they report are kept. */
function largerUsage(own: TokenUsage, below: TokenUsage): TokenUsage {
  return own.totalTokens >= below.totalTokens ? { ...below, ...own } : below;
}

/** The spans as trees under the roots, the orphans and, if parents form a ring, the earliest span of the ring. */
class SpanTree {
  /** Parents before children. */
  readonly #order: { readonly span: SummarySpan; readonly parent: number; readonly depth: number }[] = [];

  constructor(byTime: readonly SummarySpan[]) {
    const ids = new Set(byTime.map((span) => span.spanId));
    const children = new Map<string, SummarySpan[]>();
    const tops: SummarySpan[] = [];
    for (const span of byTime) {
      if (!ids.has(span.parentSpanId)) {
        tops.push(span);
        continue;
      }
      const siblings = children.get(span.parentSpanId);
      if (siblings === undefined) children.set(span.parentSpanId, [span]);
      else siblings.push(span);
    }

    const seen = new Set<SummarySpan>();
    // A list instead of recursion: chains of 10,000 spans exist. Spans of `byTime` that no top leads to are in a ring.
    for (const top of [...tops, ...byTime]) {
      if (seen.has(top)) continue;
      seen.add(top);
      let next = this.#order.length;
      // An orphan has a parent somewhere, so it is not at the depth of a root.
      this.#order.push({ span: top, parent: -1, depth: top.parentSpanId === "" ? 0 : 1 });
      for (let node = this.#order[next]; node !== undefined; next += 1, node = this.#order[next]) {
        for (const child of children.get(node.span.spanId) ?? []) {
          if (seen.has(child)) continue;
          seen.add(child);
          this.#order.push({ span: child, parent: next, depth: node.depth + 1 });
        }
      }
    }
  }

  /**
   * Sum over the trees in which a span counts with its own value or with the sum of its descendants, whichever is larger.
   *
   * Agents and chains often report the sum of their model calls, and two instrumentations report one call twice, one inside
   * the other: adding them would double. MLflow lets a span hide its descendants, which is the same whenever the span's value
   * includes them; where it does not (a parent that counts only its own steps but not the sub-agents its tools started), the
   * larger value is closer to what was used.
   */
  total<Value>(
    read: (span: SummarySpan) => Value | undefined,
    add: (left: Value, right: Value) => Value,
    larger: (own: Value, below: Value) => Value,
  ): Value | undefined {
    // Index -1, shifted to 0, gathers the tops. From the last child back, so that every sum is whole before it is used.
    const sums = new Array<Value | undefined>(this.#order.length + 1).fill(undefined);
    for (let index = this.#order.length - 1; index >= 0; index--) {
      const node = this.#order[index];
      if (node === undefined) continue;
      const own = read(node.span);
      const below = sums[index + 1];
      const value = own === undefined ? below : below === undefined ? own : larger(own, below);
      if (value === undefined) continue;
      const sum = sums[node.parent + 1];
      sums[node.parent + 1] = sum === undefined ? value : add(sum, value);
    }
    return sums[0];
  }

  /** Text of the deepest span that failed with a text; of several the earliest's. "" if there is none. */
  deepestFailure(): string {
    let deepest: { readonly span: SummarySpan; readonly depth: number } | undefined;
    for (const node of this.#order) {
      if (node.span.failure === "") continue;
      const isEarlier = deepest?.depth === node.depth && byStartThenId(node.span, deepest.span) < 0;
      if (deepest === undefined || node.depth > deepest.depth || isEarlier) deepest = node;
    }
    return deepest?.span.failure ?? "";
  }
}
