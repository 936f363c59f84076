import { expect, test } from "vitest";
import { KeyedLock } from "./keyed-lock.ts";

/** A piece of work that ends when told to. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

test("work on one key runs in the order of its calls, one at a time", async () => {
  const lock = new KeyedLock();
  const steps: string[] = [];
  const gates = [gate(), gate(), gate()];
  const runs = gates.map(({ opened }, index) =>
    lock.run(["a"], async () => {
      steps.push(`start ${index}`);
      await opened;
      steps.push(`end ${index}`);
    }),
  );
  for (const { open } of gates.toReversed()) open();
  await Promise.all(runs);
  expect(steps).toEqual(["start 0", "end 0", "start 1", "end 1", "start 2", "end 2"]);
});

test("work on other keys does not wait, work on several keys waits for all of them", async () => {
  const lock = new KeyedLock();
  const steps: string[] = [];
  const first = gate();
  const a = lock.run(["a"], () => first.opened);
  const ab = lock.run(["b", "a"], async () => steps.push("a and b"));
  const b = lock.run(["b"], async () => steps.push("b"));
  await lock.run(["c"], async () => steps.push("c"));
  expect(steps).toEqual(["c"]);
  first.open();
  await Promise.all([a, ab, b]);
  expect(steps).toEqual(["c", "a and b", "b"]);
});

test("work that fails lets the next one run", async () => {
  const lock = new KeyedLock();
  const failing = lock.run(["a"], () => Promise.reject(new Error("no")));
  const next = lock.run(["a"], async () => "yes");
  await expect(failing).rejects.toThrow("no");
  await expect(next).resolves.toBe("yes");
});

test("idle waits for what was asked for", async () => {
  const lock = new KeyedLock();
  const held = gate();
  const steps: string[] = [];
  const run = lock.run(["a", "b"], async () => {
    await held.opened;
    steps.push("done");
  });
  const idle = lock.idle().then(() => steps.push("idle"));
  held.open();
  await Promise.all([run, idle]);
  expect(steps).toEqual(["done", "idle"]);
});
