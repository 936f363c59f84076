/**
 * Export and import of traces, over HTTP.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { readParquetFile } from "@sightline/store/parquet/join-parquet";
import {
  EXPORT_PATH,
  type ExportRequest,
  IMPORT_PATH,
  type ImportResult,
  PARQUET_TYPE,
} from "@sightline/wire/api/transfer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newTraceId } from "../../harness/otlp-json.ts";
import { type ServerUnderTest, startInProcess } from "./in-process.ts";
import { encodeSpans, errorOf, makeSpan, makeTrace, START, send } from "./spans.ts";

let source: ServerUnderTest;
let target: ServerUnderTest;
beforeAll(async () => {
  [source, target] = await Promise.all([startInProcess(), startInProcess()]);
});
afterAll(async () => {
  await Promise.all([source.stop(), target.stop()]);
});

async function exportLines(server: ServerUnderTest, wanted: Partial<ExportRequest> = {}): Promise<string[]> {
  const answer = await fetch(server.url + EXPORT_PATH, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(wanted),
  });
  expect(answer.status).toBe(200);
  const text = await answer.text();
  return text.split("\n").slice(0, -1);
}

async function importBody(
  server: ServerUnderTest,
  body: string | Uint8Array,
  query = "",
  headers: Record<string, string> = {},
): Promise<ImportResult> {
  const answer = await fetch(server.url + IMPORT_PATH + query, {
    method: "POST",
    headers,
    body: typeof body === "string" ? body : new Uint8Array(body),
  });
  expect(answer.status, await answer.clone().text()).toBe(200);
  return (await answer.json()) as ImportResult;
}

/** Lines as they compare between servers: without ids of experiments, which each server gives itself. */
function comparable(lines: readonly string[]): unknown[] {
  return lines
    .map((line) => {
      const value = JSON.parse(line.replaceAll(/:(-?\d{16,})(?=[,}\]])/g, ':"$1"'));
      value.info.experimentId = undefined;
      for (const assessment of value.info.assessments) assessment.updateTime = undefined;
      return value;
    })
    .sort((left, right) => (left.info.traceId < right.info.traceId ? -1 : 1));
}

test("export, import into another server, export again: the same traces, to the last digit", async () => {
  const chat = makeTrace(3, {
    name: "chat",
    attributes: {
      "mlflow.spanInputs": '{"q": 1.0, "id": 12345678901234567890, "text": "héllo 你好 🚀 \\u0000"}',
      "mlflow.spanOutputs": '"plain"',
      "session.id": "s-1",
      "user.id": "u-1",
      big: 9_007_199_254_740_993n,
      ratio: 0.1,
      list: ["a", 9_007_199_254_740_993n, { deep: true }],
      __proto: "x",
    },
    events: [
      {
        name: "exception",
        timeUnixNano: START + 5n,
        attributes: { "exception.type": "E", "exception.message": "boom", code: 9_007_199_254_740_993n, at: 1.5 },
      },
    ],
    links: [{ traceId: newTraceId(), spanId: "00000000000000ab", attributes: { n: 2n } }],
    statusCode: 2,
    statusMessage: "failed",
  });
  const running = makeSpan({ name: "running", endTimeUnixNano: 0n });
  const orphan = makeSpan({ name: "orphan", parentSpanId: "00000000000000ff", startTimeUnixNano: START - 1_000_000n });
  const llm = makeTrace(1, {
    name: "llm",
    attributes: {
      "gen_ai.request.model": "gpt-4o",
      "gen_ai.usage.input_tokens": 10n,
      "gen_ai.usage.output_tokens": 5n,
    },
  });
  for (const spans of [chat, [running], [orphan], llm]) {
    const answer = await send(
      source.url,
      encodeSpans(spans, { "service.name": "shop", "deployment.environment": "prod" }),
      {
        "x-sightline-experiment": "Träume",
      },
    );
    expect(answer.status).toBe(200);
  }
  const chatId = `tr-${chat[0]?.traceId}`;
  await source.client.setTraceTag({ params: { traceId: chatId, key: "verdict" }, body: { value: "good" } });
  await source.client.deleteTraceTag({ params: { traceId: chatId, key: "deployment.environment" } });

  const feedback = { kind: "feedback", name: "quality", source: { type: "HUMAN", id: "ann" } } as const;
  const params = { traceId: chatId };
  const { assessment } = await source.client.createAssessment({ params, body: { ...feedback, value: { score: 1.5 } } });
  await source.client.createAssessment({
    params,
    body: { ...feedback, value: "better", rationale: "looked again", overrides: assessment.assessmentId },
  });
  await source.client.linkTraces({ body: { kind: "run", target: "run-1", traceIds: [chatId] } });

  const lines = await exportLines(source, { experiments: ["Träume"] });
  expect(lines).toHaveLength(4);
  expect(lines.join("\n")).toContain('{"q": 1.0, "id": 12345678901234567890,');
  const { trace } = await source.client.getTrace({ params: { traceId: chatId } });
  const line = lines.find((text) => text.includes(`"traceId":"${chatId}"`)) ?? "{}";
  expect(JSON.parse(line)).toEqual({
    experiment: "Träume",
    ...trace,
    spans: trace.spans.map((span) => ({ ...span, costComputed: span.costUsd === undefined ? undefined : true })),
    links: [{ kind: "run", target: "run-1" }],
  });

  const result = await importBody(target, `${lines.join("\n")}\n`);
  expect(result).toEqual({ lines: 4, imported: 4, spans: 8, refused: 0, problems: [] });
  const again = await exportLines(target, { experiments: ["Träume"] });
  expect(comparable(again)).toEqual(comparable(lines));

  // Twice: nothing is doubled.
  const before = await target.client.getStats();
  await importBody(target, gzipSync(lines.join("\n")));
  const after = await target.client.getStats();
  expect([after.traces, after.spans]).toEqual([before.traces, before.spans]);
  expect(await exportLines(target, { experiments: ["Träume"] })).toEqual(again);
});

test("what a client said of a trace goes with it, also of one without spans", async () => {
  const experiment = "told";
  const root = makeSpan();
  const lines = [
    { state: "ERROR", name: "said", durationMs: 1234.567, requestPreview: "asked", spanCount: 1 },
    { traceId: `tr-${newTraceId()}`, state: "IN_PROGRESS", name: "no span", durationMs: 0, spanCount: 0 },
  ].map((told) => {
    const info = {
      traceId: `tr-${root.traceId}`,
      experimentId: "7",
      requestTime: "2026-11-24T08:25:09.717123Z",
      tags: { a: "b" },
      metadata: {},
      assessments: [],
      ...told,
    };
    const span = {
      ...SPAN_LINE,
      spanId: root.spanId,
      startTimeUnixNano: String(START),
      endTimeUnixNano: String(START),
    };
    return JSON.stringify({ experiment, info, spans: told.spanCount === 0 ? [] : [span] });
  });
  expect(await importBody(target, lines.join("\n"))).toMatchObject({ imported: 2, refused: 0 });
  const exported = await exportLines(target, { experiments: [experiment] });
  const infos = exported.map((line) => JSON.parse(line).info);
  expect(infos).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ state: "ERROR", name: "said", durationMs: 1234.567, requestPreview: "asked" }),
      expect.objectContaining({ state: "IN_PROGRESS", name: "no span", tags: { a: "b" }, spanCount: 0 }),
    ]),
  );
  await importBody(target, exported.join("\n"));
  expect(await exportLines(target, { experiments: [experiment] })).toEqual(exported);
});

/** A span as a line has it; ids and times are missing. */
const SPAN_LINE = {
  name: "agent",
  spanType: "AGENT",
  status: { code: "OK" },
  inputs: null,
  outputs: null,
  attributes: {},
  events: [],
  links: [],
};

test("an export is what the filter, the experiments and the times say, newest first", async () => {
  const experiment = "selected";
  for (let index = 0; index < 12; index++) {
    const start = START + BigInt(index) * 60_000_000_000n;
    const span = makeSpan({ name: `n${index}`, startTimeUnixNano: start, statusCode: index % 2 === 0 ? 2 : 1 });
    await send(source.url, [span], { "x-sightline-experiment": experiment });
  }
  const namesOf = (lines: string[]) => lines.map((line) => JSON.parse(line).info.name);
  const failed = await exportLines(source, { experiments: [experiment], filter: "status = 'ERROR'" });
  expect(namesOf(failed)).toEqual(["n10", "n8", "n6", "n4", "n2", "n0"]);
  const url = new URL(source.url + EXPORT_PATH);
  url.searchParams.append("experiments", experiment);
  url.searchParams.append("from", "2026-11-24T08:27:00Z");
  url.searchParams.append("to", "2026-11-24T08:29:30Z");
  url.searchParams.append("gzip", "true");
  const answer = await fetch(url);
  expect(answer.headers.get("x-sightline-traces")).toBe("3");
  expect(answer.headers.get("content-type")).toBe("application/gzip");
  const text = gunzipSync(new Uint8Array(await answer.arrayBuffer())).toString();
  expect(namesOf(text.trim().split("\n"))).toEqual(["n4", "n3", "n2"]);
  expect(await exportLines(source, { experiments: [] })).toEqual([]);
});

test("many traces are exported each once, whatever the pages and runs", async () => {
  const experiment = "many";
  const ids = new Set<string>();
  for (let batch = 0; batch < 6; batch++) {
    const spans = Array.from({ length: 220 }, (_, index) =>
      // Many start in the same microsecond: pages end inside of ties.
      makeTrace(batch === 0 && index === 0 ? 5000 : 1, { startTimeUnixNano: START + BigInt(index % 7) * 1_000_000n }),
    );
    for (const [root] of spans) ids.add(`tr-${root?.traceId}`);
    await send(source.url, spans.flat(), { "x-sightline-experiment": experiment });
  }
  const lines = (await exportLines(source, { experiments: [experiment] })).map((line) => JSON.parse(line));
  expect(lines).toHaveLength(6 * 220);
  expect(new Set(lines.map((line) => line.info.traceId))).toEqual(ids);
  for (const line of lines) expect(line.spans).toHaveLength(line.info.spanCount);
});

test("a line that cannot be kept is refused with its number and reason, the others are kept", async () => {
  const [good = ""] = await exportLines(source, { experiments: ["selected"], filter: "name = 'n1'" });
  const trace = JSON.parse(good);
  const changed = (change: (line: typeof trace) => void) => {
    const line = structuredClone(trace);
    change(line);
    return JSON.stringify(line);
  };
  const body = [
    good,
    "",
    "not json",
    "[1]",
    changed((line) => (line.info.traceId = "tr-1")),
    changed((line) => (line.spans[0].spanId = "zz")),
    changed((line) => (line.spans[0].startTimeUnixNano = "yesterday")),
    changed((line) => delete line.info.state),
    changed((line) => {
      line.experiment = undefined;
      line.info.experimentId = "987654321";
    }),
    JSON.stringify({ resourceSpans: 7 }),
    good,
  ].join("\n");
  const result = await importBody(target, body);
  expect(result).toMatchObject({ lines: 10, imported: 2, spans: 2, refused: 8 });
  expect(result.problems.map(({ line }) => line)).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
  expect(result.problems.slice(0, 7).map(({ reason }) => reason)).toMatchInlineSnapshot(`
    [
      "it is not JSON",
      "it is no JSON object",
      ""tr-1" is not tr- and 32 hex digits",
      "span "n1": span id "zz" is not 16 hex digits, not all 0",
      "span "n1": its times are not nanoseconds since 1970 as digits",
      ""info.state": Invalid option: expected one of "OK"|"ERROR"|"IN_PROGRESS"",
      "no experiment here has the id "987654321", and none is named: name one for the import",
    ]
  `);
});

test("lines of OTLP JSON, as the collector's file exporter writes them, go into the experiment of the import", async () => {
  const traceId = newTraceId();
  const line = (name: string, spanId: string) =>
    JSON.stringify({
      resourceSpans: [
        {
          resource: { attributes: [{ key: "service.name", value: { stringValue: "collector" } }] },
          scopeSpans: [
            {
              scope: {},
              spans: [
                {
                  traceId,
                  spanId,
                  ...(name !== "root" && { parentSpanId: "00000000000000a1" }),
                  name,
                  kind: 1,
                  startTimeUnixNano: String(START),
                  endTimeUnixNano: String(START + 1000n),
                  status: {},
                },
              ],
            },
          ],
        },
      ],
    });
  const body = `${line("root", "00000000000000a1")}\n${line("child", "00000000000000a2")}\n${line("bad", "00")}\n`;
  const result = await importBody(target, body, "?experiment=from%20collector");
  expect(result).toMatchObject({ lines: 3, imported: 2, spans: 2, refused: 1, problems: [{ line: 3 }] });
  const { traces } = await target.client.searchTraces({
    body: { experiments: ["from collector"], include: ["spans"] },
  });
  expect(traces.map(({ info, spans }) => [info.traceId, info.name, spans?.length])).toEqual([
    [`tr-${traceId}`, "root", 2],
  ]);
});

test("what is wrong with a request is an error answer", async () => {
  const at = (path: string, init?: RequestInit) => fetch(source.url + path, init);
  const [filter, format, method, body, zip] = await Promise.all([
    at(`${EXPORT_PATH}?filter=name%20%3D`),
    at(`${EXPORT_PATH}?format=xml`),
    at(IMPORT_PATH),
    at(`${IMPORT_PATH}?experimnt=x`, { method: "POST", body: "" }),
    at(IMPORT_PATH, { method: "POST", body: "nozip", headers: { "content-encoding": "gzip" } }),
  ]);
  expect(filter.status).toBe(400);
  expect((await errorOf(filter)).code).toBe("BAD_FILTER");
  expect((await errorOf(format)).code).toBe("INVALID_PARAMETER");
  expect(method.status).toBe(405);
  expect((await errorOf(body)).code).toBe("INVALID_PARAMETER");
  expect((await errorOf(zip)).code).toBe("BAD_REQUEST");
});

test("Parquet is one file that holds every span once, and every trace once", async () => {
  // In parts, since the engine makes a file in memory: 6,320 spans are several.
  for (const [table, rows] of [
    ["spans", 6 * 220 * 2 + 4999],
    ["traces", 6 * 220],
  ] as const) {
    const answer = await fetch(`${source.url}${EXPORT_PATH}?experiments=many&format=parquet&table=${table}`);
    expect(answer.status).toBe(200);
    const file = readParquetFile(new Uint8Array(await answer.arrayBuffer()));
    expect(file.numRows).toBe(rows);
  }
  const empty = await fetch(`${source.url}${EXPORT_PATH}?experiments=many&format=parquet&filter=name%20%3D%20'none'`);
  expect(readParquetFile(new Uint8Array(await empty.arrayBuffer())).numRows).toBe(0);
});

describe("Parquet comes back in", () => {
  const exportParquet = async (server: ServerUnderTest, query: string) => {
    const answer = await fetch(`${server.url}${EXPORT_PATH}?format=parquet&${query}`);
    expect(answer.status).toBe(200);
    return new Uint8Array(await answer.arrayBuffer());
  };
  const parquet = { "content-type": PARQUET_TYPE };

  test("with every span, to the last digit, in several row groups, once however often", async () => {
    const experiment = "parquet";
    const rich = makeTrace(2, {
      name: "rich",
      attributes: {
        "mlflow.spanInputs": '{"q": 1.0, "id": 12345678901234567890, "text": "\\u5929 \\u0000 \\"x\\""}',
        "mlflow.spanOutputs": "plain",
        "mlflow.chat.tokenUsage": '{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}',
        "gen_ai.request.model": "gpt-4o-mini",
        "session.id": "s-1",
        "user.id": "u-1",
        big: 9_007_199_254_740_993n,
        nested: { deep: [1, 2.5, "z"] },
      },
      events: [{ name: "e", timeUnixNano: START + 5n, attributes: { n: 9_007_199_254_740_993n } }],
      links: [{ traceId: newTraceId(), spanId: "00000000000000ab", attributes: { n: 2n } }],
    });
    const many = Array.from({ length: 1000 }, () => makeTrace(5)).flat();
    const headers = { "x-sightline-experiment": experiment };
    expect((await send(source.url, [...rich, ...many], headers)).status).toBe(200);
    const file = await exportParquet(source, `experiments=${experiment}`);
    const first = await importBody(target, file, `?experiment=${experiment}`, parquet);
    const spans = rich.length + many.length;
    expect(first).toEqual({ lines: spans, imported: spans, spans, refused: 0, problems: [] });
    expect(await importBody(target, file, `?experiment=${experiment}`, parquet)).toEqual(first);
    const wanted = { experiments: [experiment] };
    expect(comparable(await exportLines(target, wanted))).toEqual(comparable(await exportLines(source, wanted)));
  });

  test("into the experiment of its name, whatever the ids are there", async () => {
    // Ids count up on each server: these are other ones than the source's.
    await target.client.createExperiment({ body: { name: "before elsewhere" } });
    const trace = makeTrace(1);
    expect((await send(source.url, trace, { "x-sightline-experiment": "elsewhere" })).status).toBe(200);
    const file = await exportParquet(source, "experiments=elsewhere");
    expect(await importBody(target, file, "", parquet)).toMatchObject({ imported: trace.length, refused: 0 });
    const { traces } = await target.client.searchTraces({ body: { experiments: ["elsewhere"] } });
    expect(traces.map(({ info }) => info.traceId)).toEqual([`tr-${trace[0]?.traceId}`]);
  });

  test("what is no such file is one sentence", async () => {
    const whole = await exportParquet(source, "experiments=elsewhere");
    const traces = await exportParquet(source, "experiments=elsewhere&table=traces");
    const bodies = [Buffer.from("{}"), Buffer.alloc(0), whole.subarray(0, -20), whole.subarray(40), traces];
    const sentences = await Promise.all(
      bodies.map(async (body) => {
        const answer = await fetch(target.url + IMPORT_PATH, {
          method: "POST",
          headers: parquet,
          body: new Uint8Array(body),
        });
        expect(answer.status).toBe(400);
        return (await errorOf(answer)).message;
      }),
    );
    for (const sentence of sentences.slice(0, -1))
      expect(sentence).toMatch(/^The file cannot be read as Parquet: .+\.$/);
    expect(sentences.at(-1)).toContain(
      'has no column "span_id", "start_time_unix_nano", "end_time_unix_nano"; import the spans of an export',
    );
    // Nothing of the files is left behind.
    expect(await readdir(join(target.dataDir, "spool"))).toEqual([]);
  });
});
