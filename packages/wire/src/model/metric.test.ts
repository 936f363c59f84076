import { expect, test } from "vitest";
import {
  AGGREGATIONS,
  type Dimension,
  findDimension,
  findName,
  METRIC_VIEWS,
  type Metric,
  metricTable,
  percentileShare,
  readAggregation,
} from "./metric.ts";

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

test("a keyed dimension needs a key, the others have none", () => {
  expect(findDimension("traces", "tags.env")).toEqual({ name: "tags", key: "env" });
  expect(findDimension("traces", "tag.a.b c")).toEqual({ name: "tags", key: "a.b c" });
  expect(findDimension("spans", "attributes.`a``b.c`")).toEqual({ name: "attributes", key: "a`b.c" });
  expect(findDimension("traces", "trace_name")).toEqual({ name: "name" });
  for (const text of ["tags", "tags.", "tags.``", "name.x", "attributes.x", ".", ""]) {
    expect(findDimension("traces", text)).toBeUndefined();
  }
});

test("percentiles are read with up to three decimals, as shares without rounding", () => {
  expect(AGGREGATIONS.map(readAggregation)).toEqual([...AGGREGATIONS]);
  expect(readAggregation("p05")).toBe("p5");
  expect(percentileShare("p99.9")).toBe(0.999);
  expect(percentileShare("p100")).toBe(1);
  expect(percentileShare("avg")).toBeUndefined();
  for (const text of ["p", "p101", "p-1", "p1.2345", "p1e1", "median", "P50", "toString"]) {
    expect(readAggregation(text)).toBeUndefined();
  }
});
