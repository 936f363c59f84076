import { expect, test } from "vitest";
import { fieldNamed } from "./fields.ts";
import { ORDER_KEYS, parseOrder } from "./order.ts";

test.each([
  ["timestamp_ms DESC", { by: { field: "timestamp_ms" }, direction: "DESC" }],
  ["timestamp", { by: { field: "timestamp_ms" }, direction: "ASC" }],
  ["attributes.execution_time desc", { by: { field: "execution_time_ms" }, direction: "DESC" }],
  ["trace.end_time_ms ASC", { by: { field: "end_time_ms" }, direction: "ASC" }],
  ["status", { by: { field: "status" }, direction: "ASC" }],
  ["request_id", { by: { field: "trace_id" }, direction: "ASC" }],
  ["experiment_id", { by: { field: "experiment" }, direction: "ASC" }],
  ["name DESC", { by: { field: "name" }, direction: "DESC" }],
  ["run_id", { by: { field: "run" }, direction: "ASC" }],
  ["tags.`my key` DESC", { by: { field: "tags", key: "my key" }, direction: "DESC" }],
  ["tag.a.b", { by: { field: "tags", key: "a.b" }, direction: "ASC" }],
  ["request_metadata.x", { by: { field: "metadata", key: "x" }, direction: "ASC" }],
])("%s is an order in both modes", (text, order) => {
  expect(parseOrder(text)).toEqual({ ok: true, order });
  expect(parseOrder(text, { mode: "mlflow" })).toEqual({ ok: true, order });
});

test("some keys are ours alone", () => {
  for (const text of ["cost DESC", "tokens.total DESC", "session", "TIMESTAMP_MS"]) {
    expect(parseOrder(text)).toMatchObject({ ok: true });
    expect(parseOrder(text, { mode: "mlflow" })).toMatchObject({ ok: false });
  }
});

test("says what is wrong and where", () => {
  const errors = [
    "",
    "timestmp",
    "tags",
    "name UP",
    "name DESC x",
    "name, status",
    "'name'",
    "x DESC",
    "name = 'a'",
    "`",
  ].map((text) => {
    const result = parseOrder(text);
    return result.ok ? `${text} was understood` : `${text} | ${result.error.position} ${result.error.message}`;
  });
  expect(errors.join("\n")).toMatchInlineSnapshot(`
    " | 0 Traces cannot be ordered by the end. The keys are timestamp_ms, execution_time_ms, end_time_ms, status, trace_id, experiment, name, run, tags.<key>, metadata.<key>, session, user, tokens.total or cost.
    timestmp | 0 Traces cannot be ordered by timestmp. Did you mean timestamp? The keys are timestamp_ms, execution_time_ms, end_time_ms, status, trace_id, experiment, name, run, tags.<key>, metadata.<key>, session, user, tokens.total or cost.
    tags | 0 Traces cannot be ordered by tags. Did you mean tag? The keys are timestamp_ms, execution_time_ms, end_time_ms, status, trace_id, experiment, name, run, tags.<key>, metadata.<key>, session, user, tokens.total or cost.
    name UP | 5 After the key comes ASC or DESC, not UP.
    name DESC x | 10 The order ends before x.
    name, status | 4 After the key comes ASC or DESC, not ,.
    'name' | 0 Traces cannot be ordered by 'name'. The keys are timestamp_ms, execution_time_ms, end_time_ms, status, trace_id, experiment, name, run, tags.<key>, metadata.<key>, session, user, tokens.total or cost.
    x DESC | 0 Traces cannot be ordered by x. The keys are timestamp_ms, execution_time_ms, end_time_ms, status, trace_id, experiment, name, run, tags.<key>, metadata.<key>, session, user, tokens.total or cost.
    name = 'a' | 5 After the key comes ASC or DESC, not =.
    \` | 0 The text that starts here has no closing \`."
  `);
});

test("every key is a field of the filter language", () => {
  for (const key of Object.keys(ORDER_KEYS)) expect(fieldNamed(key)?.name).toBe(key);
});
