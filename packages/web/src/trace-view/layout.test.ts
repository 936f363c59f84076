import { expect, test } from "vitest";
import { clockSkewUs, layOut, stretch, ticks, timeByGroup, zoomTo } from "./layout.ts";
import { columns } from "./skeleton-fixture.ts";
import { buildTree } from "./tree.ts";

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);

test("the critical path is what the trace waited for; parallel work that ended earlier is off it", () => {
  const tree = buildTree(
    columns([
      { name: "agent", duration: 100 },
      { name: "plan", parent: "agent", start: 10, duration: 20 },
      { name: "slow tool", parent: "agent", start: 40, duration: 50 },
      { name: "quick tool", parent: "agent", start: 40, duration: 20 },
    ]),
  );
  const timeline = layOut(tree, 0);
  expect([...timeline.criticalStartUs]).toEqual([0, 10, 40, -1]);
  expect([...timeline.criticalEndUs]).toEqual([100, 30, 90, -1]);
  // Before plan, between plan and tools, after the tools: 10 + 10 + 10.
  expect([...timeline.selfUs]).toEqual([30, 20, 50, 0]);
  expect(timeline.idleUs).toBe(0);
});

test("own times on the critical path add up to the whole", () => {
  const spans = Array.from({ length: 300 }, (_, i) => ({
    name: `s${i}`,
    ...(i > 0 && { parent: `s${Math.floor((i * 7919) % i)}` }),
    start: (i * 37) % 500,
    duration: (i * 131) % 900,
  }));
  const timeline = layOut(buildTree(columns(spans)), 0);
  expect(sum(timeline.selfUs) + timeline.idleUs).toBeCloseTo(timeline.totalUs, 6);
});

test("a child that outlives its parent counts as far as the parent waited", () => {
  const tree = buildTree(
    columns([
      { name: "request", duration: 50 },
      { name: "background", parent: "request", start: 40, duration: 100 },
    ]),
  );
  const timeline = layOut(tree, 0);
  expect(timeline.totalUs).toBe(140);
  expect([timeline.criticalStartUs[1], timeline.criticalEndUs[1]]).toEqual([40, 50]);
  expect(timeline.idleUs).toBe(90);
});

test("running spans reach to now", () => {
  const tree = buildTree(
    columns([
      { name: "agent", duration: -1 },
      { name: "model", parent: "agent", start: 30, duration: -1 },
    ]),
  );
  const timeline = layOut(tree, 200);
  expect([...timeline.endUs]).toEqual([200, 200]);
  expect(timeline.totalUs).toBe(200);
});

test("a running span of a clock that is ahead never ends before it starts", () => {
  const tree = buildTree(columns([{ name: "agent", start: 500, duration: -1 }]));
  expect(layOut(tree, 200).endUs[0]).toBe(500);
});

test("bars are fractions of the axis, cut at its edges", () => {
  const axis = { fromUs: 0, toUs: 100 };
  expect(stretch(25, 75, axis)).toEqual({ left: 0.25, width: 0.5 });
  expect(stretch(25, 20, axis)?.width).toBe(0);
  const middle = { fromUs: 40, toUs: 60 };
  expect(stretch(0, 50, middle)).toEqual({ left: 0, width: 0.5 });
  expect(stretch(50, 90, middle)).toEqual({ left: 0.5, width: 0.5 });
  expect([stretch(0, 30, middle), stretch(70, 80, middle)]).toEqual([undefined, undefined]);
});

test("zooming to a span leaves a little room on both sides, but none outside of the trace", () => {
  const tree = buildTree(
    columns([
      { name: "agent", duration: 1000 },
      { name: "tool", parent: "agent", start: 400, duration: 200 },
    ]),
  );
  const timeline = layOut(tree, 0);
  expect(zoomTo(tree, timeline, 1)).toEqual({ fromUs: 390, toUs: 610 });
  expect(zoomTo(tree, timeline, 0)).toEqual({ fromUs: 0, toUs: 1050 });
});

test("ticks stand at round times and are never more than fit", () => {
  const upTo = (toUs: number, most: number) => ticks({ fromUs: 0, toUs }, most);
  expect(upTo(5_820_000, 6)).toEqual([0, 1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000]);
  expect(upTo(900, 5)).toEqual([0, 200, 400, 600, 800]);
  expect(upTo(507_000_000, 5)).toEqual([0, 120_000_000, 240_000_000, 360_000_000, 480_000_000]);
  expect(upTo(10 * 86_400_000_000, 4)).toEqual([0, 259_200_000_000, 518_400_000_000, 777_600_000_000]);
  expect(ticks({ fromUs: 390, toUs: 610 }, 3)).toEqual([400, 500, 600]);
});

test("a span that starts before its parent betrays clock skew, rounding does not", () => {
  const tree = buildTree(
    columns([
      { name: "client", start: 3000, duration: 10_000 },
      { name: "server", parent: "client", start: 0, duration: 5000 },
      { name: "rounded", parent: "client", start: 2500 },
    ]),
  );
  expect([0, 1, 2].map((span) => clockSkewUs(tree, span))).toEqual([0, 3000, 0]);
});

test("where the time went, by group", () => {
  const tree = buildTree(
    columns([
      { name: "agent", duration: 100, type: "AGENT" },
      { name: "model", parent: "agent", start: 0, duration: 20, type: "LLM" },
      { name: "tool", parent: "agent", start: 20, duration: 75, type: "TOOL" },
    ]),
  );
  expect(timeByGroup(tree, layOut(tree, 0), (type) => type)).toEqual([
    { group: "TOOL", fraction: 0.75 },
    { group: "LLM", fraction: 0.2 },
    { group: "AGENT", fraction: 0.05 },
  ]);
});

test("10,000 nested spans are laid out without overflowing the stack", () => {
  const tree = buildTree(
    columns(
      Array.from({ length: 10_000 }, (_, i) => ({
        name: `s${i}`,
        ...(i > 0 && { parent: `s${i - 1}` }),
        start: i,
        duration: 20_000 - 2 * i,
      })),
    ),
  );
  const timeline = layOut(tree, 0);
  expect(timeline.criticalStartUs[9999]).toBe(9999);
  expect(sum(timeline.selfUs)).toBeCloseTo(20_000, 6);
});
