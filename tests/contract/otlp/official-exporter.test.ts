/**
 * The official OpenTelemetry JavaScript exporter, as any program would configure it, against a running server.
 */
import { context, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { CompressionAlgorithm } from "@opentelemetry/otlp-exporter-base";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { afterAll, beforeAll, expect, test } from "vitest";
import { removeDataDir, type SightlineProcess, startSightline } from "../../harness/sightline-process.ts";

let server: SightlineProcess;
beforeAll(async () => {
  server = await startSightline();
});
afterAll(async () => {
  await server.stop();
  await removeDataDir(server.dataDir);
});

for (const compression of [CompressionAlgorithm.NONE, CompressionAlgorithm.GZIP]) {
  test(`a trace sent by exporter-trace-otlp-proto with ${compression} compression can be read`, async () => {
    const exporter = new OTLPTraceExporter({
      url: `${server.url}/v1/traces`,
      headers: { "x-sightline-experiment": "official-exporter" },
      compression,
    });
    const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
    const tracer = provider.getTracer("contract", "1.0");
    const root = tracer.startSpan("invoke_agent weather", {
      attributes: { "gen_ai.operation.name": "invoke_agent", "session.id": "sess-1" },
    });
    const inRoot = trace.setSpan(context.active(), root);
    const chat = tracer.startSpan(
      "chat gpt-4o-mini",
      {
        attributes: {
          "gen_ai.operation.name": "chat",
          "gen_ai.request.model": "gpt-4o-mini",
          "gen_ai.provider.name": "openai",
          "gen_ai.usage.input_tokens": 21,
          "gen_ai.usage.output_tokens": 4,
          "gen_ai.input.messages": JSON.stringify([
            { role: "user", parts: [{ type: "text", content: "Weather in Paris? 巴黎天氣" }] },
          ]),
          "gen_ai.output.messages": JSON.stringify([
            { role: "assistant", parts: [{ type: "text", content: "Rainy." }], finish_reason: "stop" },
          ]),
          "custom.list": ["a", "b"],
          "custom.ratio": 0.25,
          "custom.flag": true,
        },
      },
      inRoot,
    );
    chat.addEvent("note", { "note.text": "kept" });
    chat.end();
    const tool = tracer.startSpan(
      "execute_tool get_weather",
      { attributes: { "gen_ai.operation.name": "execute_tool" } },
      inRoot,
    );
    tool.recordException(new TypeError("no such city"));
    tool.setStatus({ code: SpanStatusCode.ERROR, message: "no such city" });
    tool.end();
    root.end();
    await provider.shutdown();

    const traceId = `tr-${root.spanContext().traceId}`;
    const answer = await fetch(`${server.url}/api/v1/traces/${traceId}`);
    expect(answer.status).toBe(200);
    const { trace: stored } = (await answer.json()) as {
      trace: { info: Record<string, unknown>; spans: Record<string, unknown>[] };
    };
    expect(stored.info).toMatchObject({
      traceId,
      name: "invoke_agent weather",
      state: "OK",
      spanCount: 3,
      sessionId: "sess-1",
      tokenUsage: { inputTokens: 21, outputTokens: 4, totalTokens: 25 },
    });
    const byName = new Map(stored.spans.map((span) => [span.name, span]));
    expect(byName.get("invoke_agent weather")).toMatchObject({ spanType: "AGENT" });
    expect(byName.get("invoke_agent weather")).not.toHaveProperty("parentSpanId");
    expect(byName.get("chat gpt-4o-mini")).toMatchObject({
      spanType: "CHAT_MODEL",
      parentSpanId: root.spanContext().spanId,
      model: "gpt-4o-mini",
      provider: "openai",
      tokenUsage: { inputTokens: 21, outputTokens: 4, totalTokens: 25 },
      inputs: [{ role: "user", parts: [{ type: "text", content: "Weather in Paris? 巴黎天氣" }] }],
      attributes: {
        "custom.list": ["a", "b"],
        "custom.ratio": 0.25,
        "custom.flag": true,
        "gen_ai.usage.input_tokens": 21,
      },
      events: [{ name: "note", attributes: { "note.text": "kept" } }],
    });
    expect(byName.get("execute_tool get_weather")).toMatchObject({
      spanType: "TOOL",
      status: { code: "ERROR", message: "no such city" },
      events: [
        { name: "exception", attributes: { "exception.type": "TypeError", "exception.message": "no such city" } },
      ],
    });
  });
}
