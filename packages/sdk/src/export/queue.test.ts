import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { countEnded, type QueuedSpan, SpanQueue } from "./queue.ts";

/** The queue looks at the weight alone. */
const span = (name: string, bytes: number, isRunning = false): QueuedSpan => ({
  span: { name } as ReadableSpan,
  captured: undefined,
  bytes,
  isRunning,
});
const names = (spans: readonly QueuedSpan[]): string[] => spans.map((queued) => queued.span.name);

test("a full queue drops the oldest spans until the new one fits", () => {
  const queue = new SpanQueue(100);
  expect(queue.push(span("a", 40))).toEqual([]);
  queue.push(span("b", 40));
  expect(names(queue.push(span("c", 60)))).toEqual(["a"]);
  expect(queue.bytes).toBe(100);
  expect(names(queue.take(10, 1000))).toEqual(["b", "c"]);
});

test("a span that is larger than the whole queue is dropped with all before it", () => {
  const queue = new SpanQueue(100);
  queue.push(span("a", 40));
  expect(names(queue.push(span("huge", 101)))).toEqual(["a", "huge"]);
  expect([queue.length, queue.bytes]).toEqual([0, 0]);
});

test("spans under way take room until they are released", () => {
  const queue = new SpanQueue(100);
  queue.push(span("a", 90));
  const taken = queue.take(1, 1);
  expect(names(queue.push(span("b", 20)))).toEqual(["b"]);
  queue.release(taken);
  expect(queue.push(span("c", 20))).toEqual([]);
  expect([queue.length, queue.waitingBytes, queue.bytes]).toEqual([1, 20, 20]);
});

test("taking gives at least one span, then what fits in both limits", () => {
  const queue = new SpanQueue(1000);
  for (const name of ["a", "b", "c", "d"]) queue.push(span(name, 100));
  expect(names(queue.take(10, 50))).toEqual(["a"]);
  expect(names(queue.take(10, 250))).toEqual(["b", "c"]);
  expect(names(queue.take(10, 250))).toEqual(["d"]);
  expect(queue.take(10, 250)).toEqual([]);
});

test("only ended spans count", () => {
  expect(countEnded([span("a", 1), span("b", 1, true)])).toBe(1);
});

test("nothing is lost or doubled, and the bound holds, whatever is pushed and taken", () => {
  const step = fc.oneof(
    fc.record({ push: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ take: fc.integer({ min: 1, max: 4 }), bytes: fc.integer({ min: 1, max: 200 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3000 }), (steps) => {
      const queue = new SpanQueue(100);
      const out: string[] = [];
      let number = 0;
      for (const next of steps) {
        if ("push" in next) out.push(...names(queue.push(span(String(number++), next.push))));
        else {
          const taken = queue.take(next.take, next.bytes);
          out.push(...names(taken));
          queue.release(taken);
        }
        expect(queue.bytes).toBeLessThanOrEqual(100);
      }
      out.push(...names(queue.take(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)));
      expect(out).toEqual(Array.from({ length: number }, (_, index) => String(index)));
    }),
  );
});
