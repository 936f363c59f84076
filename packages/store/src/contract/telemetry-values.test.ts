/**
 * What listing values, sessions and users promises, on every ClickHouse engine: the same as plain counting over traces as read.
 */
import type { Filter } from "@sightline/wire/filter/ast";
import { filterFields } from "@sightline/wire/filter/fields";
import { matchesFilter } from "@sightline/wire/filter/matches";
import { parseFilter } from "@sightline/wire/filter/parser";
import type { TraceInfo } from "@sightline/wire/model/trace";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { valueTable } from "../clickhouse/value-fields.ts";
import type { StoredSpan, TelemetryStore, TraceSelection } from "../telemetry-store.ts";
import type { FieldValues, GroupCursor, GroupQuery, TraceGroup, ValueField, ValuesQuery } from "../trace-values.ts";
import { GROUP_SORT_KEYS } from "../trace-values.ts";
import { clickHouseEngines, openTelemetryStore, type RunningEngine } from "./engines.ts";
import { insertRows } from "./insert-rows.ts";
import { startOf } from "./metric-oracle.ts";
import { anyRecords, editAndDelete } from "./random-traces.ts";
import { freshExperimentId, freshTraceId, SAMPLE_START, sampleSpan } from "./samples.ts";

const SECOND = 1_000_000_000n;

test("every field of the filter language has values or says why not", () => {
  expect(Object.keys(valueTable).sort()).toEqual(filterFields.map(({ name }) => name).sort());
});

describe.each(clickHouseEngines)("values on $name", ({ start }) => {
  let engine: RunningEngine;
  let store: TelemetryStore;
  const experimentIds = [freshExperimentId(), freshExperimentId()];
  let traces: readonly TraceInfo[] = [];
  let spans: ReadonlyMap<string, readonly StoredSpan[]> = new Map();

  beforeAll(async () => {
    engine = await start();
    store = await openTelemetryStore(engine.url);
    for (const [index, experimentId] of experimentIds.entries()) {
      const records = anyRecords(experimentId, 7 + index);
      await store.writeSpans(records);
      await editAndDelete(store, records);
    }
    await store.writeSpans([
      sampleSpan({ traceId: freshTraceId(), experimentId: freshExperimentId(), sessionId: "s1" }),
    ]);
    const order = { key: "timestamp_ms", direction: "ASC" } as const;
    traces = (await store.searchTraces({ experimentIds, order, limit: 1000 })).traces;
    spans = await store.getSpans(traces.map((trace) => trace.traceId));
    expect(traces.length).toBeGreaterThan(100);
  });
  afterAll(async () => {
    await store?.close();
    await engine?.stop();
  });

  const selected = ({ filter, from, to, experimentIds }: TraceSelection) =>
    traces.filter((info) => {
      const time = startOf(info);
      const isInside = experimentIds?.includes(info.experimentId) && (from ?? time) <= time && time < (to ?? time + 1n);
      return isInside && (!filter || matchesFilter(filter, { info }));
    });

  /** The values of a trace under a field, each once. */
  function valuesOf(info: TraceInfo, { field, key }: ValueField): string[] {
    const ofSpans = (read: (span: StoredSpan) => string | undefined) => (spans.get(info.traceId) ?? []).map(read);
    const entries = (record: Readonly<Record<string, string>>) =>
      key === undefined ? Object.keys(record) : [record[key]];
    const found: Record<string, () => (string | undefined)[]> = {
      status: () => [info.state],
      name: () => [info.name],
      experiment: () => [info.experimentId],
      session: () => [info.sessionId],
      user: () => [info.userId],
      source: () => [info.source],
      model: () => [...(info.models ?? [])],
      input: () => [info.requestPreview],
      tags: () => entries(info.tags),
      metadata: () => entries(info.metadata),
      "span.name": () => ofSpans((span) => span.name),
      "span.type": () => ofSpans((span) => span.spanType),
      "span.model": () => ofSpans((span) => span.model || undefined),
      "span.attributes": () =>
        key === undefined
          ? (spans.get(info.traceId) ?? []).flatMap((span) => Object.keys(span.attributes))
          : ofSpans(({ attributes: { [key]: json } }) => (json?.startsWith('"') ? JSON.parse(json) : json)),
    };
    return [...new Set(found[field]!().filter((value) => value !== undefined))];
  }

  function count(query: ValuesQuery, field: ValueField): FieldValues {
    const counts = new Map<string, number>();
    for (const info of selected(query)) {
      for (const value of valuesOf(info, field)) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    const values = [...counts]
      .map(([value, traces]) => ({ value, count: traces }))
      .filter(({ value }) => value.toLowerCase().startsWith((query.prefix ?? "").toLowerCase()))
      .filter(({ value }) => value.toLowerCase().includes((query.contains ?? "").toLowerCase()))
      .sort(
        (left, right) => right.count - left.count || Buffer.compare(Buffer.from(left.value), Buffer.from(right.value)),
      );
    return { values: values.slice(0, query.limit), distinct: values.length, approximate: false };
  }

  const anyField = fc.oneof(
    fc
      .constantFrom("status", "name", "experiment", "session", "user", "source", "model", "input")
      .map((field) => ({ field })),
    fc.constantFrom("span.name", "span.type", "span.model").map((field) => ({ field })),
    fc.constantFrom("tags", "metadata", "span.attributes").map((field) => ({ field })),
    fc.record({
      field: fc.constantFrom("tags", "metadata", "span.attributes"),
      key: fc.constantFrom("env", "stage", "new", "other", "n", "none"),
    }),
  );

  test("any question about values has the answer of plain counting", async () => {
    const anyQuery = fc.record(
      {
        fields: fc.array(anyField, { minLength: 1, maxLength: 6 }),
        limit: fc.integer({ min: 1, max: 5 }),
        prefix: fc.constantFrom("", "E", "zü", "x", "HELLO"),
        contains: fc.constantFrom("a", "Ü", "%", "_", "ell"),
        filter: fc.constantFrom(
          ...["name = 'b'", "tags.env = 'edited' OR user = 'u1'", "NOT status = 'OK'"].map(parsed),
        ),
        from: fc.constantFrom(SAMPLE_START + 10n * SECOND, SAMPLE_START + 30n * SECOND + 1n),
        to: fc.constantFrom(SAMPLE_START + 50n * SECOND, SAMPLE_START + 35n * SECOND + 7n),
        experimentIds: fc.constantFrom(experimentIds.slice(0, 1), experimentIds.slice(1)),
      },
      { requiredKeys: ["fields", "limit"] },
    );
    await fc.assert(
      fc.asyncProperty(anyQuery, async (query) => {
        const whole = { experimentIds, ...query };
        expect(await store.listValues(whole)).toEqual(query.fields.map((field) => count(whole, field)));
      }),
      { numRuns: 40 },
    );
  });

  test("of more traces than may be counted the newest are, and it says so", async () => {
    const newest = selected({ experimentIds }).slice(-30);
    const [names, models] = await store.listValues({
      experimentIds,
      fields: [{ field: "name" }, { field: "span.model" }],
      limit: 10,
      maxTraces: 30,
    });
    expect([names?.approximate, models?.approximate]).toEqual([true, true]);
    const total = names?.values.reduce((sum, value) => sum + value.count, 0) ?? 0;
    // Rows that were replaced make the cut come earlier.
    expect(total).toBeGreaterThan(15);
    expect(total).toBeLessThanOrEqual(30);
    const counted = newest.slice(-total).map(({ name }) => name);
    for (const { value, count } of names?.values ?? []) {
      expect(count).toBe(counted.filter((name) => name === value).length);
    }
  });

  test("names and values of feedback, links to runs and prompts are counted by trace", async () => {
    const [experimentId] = [freshExperimentId()];
    const traceIds = [freshTraceId(), freshTraceId()];
    await store.writeSpans(traceIds.map((traceId) => sampleSpan({ traceId, experimentId })));
    const row = { experiment_id: experimentId, version: 1, is_deleted: 0 };
    let number = 0;
    const assessment = (traceId: string | undefined, name: string, value: string, facts: object = {}) => ({
      ...row,
      ...{ trace_id: traceId, assessment_id: `a-${++number}`, kind: "feedback", name, valid: 1 },
      ...{ value: JSON.stringify(value), value_text: value },
      ...facts,
    });
    const [first, second] = traceIds;
    await insertRows(engine.url, "assessments", [
      assessment(first, "tone", "kind"),
      assessment(first, "tone", "kind"),
      assessment(second, "tone", "rude"),
      assessment(second, "tone", "kind"),
      assessment(second, "tone", "cold", { valid: 0 }),
      assessment(second, "correct", "", { value: "", error: "{}" }),
      assessment(second, "answer", "42", { kind: "expectation" }),
      assessment(second, "ISSUE-1", "true", { kind: "issue" }),
    ]);
    const link = (traceId: string | undefined, kind: string, target: string) => ({
      ...row,
      trace_id: traceId,
      kind,
      target,
    });
    await insertRows(engine.url, "trace_links", [
      link(first, "run", "r1"),
      link(second, "run", "r1"),
      link(second, "run", "r2"),
      link(second, "prompt", "greet/2"),
    ]);
    const list = async (field: string, key?: string) => {
      const fields = [{ field, ...(key !== undefined && { key }) }];
      const [found] = await store.listValues({ experimentIds: [experimentId], fields, limit: 10 });
      return found?.values.map(({ value, count }) => `${value}: ${count}`);
    };
    expect(await list("feedback")).toEqual(["tone: 2", "correct: 1"]);
    expect(await list("feedback", "tone")).toEqual(["kind: 2", "rude: 1"]);
    expect(await list("feedback", "correct")).toEqual([]);
    expect(await list("expectation")).toEqual(["answer: 1"]);
    expect(await list("issue.id")).toEqual(["ISSUE-1: 1"]);
    expect(await list("run")).toEqual(["r1: 2", "r2: 1"]);
    expect(await list("prompt")).toEqual(["greet/2: 1"]);
  });

  test("a field without values says why", async () => {
    const list = (field: string) => store.listValues({ experimentIds, fields: [{ field }], limit: 1 });
    await expect(list("cost")).rejects.toThrow(/"cost" has no list of values: it is a number; POST \/api\/v1\/metrics/);
    await expect(list("trace_id")).rejects.toThrow(/every one has another/);
    await expect(list("toString")).rejects.toThrow(/there is no such field/);
  });

  test("the range of starts is that of the selected traces", async () => {
    const starts = selected({ experimentIds }).map(startOf);
    expect(await store.startRange({ experimentIds })).toEqual({ first: starts[0], last: starts.at(-1) });
    expect(await store.startRange({ experimentIds: [freshExperimentId()] })).toBeUndefined();
  });

  describe("groups", () => {
    /** All groups, by plain computation. */
    function groups(query: GroupQuery): TraceGroup[] {
      const byKey = new Map<string, TraceInfo[]>();
      for (const info of selected(query)) {
        const id = idOf(query, info);
        const key = JSON.stringify([info.experimentId, id]);
        if (id !== undefined) byKey.set(key, [...(byKey.get(key) ?? []), info]);
      }
      return [...byKey.values()].map((members) => toGroup(query, members));
    }

    const idOf = ({ by, id }: GroupQuery, info: TraceInfo) => {
      const own = by === "session" ? info.sessionId : info.userId;
      return id === undefined || own === id ? own : undefined;
    };

    function toGroup(query: GroupQuery, members: readonly TraceInfo[]): TraceGroup {
      const byStart = members.toSorted(
        (left, right) => Number(startOf(left) - startOf(right)) || (left.traceId < right.traceId ? -1 : 1),
      );
      const first = byStart[0]!;
      const isSession = query.by === "session";
      const ends = members.map((info) => startOf(info) / 1000n + BigInt(Math.round(info.durationMs * 1000)));
      const usages = members.flatMap(({ tokenUsage }) => tokenUsage ?? []);
      const sum = (numbers: readonly number[]) => numbers.reduce((total, value) => total + value, 0);
      const costs = members.flatMap(({ costUsd }) => costUsd ?? []);
      const inputs = byStart.flatMap(({ requestPreview }) => requestPreview ?? []);
      return {
        experimentId: first.experimentId,
        id: idOf(query, first)!,
        firstStart: startOf(first),
        lastStart: startOf(byStart.at(-1)!),
        durationUs: ends.sort((left, right) => Number(right - left))[0]! - startOf(first) / 1000n,
        traces: members.length,
        errors: members.filter(({ state }) => state === "ERROR").length,
        running: members.filter(({ state }) => state === "IN_PROGRESS").length,
        ...(usages.length > 0 && {
          tokens: {
            input: sum(usages.map(({ inputTokens }) => inputTokens)),
            output: sum(usages.map(({ outputTokens }) => outputTokens)),
            total: sum(usages.map(({ totalTokens }) => totalTokens)),
          },
        }),
        ...(costs.length > 0 && { costUsd: expect.closeTo(sum(costs), 9) as unknown as number }),
        firstInput: isSession ? (inputs[0] ?? "") : "",
        lastOutput: isSession ? (byStart.flatMap(({ responsePreview }) => responsePreview ?? []).at(-1) ?? "") : "",
        sessions: new Set(members.flatMap(({ sessionId }) => sessionId ?? [])).size,
        users: [...new Set(members.flatMap(({ userId }) => userId ?? []))].sort(),
        models: [...new Set(members.flatMap(({ models }) => models ?? []))].sort(),
        assessments: [],
      };
    }

    const orderedBy: Record<GroupQuery["order"]["key"], (group: TraceGroup) => number> = {
      last_activity: ({ lastStart }) => Number(lastStart / 1000n),
      duration: ({ durationUs }) => Number(durationUs),
      traces: ({ traces }) => traces,
      errors: ({ errors }) => errors,
      sessions: ({ sessions }) => sessions,
      tokens: ({ tokens }) => tokens?.total ?? 0,
      cost: ({ costUsd }) =>
        Math.round(Number((costUsd as unknown as { sample: number } | undefined)?.sample ?? 0) * 1e6),
    };

    test("pages of every order have every group once, with the numbers of plain computation", async () => {
      const filters = [undefined, parsed("tags.env = 'x' OR tags.env = 'edited'")];
      for (const by of ["session", "user"] as const) {
        for (const key of GROUP_SORT_KEYS) {
          for (const direction of ["ASC", "DESC"] as const) {
            for (const filter of filters) {
              const query: GroupQuery = {
                experimentIds,
                by,
                order: { key, direction },
                limit: 2,
                ...(filter && { filter }),
              };
              const sign = direction === "ASC" ? 1 : -1;
              const ids = (group: TraceGroup) => JSON.stringify([group.experimentId, group.id]);
              const expected = groups(query).sort(
                (left, right) =>
                  sign * (orderedBy[key](left) - orderedBy[key](right) || (ids(left) < ids(right) ? -1 : 1)),
              );
              expect(expected.length).toBeGreaterThan(1);
              expect(await allPages(query)).toEqual(expected);
            }
          }
        }
      }
    });

    async function allPages(query: GroupQuery): Promise<TraceGroup[]> {
      const found: TraceGroup[] = [];
      let after: GroupCursor | undefined;
      do {
        const page = await store.searchTraceGroups({ ...query, ...(after && { after }) });
        expect(page.groups.length).toBeGreaterThan(0);
        found.push(...page.groups);
        after = page.next;
      } while (after !== undefined);
      return found;
    }

    test("a session of two experiments is two groups; one can be asked for by its id", async () => {
      const order = { key: "last_activity", direction: "DESC" } as const;
      const { groups: both } = await store.searchTraceGroups({
        experimentIds,
        by: "session",
        id: "s1",
        order,
        limit: 10,
      });
      expect(both.map(({ experimentId }) => experimentId).sort()).toEqual(experimentIds.toSorted());
      expect(new Set(both.map(({ id }) => id))).toEqual(new Set(["s1"]));
      const none = { experimentIds, by: "session", id: "nobody", order, limit: 10 } as const;
      expect(await store.searchTraceGroups(none)).toEqual({ groups: [] });
    });

    test("assessments of the traces of a group are summed up by kind and name", async () => {
      const experimentId = freshExperimentId();
      const traceIds = [freshTraceId(), freshTraceId(), freshTraceId()];
      await store.writeSpans(
        traceIds.map((traceId, index) =>
          sampleSpan({ traceId, experimentId, sessionId: index < 2 ? "here" : "there" }),
        ),
      );
      const assessment = (traceId: string | undefined, id: string, facts: object) => ({
        ...{ experiment_id: experimentId, trace_id: traceId, assessment_id: id, kind: "feedback", name: "score" },
        ...{ valid: 1, version: 1, is_deleted: 0, ...facts },
      });
      await insertRows(engine.url, "assessments", [
        assessment(traceIds[0], "a-1", { value_number: 1 }),
        assessment(traceIds[1], "a-2", { value_number: 4 }),
        assessment(traceIds[1], "a-3", { error: "{}" }),
        assessment(traceIds[1], "a-4", { value_number: 9, valid: 0 }),
        assessment(traceIds[1], "a-5", { kind: "expectation", name: "answer" }),
        assessment(traceIds[2], "a-6", { value_number: 0 }),
      ]);
      const order = { key: "traces", direction: "DESC" } as const;
      const { groups: sessions } = await store.searchTraceGroups({
        ...{ experimentIds: [experimentId], by: "session", order, limit: 10 },
      });
      expect(sessions.map(({ id, assessments }) => [id, assessments])).toEqual([
        [
          "here",
          [
            { kind: "expectation", name: "answer", count: 1, errors: 0 },
            { kind: "feedback", name: "score", count: 3, errors: 1, average: 2.5, min: 1, max: 4 },
          ],
        ],
        ["there", [{ kind: "feedback", name: "score", count: 1, errors: 0, average: 0, min: 0, max: 0 }]],
      ]);
    });
  });
});

function parsed(text: string): Filter {
  const result = parseFilter(text);
  if (!result.ok || !result.filter) throw new Error(`"${text}" is no filter.`);
  return result.filter;
}
