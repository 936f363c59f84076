/**
 * Python programs that know nothing of Sightline: plain opentelemetry-sdk, and MLflow's tracing exporting by OTLP.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { removeDataDir, type SightlineProcess, startSightline } from "../../harness/sightline-process.ts";

// Set by `npm test` when Python is there; without it these tests are skipped and `npm test` says so.
const python = process.env.SIGHTLINE_TEST_PYTHON;

describe.skipIf(python === undefined)("Python programs over OTLP", () => {
  let server: SightlineProcess;
  beforeAll(async () => {
    server = await startSightline();
  });
  afterAll(async () => {
    await server.stop();
    await removeDataDir(server.dataDir);
  });

  test("plain opentelemetry-sdk: the trace appears with types, texts and the error", async () => {
    const traceId = `tr-${await runPython("plain_opentelemetry.py", [server.url])}`;
    const { info, spans } = await readTrace(traceId);
    expect(info).toMatchObject({
      name: "answer",
      state: "OK",
      requestPreview: "東京の天気は？",
      responsePreview: "sunny",
      spanCount: 2,
    });
    expect(spans).toMatchObject([
      { name: "answer", spanType: "CHAIN", inputs: "東京の天気は？", outputs: "sunny", service: "plain-python" },
      { name: "lookup", spanType: "TOOL", status: { code: "ERROR", message: "ValueError: no data for Atlantis" } },
    ]);
  });

  test("MLflow's tracing over OTLP: the trace appears with MLflow's types, inputs and outputs", async () => {
    const printed = await runPython("mlflow_otlp.py", [], {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${server.url}/v1/traces`,
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf",
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: "x-sightline-experiment=mlflow-otlp",
    });
    const { info, spans } = await readTrace(printed.startsWith("tr-") ? printed : `tr-${printed}`);
    expect(info).toMatchObject({ name: "agent", state: "OK", spanCount: 2, responsePreview: "It is rainy." });
    expect(spans).toMatchObject([
      {
        name: "agent",
        spanType: "AGENT",
        inputs: { question: "What's the weather like in Paris today?" },
        outputs: "It is rainy.",
        attributes: { version: expect.anything() },
      },
      { name: "get_weather", spanType: "TOOL", inputs: { city: "Paris" }, outputs: "rainy" },
    ]);
  });

  async function readTrace(traceId: string) {
    const answer = await fetch(`${server.url}/api/v1/traces/${traceId}`);
    expect(answer.status).toBe(200);
    const { trace } = (await answer.json()) as { trace: { info: object; spans: object[] } };
    return trace;
  }
});

/** Runs a program of this folder; returns the last line it printed. */
async function runPython(file: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  if (python === undefined) throw new Error("no Python");
  const path = fileURLToPath(new URL(file, import.meta.url));
  const { stdout } = await promisify(execFile)(python, [path, ...args], { env: { ...process.env, ...env } });
  return stdout.trim().split("\n").at(-1) ?? "";
}
