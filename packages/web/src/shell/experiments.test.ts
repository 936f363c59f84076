import { expect, test } from "vitest";
import { experimentInUrl, findExperiment, type ListedExperiment, shownExperiments } from "./experiments.ts";

const experiment = (experimentId: string, name: string, traces: number, lastTraceTime?: string): ListedExperiment => ({
  experimentId,
  name,
  traces,
  createTime: "2026-11-01T00:00:00.000000Z",
  ...(lastTraceTime && { lastTraceTime }),
});
const builtIn = experiment("0", "Default", 0);
const bot = experiment("1", "support-bot", 12, "2026-11-24T08:00:00.000000Z");
const numbered = experiment("2", "1", 3, "2026-11-24T09:00:00.000000Z");

test("an id wins over a name that looks like it, so such a name is not written into addresses", () => {
  expect(findExperiment([builtIn, bot, numbered], "1")).toBe(bot);
  expect(findExperiment([builtIn, bot], "support-bot")).toBe(bot);
  expect(findExperiment([builtIn, bot], "nothing")).toBeUndefined();
  expect([bot, numbered].map(experimentInUrl)).toEqual(["support-bot", "2"]);
});

test("an unused built-in experiment is shown only when it is alone", () => {
  expect(shownExperiments([builtIn])).toEqual([builtIn]);
  expect(shownExperiments([builtIn, bot, numbered])).toEqual([numbered, bot]);
  expect(shownExperiments([{ ...builtIn, traces: 1 }, bot])).toHaveLength(2);
});
