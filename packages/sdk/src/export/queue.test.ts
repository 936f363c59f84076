import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { SpanRecord } from "../tracing/span-record.ts";
import { recordBytes, SpanQueue } from "./queue.ts";

/** The queue looks at the weight alone. */
const span = (name: string, bytes: number) => ({ name, bytes }) as SpanRecord;
const names = (spans: readonly SpanRecord[]): string[] => spans.map(({ name }) => name);

test("a full queue drops the oldest spans until the new one fits", () => {
  const queue = new SpanQueue(100);
  expect(queue.push(span("a", 40))).toBe(0);
  queue.push(span("b", 40));
  expect(queue.push(span("c", 60))).toBe(1);
  expect(queue.bytes).toBe(100);
  expect(names(queue.take(10, 1000))).toEqual(["b", "c"]);
});

test("a span that is larger than the whole queue is dropped with all before it", () => {
  const queue = new SpanQueue(100);
  queue.push(span("a", 40));
  expect(queue.push(span("huge", 101))).toBe(2);
  expect([queue.length, queue.bytes]).toEqual([0, 0]);
});

test("spans under way take room until they are released", () => {
  const queue = new SpanQueue(100);
  queue.push(span("a", 90));
  const taken = queue.take(1, 1);
  expect(queue.push(span("b", 20))).toBe(1);
  queue.release(recordBytes(taken));
  expect(queue.push(span("c", 20))).toBe(0);
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

test("what is held on behalf of spans under way takes room too", () => {
  const queue = new SpanQueue(100);
  queue.hold(70);
  expect(queue.push(span("a", 20))).toBe(0);
  expect(queue.push(span("b", 20))).toBe(1);
  expect([queue.length, queue.bytes]).toEqual([1, 90]);
  expect(queue.hold(20)).toBe(1);
  expect([queue.length, queue.bytes]).toEqual([0, 90]);
});

test("nothing is lost or doubled, and the bound holds, whatever is pushed and taken", () => {
  const step = fc.oneof(
    fc.record({ push: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ take: fc.integer({ min: 1, max: 4 }), bytes: fc.integer({ min: 1, max: 200 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3000 }), (steps) => {
      const queue = new SpanQueue(100);
      const out: number[] = [];
      let number = 0;
      let dropped = 0;
      for (const next of steps) {
        if ("push" in next) dropped += queue.push(span(String(number++), next.push));
        else {
          const taken = queue.take(next.take, next.bytes);
          out.push(...names(taken).map(Number));
          queue.release(recordBytes(taken));
        }
        expect(queue.bytes).toBeLessThanOrEqual(100);
      }
      out.push(...names(queue.take(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)).map(Number));
      expect(out).toEqual([...new Set(out)].sort((a, b) => a - b));
      expect(out.length + dropped).toBe(number);
    }),
  );
});
