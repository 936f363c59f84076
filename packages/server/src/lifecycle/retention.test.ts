import type { Experiment } from "@sightline/wire/model/experiment";
import { expect, test } from "vitest";
import { expiriesAt, retentionDaysOf } from "./retention.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");

function experiment(experimentId: string, retentionDays?: number | null): Experiment {
  return {
    experimentId,
    name: experimentId,
    createTime: "2026-01-01T00:00:00Z",
    ...(retentionDays !== undefined && { retentionDays }),
  };
}

test("an experiment's own days hold before those of all, and for ever is a setting, too", () => {
  expect(retentionDaysOf(experiment("1"), { days: 30 })).toBe(30);
  expect(retentionDaysOf(experiment("1", 7), { days: 30 })).toBe(7);
  expect(retentionDaysOf(experiment("1", null), { days: 30 })).toBeNull();
  expect(retentionDaysOf(experiment("1"), { days: null })).toBeNull();
});

test("experiments with the same days expire together; those for ever never", () => {
  const experiments = [
    experiment("0"),
    experiment("1", 7),
    experiment("2"),
    experiment("3", null),
    experiment("4", 30),
  ];
  expect(expiriesAt(NOW, experiments, { days: 30 })).toEqual([
    { experimentIds: ["0", "2", "4"], before: "2026-10-25T12:00:00.000000Z" },
    { experimentIds: ["1"], before: "2026-11-17T12:00:00.000000Z" },
  ]);
  expect(expiriesAt(NOW, experiments, { days: null })).toEqual([
    { experimentIds: ["1"], before: "2026-11-17T12:00:00.000000Z" },
    { experimentIds: ["4"], before: "2026-10-25T12:00:00.000000Z" },
  ]);
});

test("more days than there were since 1970 are since 1970", () => {
  expect(expiriesAt(NOW, [experiment("0")], { days: 36_500 })[0]?.before).toBe("1970-01-01T00:00:00.000000Z");
});
