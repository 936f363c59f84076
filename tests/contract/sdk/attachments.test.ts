/**
 * Files that the SDK takes out of payloads, against a real server.
 */
import * as sightline from "@sightline/sdk";
import { parseAttachmentReference } from "@sightline/wire/model/attachment";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServerUnderTest, startInProcess } from "../server/in-process.ts";

let server: ServerUnderTest;
beforeAll(async () => {
  server = await startInProcess();
  sightline.init({ url: server.url, experiment: "files" });
});
afterAll(async () => {
  await sightline.shutdown();
  await server?.stop();
});

const PNG = Buffer.alloc(5000, "picture ");
const SOUND = Buffer.alloc(70_000, "sound ");
const contents: Readonly<Record<string, Buffer>> = {
  "image/png": PNG,
  "audio/wav": SOUND,
  "text/markdown": Buffer.from("a report"),
};

/** References in a value, in order. */
function referencesIn(value: unknown) {
  const texts = JSON.stringify(value).match(/mlflow-attachment:[^"]*/g) ?? [];
  return texts.map((text) => parseAttachmentReference(text));
}

test("files of a trace are on the server, each once, and its spans lead to them", async () => {
  const image = { type: "image_url", image_url: { url: `data:image/png;base64,${PNG.toString("base64")}` } };
  const ask = sightline.trace(
    async (messages: unknown[]) => ({ answer: messages.length, chart: new Blob([SOUND], { type: "audio/wav" }) }),
    {
      name: "ask",
    },
  );
  const traceId = await sightline.withSpan({ name: "chat" }, async (span) => {
    // As in a conversation: the picture comes again with every turn.
    await ask([{ role: "user", content: [image] }]);
    await ask([
      { role: "user", content: [image] },
      { role: "user", content: "and now?" },
    ]);
    span.setOutputs(new sightline.Attachment("a report", "text/markdown"));
    span.setAttribute("short", Buffer.from("stays"));
    return span.traceId;
  });
  expect(await sightline.flush()).toBe(true);

  const { attachments } = (await (await fetch(`${server.url}/api/v1/traces/${traceId}/attachments`)).json()) as {
    attachments: { attachmentId: string; contentType: string; size: number }[];
  };
  expect(attachments.map(({ contentType, size }) => `${contentType} ${size}`).sort()).toEqual([
    "audio/wav 70000",
    "image/png 5000",
    "text/markdown 8",
  ]);
  const trace = await sightline.getTrace(traceId);
  const references = trace.spans.flatMap(({ inputs, outputs }) => referencesIn([inputs, outputs]));
  expect(references).toHaveLength(5);
  for (const reference of references) {
    expect(reference?.traceId).toBe(traceId);
    const response = await fetch(`${server.url}/api/v1/traces/${traceId}/attachments/${reference?.attachmentId}`);
    expect(response.status).toBe(200);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(bytes.equals(contents[reference?.contentType ?? ""] ?? Buffer.alloc(0))).toBe(true);
  }
  expect(JSON.parse(String(trace.root?.attributes["short"]))).toEqual({
    type: "Buffer",
    byteLength: 5,
    base64: Buffer.from("stays").toString("base64"),
  });
});
