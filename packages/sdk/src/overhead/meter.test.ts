import { once } from "node:events";
import { expect, test } from "vitest";
import { OverheadMeter } from "./meter.ts";

function metered() {
  let nowMs = 50;
  const meter = new OverheadMeter(() => nowMs);
  return {
    meter,
    spend(ms: number) {
      const token = meter.begin();
      nowMs += ms;
      meter.end(token);
    },
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

test("calls, their sum and the longest are counted", () => {
  const { meter, spend, pass } = metered();
  spend(0.25);
  pass(100);
  spend(0.5);
  spend(0.125);
  expect(meter.stats()).toMatchObject({ mode: "full", calls: 3, totalMs: 0.875, maxMs: 0.5 });
  expect(meter.stats()).not.toHaveProperty("budget");
});

test("a call inside another one counts once", () => {
  const { meter, pass } = metered();
  const outer = meter.begin();
  pass(1);
  const inner = meter.begin();
  pass(2);
  meter.end(inner);
  pass(4);
  meter.end(outer);
  expect(meter.stats()).toMatchObject({ calls: 1, totalMs: 7 });
});

test.each([
  ["nanoseconds", 0.000_1],
  ["microseconds", 0.008],
  ["milliseconds", 3],
  ["tenths of seconds", 100],
])("quantiles of %s are right within 13 %%", (_, unit) => {
  const { meter, spend } = metered();
  for (let call = 1; call <= 1_000; call += 1) spend(unit * call);
  const { p50Ms, p99Ms } = meter.stats();
  expect(Math.abs(p50Ms / (unit * 500) - 1)).toBeLessThan(0.13);
  expect(Math.abs(p99Ms / (unit * 990) - 1)).toBeLessThan(0.13);
});

test("no quantile is beyond the longest call", () => {
  const { meter, spend } = metered();
  spend(0.01);
  const { p50Ms, p99Ms, maxMs } = meter.stats();
  expect(p50Ms).toBeLessThanOrEqual(maxMs);
  expect(p99Ms).toBeLessThanOrEqual(maxMs);
});

test("a call of hours and one of no time are counted too", () => {
  const { meter, spend } = metered();
  spend(0);
  spend(10_000_000);
  expect(meter.stats()).toMatchObject({ calls: 2, totalMs: 10_000_000, maxMs: 10_000_000 });
  expect(meter.stats().p99Ms).toBeGreaterThan(100_000);
});

test("a broken budget changes the mode and is said as one process warning", async () => {
  const { meter, spend } = metered();
  meter.setBudget(0.02);
  const warned = once(process, "warning");
  spend(150);
  expect(meter.mode).toBe("full");
  spend(100);
  expect(meter.mode).toBe("previews");
  expect(meter.stats()).toMatchObject({ mode: "previews", budget: 0.02 });
  const [warning] = (await warned) as [Error];
  expect(warning.name).toBe("SightlineWarning");
  expect(warning.message).toMatchInlineSnapshot(
    `"Tracing took 2.5 % of a core over 10 s; init({ overheadBudget }) allows 2 %. Inputs and outputs are cut to 1 KB until it has been calm for a while. stats().overhead shows the mode."`,
  );
});

test("the same budget set again keeps the mode, another one begins anew", () => {
  const { meter, spend } = metered();
  meter.setBudget(0.01);
  spend(200);
  meter.setBudget(0.01);
  expect(meter.mode).toBe("previews");
  meter.setBudget(0.5);
  expect(meter.mode).toBe("full");
});

test("time without calls brings the mode back when somebody asks", () => {
  const { meter, spend, pass } = metered();
  meter.setBudget(0.01);
  spend(200);
  pass(60_000);
  expect(meter.stats().mode).toBe("full");
});
