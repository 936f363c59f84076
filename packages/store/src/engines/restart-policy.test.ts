import { expect, test } from "vitest";
import { RestartCounter } from "./restart-policy.ts";

const policy = { delaysMs: [0, 100, 500], stableMs: 1000 };

test("deaths in a row wait longer each time, then nothing is tried any more", () => {
  const counter = new RestartCounter(policy);
  expect([counter.died(0), counter.died(10), counter.died(999), counter.died(0)]).toEqual([0, 100, 500, undefined]);
  expect(counter.deaths).toBe(4);
});

test("a process that lived long enough begins a new row", () => {
  const counter = new RestartCounter(policy);
  counter.died(0);
  counter.died(0);
  expect(counter.died(1000)).toBe(0);
  expect(counter.deaths).toBe(1);
});
