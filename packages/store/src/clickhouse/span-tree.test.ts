import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sampleSpan, spanId } from "../contract/samples.ts";
import { toSpanRow } from "./rows.ts";
import { SpanTree } from "./span-tree.ts";
import { type SummarySpan, toSummarySpan } from "./summary-span.ts";

/** A span by number and parent's number, with tokens; 0 = no parent, undefined = it says nothing. */
function span(id: number, parent: number, tokens?: number): SummarySpan {
  const usage = { inputTokens: tokens ?? 0, outputTokens: 0, totalTokens: tokens ?? 0 };
  return toSummarySpan(
    toSpanRow(
      sampleSpan({
        traceId: "tr-0af7651916cd43dd8448eb211c80319c",
        spanId: spanId(id),
        parentSpanId: parent === 0 ? "" : spanId(parent),
        ...(tokens !== undefined && { usage, costUsd: tokens / 1000 }),
      }),
    ),
  );
}

function treeOf(spans: readonly SummarySpan[]): SpanTree {
  const tree = new SpanTree();
  for (const one of spans) tree.add(one);
  return tree;
}

describe("SpanTree", () => {
  /** [parent, tokens] of span 1, 2, …: parents come before children, some never come. */
  const forests = fc.array(fc.record({ parent: fc.nat(30), tokens: fc.option(fc.nat(1000), { nil: undefined }) }), {
    minLength: 1,
    maxLength: 25,
  });

  test("sums are those of the definition, in any order, asked for at any time", () => {
    const property = fc.property(forests, fc.infiniteStream(fc.nat(1_000_000)), (forest, numbers) => {
      const spans = forest.map(({ parent, tokens }, index) =>
        // A parent of a lower number, or one that never comes: no rings.
        span(index + 1, parent > index ? (parent > 25 ? 99 : 0) : parent, tokens),
      );
      const counted = (one: SummarySpan): number => {
        const below = spans
          .filter(({ parentSpanId }) => parentSpanId === one.spanId)
          .reduce((sum, child) => sum + counted(child), 0);
        return Math.max(one.usage?.totalTokens ?? 0, below);
      };
      const ids = new Set(spans.map((one) => one.spanId));
      const tops = spans.filter(({ parentSpanId }) => !ids.has(parentSpanId));
      const total = tops.reduce((sum, top) => sum + counted(top), 0);

      const shuffled = spans
        .map((one) => ({ one, at: numbers.next().value ?? 0 }))
        .sort((left, right) => left.at - right.at)
        .map(({ one }) => one);
      const tree = new SpanTree();
      for (const [index, one] of shuffled.entries()) {
        tree.add(one);
        // What was asked for in between must not change what comes after.
        if ((numbers.next().value ?? 0) % 3 === 0) {
          const partial = treeOf(shuffled.slice(0, index + 1).reverse());
          expect(tree.usage()).toEqual(partial.usage());
          expect(tree.costUsd()).toBe(partial.costUsd());
        }
      }
      const says = spans.some(({ usage }) => usage !== undefined);
      expect(tree.usage()?.totalTokens).toBe(says ? total : undefined);
      expect(tree.costUsd()).toBe(says ? total / 1000 : undefined);
    });
    fc.assert(property, { numRuns: 500 });
  });

  test("sums of fractions do not depend on the order", () => {
    const children = [0.1, 0.2, 0.3, 0.7].map((tokens, index) => span(index + 2, 1, tokens * 1000));
    const costs = [children, [...children].reverse()].map((some) => treeOf([span(1, 0), ...some]).costUsd());
    expect(costs).toEqual([1.3, 1.3]);
  });

  test("a ring of parents hangs below its earliest span, whichever closes it", () => {
    const ring = [span(3, 4, 1), span(4, 5, 2), span(5, 3, 4)];
    for (const order of [
      [0, 1, 2],
      [1, 2, 0],
      [2, 1, 0],
      [0, 2, 1],
    ]) {
      const tree = treeOf([...order.map((index) => ring[index]!), span(6, 5, 100)]);
      // 3 is the top, 5 its child, 4 and 6 the children of 5: the larger of 1 and of the larger of 4 and 2 + 100.
      expect(tree.usage()?.totalTokens).toBe(102);
      expect([3, 5, 4, 6].map((id) => tree.depthOf(spanId(id)))).toEqual([1, 2, 3, 3]);
    }
  });

  test("a span that names itself as its parent is a top", () => {
    const tree = treeOf([span(5, 5, 7), span(6, 5, 9)]);
    expect(tree.usage()?.totalTokens).toBe(9);
    expect(tree.depthOf(spanId(6))).toBe(2);
  });

  test("chains of 50,000 spans are summed, from either end", () => {
    const chain = Array.from({ length: 50_000 }, (_, index) => span(index + 1, index, index % 2));
    expect(treeOf(chain).usage()?.totalTokens).toBe(1);
    expect(treeOf(chain.reverse()).usage()?.totalTokens).toBe(1);
  });
});
