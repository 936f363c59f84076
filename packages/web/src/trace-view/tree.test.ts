import { expect, test } from "vitest";
import { columns } from "./skeleton-fixture.ts";
import { buildTree, deepestFailure, failures, foldable, ORPHAN_GROUP, reveal, visibleRows } from "./tree.ts";

const agent = buildTree(
  columns([
    { name: "agent", failed: true },
    { name: "plan", parent: "agent" },
    { name: "model", parent: "plan" },
    { name: "tool", parent: "agent", failed: true },
    { name: "POST", parent: "tool", failed: true },
    { name: "lost", parent: "never received" },
    { name: "lost child", parent: "lost" },
    { name: "answer", parent: "agent", failed: true },
  ]),
);
const at = (name: string) => agent.spans.name.indexOf(name);
const drawn = (closed: readonly string[] = []) =>
  visibleRows(agent, new Set(closed.map((name) => (name === "group" ? ORPHAN_GROUP : at(name))))).map(
    (row) =>
      `${"  ".repeat(row.depth)}${row.open === undefined ? "·" : row.open ? "▾" : "▸"} ${row.span === ORPHAN_GROUP ? "(parent not received)" : agent.spans.name[row.span]} ${row.position}/${row.setSize}`,
  );

test("children stand below their parent, orphans in a group at the end, never as roots", () => {
  expect(drawn()).toEqual([
    "▾ agent 1/2",
    "  ▾ plan 1/3",
    "    · model 1/1",
    "  ▾ tool 2/3",
    "    · POST 1/1",
    "  · answer 3/3",
    "▾ (parent not received) 2/2",
    "  ▾ lost 1/1",
    "    · lost child 1/1",
  ]);
});

test("folded spans hide what is below them", () => {
  expect(drawn(["plan", "tool", "group"])).toEqual([
    "▾ agent 1/2",
    "  ▸ plan 1/3",
    "  ▸ tool 2/3",
    "  · answer 3/3",
    "▸ (parent not received) 2/2",
  ]);
  expect(foldable(agent)).toEqual(new Set([at("agent"), at("plan"), at("tool"), at("lost"), ORPHAN_GROUP]));
});

test("revealing a span opens just what hides it", () => {
  const all = foldable(agent);
  expect(reveal(agent, all, at("POST"))).toEqual(new Set([at("plan"), at("lost"), ORPHAN_GROUP]));
  expect(reveal(agent, all, at("lost child"))).toEqual(new Set([at("agent"), at("plan"), at("tool")]));
  const open = new Set([at("plan")]);
  expect(reveal(agent, open, at("POST"))).toBe(open);
});

test("failures are where it began, not the ancestors that failed with it", () => {
  expect(failures(agent).map((span) => agent.spans.name[span])).toEqual(["POST", "answer"]);
  expect(deepestFailure(agent)).toBe(at("POST"));
  expect(deepestFailure(buildTree(columns([{ name: "fine" }])))).toBeUndefined();
});

test("a circle of parents is shown once, as an orphan", () => {
  const circle = buildTree(
    columns([
      { name: "root" },
      { name: "a", parent: "b" },
      { name: "b", parent: "a" },
      { name: "self", parent: "self" },
    ]),
  );
  const rows = visibleRows(circle, new Set());
  expect(rows.map((row) => [row.depth, row.span])).toEqual([
    [0, 0],
    [0, ORPHAN_GROUP],
    [1, 3],
    [1, 1],
    [2, 2],
  ]);
  expect([...circle.order].sort()).toEqual([0, 1, 2, 3]);
});

test("an empty trace has no rows", () => {
  expect(visibleRows(buildTree(columns([])), new Set())).toEqual([]);
});

test("10,000 spans nested in each other neither overflow the stack nor lose one", () => {
  const deep = buildTree(
    columns(Array.from({ length: 10_000 }, (_, i) => ({ name: `s${i}`, ...(i > 0 && { parent: `s${i - 1}` }) }))),
  );
  const rows = visibleRows(deep, new Set());
  expect(rows.length).toBe(10_000);
  expect(rows.at(-1)?.depth).toBe(9999);
  expect(reveal(deep, foldable(deep), 9999).size).toBe(0);
});
