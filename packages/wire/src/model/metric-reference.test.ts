/**
 * The reference in docs/metrics.md is this table, row by row.
 */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { type Dimension, METRIC_VIEWS, type Metric, metricTable } from "./metric.ts";

const code = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(", ");

function reference(): string {
  return METRIC_VIEWS.map((view) => {
    const metrics: [string, Metric][] = Object.entries(metricTable[view].metrics);
    const dimensions: [string, Dimension][] = Object.entries(metricTable[view].dimensions);
    return [
      `## ${view.charAt(0).toUpperCase()}${view.slice(1)}`,
      "",
      "| metric | unit | aggregations | meaning |",
      "|---|---|---|---|",
      ...metrics.map(
        ([name, { aliases, unit, numeric, help }]) =>
          `| ${code([name, ...aliases])} | ${unit} | ${numeric ? "all" : "`count`"} | ${help} |`,
      ),
      "",
      "| dimension | meaning |",
      "|---|---|",
      ...dimensions.map(
        ([name, { aliases, keyed, help }]) =>
          `| ${code([name, ...aliases].map((spelling) => (keyed ? `${spelling}.<key>` : spelling)))} | ${help} |`,
      ),
    ].join("\n");
  }).join("\n\n");
}

test("every metric and dimension stands in docs/metrics.md as it is in the table", async () => {
  const page = await readFile(new URL("../../../../docs/metrics.md", import.meta.url), "utf8");
  expect(page.split("# Reference\n\n")[1]?.trim()).toBe(reference());
});
