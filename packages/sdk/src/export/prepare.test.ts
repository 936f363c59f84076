import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { parseAttachmentReference } from "@sightline/wire/model/attachment";
import { decodeExportRequest } from "@sightline/wire/otlp/protobuf";
import type { OtlpSpan } from "@sightline/wire/otlp/span";
import { expect, test } from "vitest";
import { Attachment } from "../capture/attachments.ts";
import type { Mask, MaskPlace } from "../capture/mask.ts";
import { takeSnapshot } from "../capture/serialize.ts";
import { failureCount } from "../diagnostics.ts";
import { toRecordValue } from "../tracing/record-value.ts";
import type { RecordValue, SpanRecord } from "../tracing/span-record.ts";
import { requestOf } from "./encode.ts";
import { type PrepareOptions, prepareSpan, prepareSpanSync } from "./prepare.ts";
import type { PreparedSpan } from "./prepared-span.ts";
import { createSlicer } from "./slicer.ts";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const SCOPE = { name: "test", version: "1" };

type Values = Readonly<Record<string, unknown>>;

function attributesOf(values: Values): Map<string, RecordValue> {
  const entries = Object.entries(values).map(([key, value]) => [key, toRecordValue(value) ?? ""] as const);
  return new Map(entries);
}

function recordOf(fields: Partial<Omit<SpanRecord, "attributes">> & { readonly attributes?: Values } = {}): SpanRecord {
  const { attributes = {}, ...others } = fields;
  return {
    traceId: TRACE_ID,
    spanId: "b7ad6b7169203331",
    parentSpanId: "",
    name: "step",
    kind: 1,
    startMs: 1_700_000_000_000.25,
    endMs: 1_700_000_000_001.5,
    statusCode: 1,
    statusMessage: "",
    events: [],
    links: [],
    route: { exporter: { onStart: () => undefined, onEnd: () => undefined }, experiment: "e" },
    sequence: 7,
    bytes: 0,
    truncations: 0,
    ...others,
    attributes: attributesOf(attributes),
  };
}

function decode(...spans: PreparedSpan[]): OtlpSpan[] {
  const request = Buffer.concat(requestOf({ "service.name": "s" }, SCOPE, spans));
  return decodeExportRequest(request).flatMap((group) => [...group.spans]);
}

async function prepared(record: SpanRecord, options: Partial<PrepareOptions> = {}) {
  const result = await prepareSpan(record, { attachments: true, ...options }, createSlicer());
  const [span] = decode(result);
  if (span === undefined) throw new Error("no span came out");
  return { ...result, span, inputs: jsonAt(span, "mlflow.spanInputs"), outputs: jsonAt(span, "mlflow.spanOutputs") };
}

function jsonAt(span: OtlpSpan, key: string): unknown {
  const text = span.attributes[key];
  return typeof text === "string" ? JSON.parse(text) : undefined;
}

const inputs = (value: unknown) => ({ "mlflow.spanInputs": takeSnapshot(value), "mlflow.spanType": "LLM" });

test("a span comes out as it was recorded", async () => {
  const record = recordOf({
    parentSpanId: "1111111111111111",
    statusCode: 2,
    statusMessage: "broken",
    attributes: { ...inputs({ question: "é" }), count: 2, ratio: 0.5, tags: ["a", "b"], ok: true },
    events: [{ name: "exception", timeMs: 1_700_000_000_001, attributes: attributesOf({ "exception.type": "Error" }) }],
    links: [{ traceId: TRACE_ID, spanId: "2222222222222222", attributes: attributesOf({ reason: "retry" }) }],
  });
  const { span, sequence, experiment, isRunning, attachments } = await prepared(record);
  expect({ sequence, experiment, isRunning, attachments }).toEqual({
    sequence: 7,
    experiment: "e",
    isRunning: false,
    attachments: [],
  });
  expect(span).toEqual({
    traceId: TRACE_ID,
    spanId: "b7ad6b7169203331",
    parentSpanId: "1111111111111111",
    name: "step",
    kind: 1,
    startTimeUnixNano: 1_700_000_000_000_250_000n,
    endTimeUnixNano: 1_700_000_000_001_500_000n,
    statusCode: 2,
    statusMessage: "broken",
    attributes: {
      "mlflow.spanInputs": '{"question":"é"}',
      "mlflow.spanType": "LLM",
      count: 2,
      ratio: 0.5,
      tags: ["a", "b"],
      ok: true,
    },
    events: [
      { name: "exception", timeUnixNano: 1_700_000_000_001_000_000n, attributes: { "exception.type": "Error" } },
    ],
    links: [{ traceId: TRACE_ID, spanId: "2222222222222222", attributes: { reason: "retry" } }],
  });
});

test("at once or in slices, the bytes are the same", async () => {
  const attributes = inputs({ rows: Array.from({ length: 5000 }, (_, id) => ({ id, text: "x\n".repeat(50) })) });
  const record = recordOf({ attributes: { ...attributes, long: "🌧".repeat(50_000) } });
  const sliced = await prepareSpan(record, { attachments: true }, createSlicer(0));
  const whole = prepareSpanSync(record, { attachments: true });
  expect(Buffer.concat(sliced.bytes).equals(Buffer.concat(whole.bytes))).toBe(true);
});

test("a list of very long texts becomes JSON text, which is encoded in pieces", async () => {
  const list = ["a".repeat(2_000_000), "b"];
  const { span } = await prepared(recordOf({ attributes: { list, short: ["a", "b"] } }));
  expect(span.attributes).toEqual({ list: JSON.stringify(list), short: ["a", "b"] });
});

test("the event loop has turns while a large span is prepared", async () => {
  const record = recordOf({
    attributes: inputs(Array.from({ length: 50_000 }, (_, id) => ({ id, name: `row ${id}` }))),
  });
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns += 1;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  await prepareSpan(record, { attachments: true }, createSlicer(0.2));
  isDone = true;
  expect(turns).toBeGreaterThan(5);
});

test("a span that runs comes out as it was when its preparation began", async () => {
  const record = recordOf({ endMs: undefined, sequence: 0, attributes: { first: 1, long: "x".repeat(500_000) } });
  const preparing = prepareSpan(record, { attachments: true }, createSlicer(0));
  await nextTurn();
  record.attributes.set("later", 2);
  const result = await preparing;
  expect(result.isRunning).toBe(true);
  expect(decode(result)[0]).toMatchObject({ endTimeUnixNano: 0n });
  expect(Object.keys(decode(result)[0]?.attributes ?? {})).toEqual(["first", "long"]);
});

test("spans of one request do not mix", async () => {
  const records = ["a", "b".repeat(100_000), "c"].map((name) => recordOf({ attributes: inputs({ name }) }));
  const spans = await Promise.all(records.map((record) => prepareSpan(record, { attachments: true }, createSlicer(0))));
  expect(decode(...spans).map((span) => (jsonAt(span, "mlflow.spanInputs") as { name: string }).name[0])).toEqual([
    "a",
    "b",
    "c",
  ]);
});

/** A server that keeps the bytes of every request. */
async function startByteReceiver() {
  const bodies: Buffer[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    bodies.push(Buffer.concat(chunks));
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, bodies, close: () => server.close() };
}

const CANARY = "canary-7f3a";

/** The canary everywhere a program can put a text. */
function recordWithCanary(): SpanRecord {
  const error = new Error(`failed with ${CANARY}`);
  return recordOf({
    name: `step ${CANARY}`,
    statusCode: 2,
    statusMessage: error.message,
    attributes: {
      "mlflow.spanInputs": takeSnapshot({
        deep: [{ password: CANARY }],
        file: Buffer.from(CANARY.repeat(100)),
        small: Buffer.from(CANARY),
      }),
      "mlflow.spanOutputs": takeSnapshot([
        CANARY,
        new Attachment(CANARY, "text/plain"),
        new Attachment(CANARY.repeat(99)),
      ]),
      "mlflow.spanType": "TOOL",
      text: CANARY,
      long: `${"x".repeat(20_000)}${CANARY}`,
      list: ["a", CANARY],
      object: { nested: CANARY },
      "mlflow.traceTag.owner": CANARY,
      "mlflow.trace.user": CANARY,
      "data.url": `data:text/plain;base64,${Buffer.from(CANARY.repeat(100)).toString("base64")}`,
    },
    events: [
      {
        name: `event ${CANARY}`,
        timeMs: 1,
        attributes: attributesOf({
          "exception.message": error.message,
          "exception.stacktrace": error.stack,
          more: { a: CANARY },
        }),
      },
    ],
    links: [{ traceId: TRACE_ID, spanId: "2222222222222222", attributes: attributesOf({ why: CANARY }) }],
  });
}

/** What a program writes: texts anywhere in the value, and bytes. */
const hideCanary: Mask = (value) => {
  if (value instanceof Uint8Array)
    return Buffer.from(Buffer.from(value).toString("latin1").replaceAll(CANARY, "hidden"), "latin1");
  return JSON.parse(JSON.stringify(value).replaceAll(CANARY, "hidden"));
};

/** Whether bytes hold the canary, in any of the forms that we send bytes in. */
function holdsCanary(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes).toString("latin1");
  const inBase64 = [0, 1, 2].map((shift) =>
    Buffer.from(" ".repeat(shift) + CANARY)
      .toString("base64")
      .slice(4, 12),
  );
  return [CANARY, ...inBase64].some((form) => text.includes(form));
}

test.each([true, false])(
  "a mask sees everything that leaves the process (files taken out: %s)",
  async (attachments) => {
    const receiver = await startByteReceiver();
    const send = async (options: PrepareOptions): Promise<boolean> => {
      receiver.bodies.length = 0;
      for (const span of [
        await prepareSpan(recordWithCanary(), options, createSlicer()),
        prepareSpanSync(recordWithCanary(), options),
      ]) {
        const bodies = [Buffer.concat(requestOf({}, SCOPE, [span])), ...span.attachments.map(({ bytes }) => bytes)];
        for (const body of bodies) await fetch(receiver.url, { method: "POST", body: Uint8Array.from(body) });
      }
      expect(receiver.bodies.length).toBeGreaterThanOrEqual(2);
      return receiver.bodies.some(holdsCanary);
    };
    try {
      // Without the mask it is found: the test looks in the right places.
      expect(await send({ attachments })).toBe(true);
      // Attributes that are data URLs stay texts when files are not taken out, and no mask looks into their base64 by itself.
      const hideAll: Mask = (value, place) => (place.key === "data.url" ? "hidden" : hideCanary(value, place));
      expect(await send({ attachments, mask: attachments ? hideCanary : hideAll })).toBe(false);
    } finally {
      receiver.close();
    }
  },
);

test("a mask is told where each value was found", async () => {
  const places = new Map<string, MaskPlace>();
  const mask: Mask = (value, place) => {
    places.set(`${place.kind} ${place.key}`, place);
    return value;
  };
  await prepared(recordWithCanary(), { mask });
  expect([...places.keys()].sort()).toEqual([
    "attachment data.url",
    "attachment mlflow.spanInputs",
    "attachment mlflow.spanOutputs",
    "attribute data.url",
    "attribute list",
    "attribute long",
    "attribute mlflow.spanType",
    "attribute mlflow.trace.user",
    "attribute mlflow.traceTag.owner",
    "attribute object",
    "attribute text",
    "event exception.message",
    "event exception.stacktrace",
    "event more",
    "event name",
    "inputs mlflow.spanInputs",
    "link why",
    "name name",
    "outputs mlflow.spanOutputs",
    "status message",
  ]);
  expect(places.get("inputs mlflow.spanInputs")).toMatchObject({ spanName: `step ${CANARY}`, spanType: "TOOL" });
});

test("a mask that throws lets nothing through, and is counted", async () => {
  const before = failureCount();
  const mask: Mask = () => {
    throw new Error("bug in the mask");
  };
  const { span, inputs: shown, attachments } = await prepared(recordWithCanary(), { mask });
  expect(shown).toBe("[masking failed]");
  expect(span.name).toBe("[masking failed]");
  expect(span.attributes).toMatchObject({
    text: "[masking failed]",
    list: "[masking failed]",
    object: '"[masking failed]"',
  });
  expect(attachments).toEqual([]);
  expect(failureCount()).toBeGreaterThan(before);
});

test("an asynchronous mask lets nothing through, and says so in a sentence", async () => {
  const warned = once(process, "warning");
  const mask: Mask = async () => {
    throw new Error("nobody waits for this");
  };
  const { span } = await prepared(recordWithCanary(), { mask });
  expect(span.name).toBe("[masking failed]");
  const [warning] = (await warned) as [Error];
  expect(warning.message).toMatchInlineSnapshot(
    `"The mask given to init() returns promises. It must return the masked value itself; until then values are sent as "[masking failed]"."`,
  );
});

test("what a mask returns is sent, whatever it is", async () => {
  const results: Record<string, unknown> = {
    name: { not: "a text" },
    text: undefined,
    list: null,
    object: () => 1,
    long: 5n,
    "mlflow.spanInputs": undefined,
    "mlflow.spanOutputs": new Map([["a", [Number.NaN]]]),
  };
  const mask: Mask = (value, { key, kind }) => {
    if (kind === "attachment") return undefined;
    return key in results ? results[key] : value;
  };
  const { span, outputs, attachments } = await prepared(recordWithCanary(), { mask });
  expect(span.name).toBe('{"not":"a text"}');
  expect(Object.keys(span.attributes)).not.toContain("text");
  expect(Object.keys(span.attributes)).not.toContain("mlflow.spanInputs");
  expect(span.attributes).toMatchObject({ list: "null", object: '"[Function: object]"', long: 5 });
  expect(outputs).toEqual({ a: ["NaN"] });
  expect(attachments).toEqual([]);
});

const PNG = Buffer.alloc(3000, "png bytes ");
const BASE64 = PNG.toString("base64");

test.each<[string, unknown, string]>([
  ["bytes", { image: PNG }, "application/octet-stream"],
  ["an array buffer", { image: Uint8Array.from(PNG).buffer }, "application/octet-stream"],
  ["an attachment", [new Attachment(PNG, "image/png")], "image/png"],
  ["a Blob", { file: new Blob([PNG], { type: "image/webp" }) }, "image/webp"],
  ["a data URL", `data:image/png;base64,${BASE64}`, "image/png"],
  ["OpenAI: an image", { type: "image_url", image_url: { url: `data:image/jpeg;base64,${BASE64}` } }, "image/jpeg"],
  ["OpenAI: a sound", { type: "input_audio", input_audio: { data: BASE64, format: "mp3" } }, "audio/mpeg"],
  [
    "OpenAI: a file",
    { type: "file", file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${BASE64}` } },
    "application/pdf",
  ],
  ["OpenAI: a made image", { created: 1, data: [{ b64_json: BASE64 }] }, "image/png"],
  ["OpenAI: a spoken answer", { audio: { id: "a", data: BASE64, transcript: "hi" } }, "audio/wav"],
  [
    "OpenAI: a made image of a response",
    { type: "image_generation_call", result: BASE64, output_format: "webp" },
    "image/webp",
  ],
  ["Anthropic", { type: "image", source: { type: "base64", media_type: "image/gif", data: BASE64 } }, "image/gif"],
  [
    "Anthropic, members in another order",
    { source: { data: BASE64, media_type: "application/pdf" } },
    "application/pdf",
  ],
  ["Gemini", { parts: [{ inlineData: { mimeType: "audio/ogg", data: BASE64 } }] }, "audio/ogg"],
  ["Vercel AI", { type: "file", mediaType: "image/png", data: BASE64 }, "image/png"],
])("files are taken out and leave a reference: %s", async (_, value, contentType) => {
  const { attachments, span } = await prepared(recordOf({ attributes: inputs({ value }) }));
  expect(attachments).toHaveLength(1);
  expect(attachments[0]).toMatchObject({ traceId: TRACE_ID, contentType });
  expect(Buffer.from(attachments[0]?.bytes ?? []).equals(PNG)).toBe(true);
  const text = String(span.attributes["mlflow.spanInputs"]);
  const reference = parseAttachmentReference(/mlflow-attachment:[^"]*/.exec(text)?.[0] ?? "");
  expect(reference).toEqual({
    attachmentId: attachments[0]?.attachmentId,
    contentType,
    traceId: `tr-${TRACE_ID}`,
    size: PNG.length,
  });
  expect(text).not.toContain(BASE64.slice(0, 100));
});

test("what the program marks as a file is taken out at any size", async () => {
  const { attachments } = await prepared(recordOf({ attributes: inputs(new Attachment("a", "text/plain")) }));
  expect(attachments.map(({ contentType, bytes }) => [contentType, Buffer.from(bytes).toString()])).toEqual([
    ["text/plain", "a"],
  ]);
});

test.each<[string, unknown]>([
  ["short bytes", { image: Buffer.from("short") }],
  ["a long text under a key that may hold a file", { data: "x".repeat(5000) }],
  ["a text that is base64 to its middle only", { mimeType: "image/png", data: `${BASE64}!${BASE64}` }],
  ["a data URL with escapes", `data:image/png;base64,${BASE64}%3D`],
  ["a text about data URLs", `data:image/png;base64 ${"x".repeat(500)}`],
])("other values stay: %s", async (_, value) => {
  const { attachments, inputs: shown } = await prepared(recordOf({ attributes: inputs(value) }));
  expect(attachments).toEqual([]);
  expect(JSON.stringify(shown)).not.toContain("mlflow-attachment");
  if (typeof value === "string") expect(shown).toBe(value);
});

test("the same file twice is one attachment; in another span of the trace it has the same id", async () => {
  const record = (): SpanRecord =>
    recordOf({ attributes: inputs([{ b64_json: BASE64 }, { b64_json: BASE64 }, { b64_json: `AAAA${BASE64}` }]) });
  const first = await prepared(record());
  const second = await prepared(record());
  expect(first.attachments).toHaveLength(2);
  expect(first.attachments.map(({ attachmentId }) => attachmentId)).toEqual(
    second.attachments.map(({ attachmentId }) => attachmentId),
  );
});

test("bytes are those of the call, whatever is written to them later", async () => {
  const bytes = Buffer.from(PNG);
  const record = recordOf({ attributes: inputs({ bytes }) });
  bytes.fill(0);
  const { attachments } = await prepared(record);
  expect(Buffer.from(attachments[0]?.bytes ?? []).equals(PNG)).toBe(true);
});

test("with attachments off, binary data shows its start and texts stay", async () => {
  const value = { bytes: PNG, blob: new Blob([PNG], { type: "image/webp" }), url: `data:image/png;base64,${BASE64}` };
  const { attachments, inputs: shown } = await prepared(recordOf({ attributes: inputs(value) }), {
    attachments: false,
  });
  expect(attachments).toEqual([]);
  expect(shown).toEqual({
    bytes: {
      type: "Buffer",
      byteLength: 3000,
      base64: PNG.subarray(0, 1024).toString("base64"),
      "[truncated]": "1976 more bytes",
    },
    blob: "[Blob: image/webp, 3000 bytes]",
    url: value.url,
  });
});

test("at the end of the program a Blob is named: reading it takes a turn that never comes", () => {
  const record = recordOf({ attributes: inputs({ blob: new Blob([PNG], { type: "image/webp" }) }) });
  const result = prepareSpanSync(record, { attachments: true });
  expect(jsonAt(decode(result)[0] as OtlpSpan, "mlflow.spanInputs")).toEqual({
    blob: "[Blob: image/webp, 3000 bytes]",
  });
});
