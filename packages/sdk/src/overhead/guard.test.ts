import { expect, test } from "vitest";
import { OverheadGuard, type OverheadMode } from "./guard.ts";

interface Step {
  readonly at: number;
  readonly to: OverheadMode;
  readonly share: number;
}

/** A guard with its own clock: `work` spends time in tracing, `pause` lets it pass. */
function guarded(budget: number | undefined) {
  let nowMs = 1_000_000;
  const began = nowMs;
  const steps: Step[] = [];
  const guard = new OverheadGuard({
    budget,
    nowMs,
    onStep: ({ to, share }) => steps.push({ at: nowMs - began, to, share }),
  });
  return {
    guard,
    steps,
    work(ms: number) {
      nowMs += ms;
      guard.add(nowMs, ms);
    },
    pause(ms: number) {
      nowMs += ms;
      guard.pass(nowMs);
    },
    /** `share` of the time in tracing for so many seconds, in calls of `callMs`. */
    load(share: number, seconds: number, callMs = 10) {
      const end = nowMs + seconds * 1000;
      while (nowMs < end) {
        this.work(callMs);
        this.pause(callMs / share - callMs);
      }
    },
  };
}

test("without a budget everything is recorded, however long it takes", () => {
  const run = guarded(undefined);
  run.load(0.9, 60);
  run.work(600_000);
  expect(run.guard.mode).toBe("full");
  expect(run.steps).toEqual([]);
});

test("work below the budget changes nothing", () => {
  const run = guarded(0.05);
  run.load(0.04, 120);
  expect(run.guard.mode).toBe("full");
});

test("a broken budget takes inputs and outputs first, then traces, one step at a time", () => {
  const run = guarded(0.05);
  run.load(0.2, 9);
  expect(run.steps.map(({ to }) => to)).toEqual(["previews", "sampling"]);
  // A fifth of a core has spent the half second that 10 s allow after 2.5 s; the next mode is judged by its own work.
  expect(run.steps[0]?.at).toBeGreaterThan(2_400);
  expect(run.steps[0]?.at).toBeLessThan(2_700);
  expect(run.steps[1]?.at).toBeGreaterThan(4_900);
  expect(run.steps[0]?.share).toBeCloseTo(0.05, 2);
});

test("one call that spends the whole budget is enough", () => {
  const run = guarded(0.05);
  run.work(499);
  expect(run.guard.mode).toBe("full");
  run.work(2);
  expect(run.guard.mode).toBe("previews");
});

test("work that is older than the window no longer counts", () => {
  const run = guarded(0.05);
  for (let round = 0; round < 20; round += 1) {
    run.work(400);
    run.pause(11_000);
  }
  expect(run.guard.mode).toBe("full");
});

test("after half a minute of calm it records more again, step by step", () => {
  const run = guarded(0.05);
  run.work(501);
  run.work(501);
  expect(run.guard.mode).toBe("sampling");
  run.load(0.01, 29);
  expect(run.guard.mode).toBe("sampling");
  run.load(0.01, 3);
  expect(run.guard.mode).toBe("previews");
  run.load(0.01, 32);
  expect(run.guard.mode).toBe("full");
  expect(run.steps.map(({ to }) => to)).toEqual(["previews", "sampling", "previews", "full"]);
});

test("just below the budget is not calm", () => {
  const run = guarded(0.05);
  run.work(501);
  run.load(0.04, 300);
  expect(run.guard.mode).toBe("previews");
});

test("a program without calls counts as calm", () => {
  const run = guarded(0.05);
  run.work(501);
  run.pause(31_000);
  expect(run.guard.mode).toBe("full");
});

test("steps back that turn out wrong become rarer, and are quick again after a long good time", () => {
  const run = guarded(0.05);
  const calmUntilFull = () => {
    let seconds = 0;
    for (; run.guard.mode !== "full"; seconds += 1) run.pause(1_000);
    return seconds;
  };
  run.work(501);
  const waits = [calmUntilFull()];
  for (let relapse = 0; relapse < 6; relapse += 1) {
    run.work(501);
    waits.push(calmUntilFull());
  }
  expect(waits).toEqual([30, 60, 120, 240, 480, 480, 480]);
  run.pause(600_000);
  run.work(501);
  expect(calmUntilFull()).toBe(30);
});

test("at the last mode a broken budget is told once and no more", () => {
  const run = guarded(0.05);
  run.load(0.5, 30);
  expect(run.steps.map(({ to }) => to)).toEqual(["previews", "sampling"]);
  expect(run.guard.mode).toBe("sampling");
});
