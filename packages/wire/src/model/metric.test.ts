import { expect, test } from "vitest";
import { type Dimension, findName, METRIC_VIEWS, type Metric, metricTable } from "./metric.ts";

test("no name of a view stands for two metrics or two dimensions", () => {
  for (const view of METRIC_VIEWS) {
    const tables: Record<string, Record<string, Metric | Dimension>> = metricTable[view];
    for (const rows of Object.values(tables)) {
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
