import { expect, test } from "vitest";
import { Lane, LaneFull } from "./lane.ts";

const never = new AbortController().signal;

test("runs as many as it is wide, the others in the order they came", async () => {
  const lane = new Lane({ width: 2, queueLimit: 10 });
  const order: number[] = [];
  const first = await lane.enter(never);
  const second = await lane.enter(never);
  const rest = [3, 4, 5].map(async (n) => {
    const leave = await lane.enter(never);
    order.push(n);
    leave();
  });
  expect([lane.running, lane.waiting, order]).toEqual([2, 3, []]);
  second();
  await Promise.all(rest);
  expect(order).toEqual([3, 4, 5]);
  first();
  expect([lane.running, lane.waiting]).toEqual([0, 0]);
});

test("refuses at once when the queue is full", async () => {
  const lane = new Lane({ width: 1, queueLimit: 1 });
  const leave = await lane.enter(never);
  const waits = lane.enter(never);
  await expect(lane.enter(never)).rejects.toBeInstanceOf(LaneFull);
  leave();
  (await waits)();
});

test("a call that is given up while it waits leaves the queue and takes no place", async () => {
  const lane = new Lane({ width: 1, queueLimit: 5 });
  const leave = await lane.enter(never);
  const gone = new AbortController();
  const waits = lane.enter(gone.signal);
  const next = lane.enter(never);
  gone.abort(new Error("gone"));
  await expect(waits).rejects.toThrow("gone");
  leave();
  (await next)();
  expect([lane.running, lane.waiting]).toEqual([0, 0]);
});
