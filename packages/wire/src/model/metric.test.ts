import { expect, test } from "vitest";
import { findName, METRIC_VIEWS, metricTable } from "./metric.ts";

test("no name of a view stands for two metrics or two dimensions", () => {
  for (const view of METRIC_VIEWS) {
    for (const rows of Object.values(metricTable[view])) {
      const names = Object.entries(rows).flatMap(([name, { aliases }]) => [name, ...aliases]);
      expect(names).toEqual([...new Set(names)]);
    }
  }
});

test("a name is found by itself and by its aliases, and nothing else is", () => {
  const { dimensions } = metricTable.traces;
  expect(findName(dimensions, "name")).toBe("name");
  expect(findName(dimensions, "trace_name")).toBe("name");
  expect(findName(dimensions, "toString")).toBeUndefined();
  expect(findName(dimensions, "")).toBeUndefined();
});
