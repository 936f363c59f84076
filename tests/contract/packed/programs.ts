/**
 * The program that every runtime and bundler has to run: a few lines of a user, and the spans that must come of them.
 */
import { expect } from "vitest";
import { type Receiver, spanNamed } from "../../../packages/sdk/src/testing/receiver.ts";

/** What follows the import: traces an agent with a tool below it, over awaits, and prints the trace's id. */
const BODY = `
// Everything is used: a bundler must not leave out what it cannot bundle.
globalThis.everything = sightline;
sightline.openai.autolog({ module: { OpenAI: class { post() {} } } });

const getWeather = sightline.trace(async (city) => {
  await new Promise((resolve) => setTimeout(resolve, 1));
  return city + " is rainy";
}, { name: "get_weather", spanType: sightline.SpanType.TOOL });

async function main() {
  await sightline.withSpan({ name: "agent", spanType: sightline.SpanType.AGENT }, async (span) => {
    await null;
    const answer = await getWeather("Paris");
    if (sightline.getCurrentSpan() !== span) throw new Error("lost its span");
    return answer;
  });
  console.log("trace " + sightline.getLastActiveTraceId() + " delivered " + (await sightline.flush()));
}
`;

/** The program as a module. */
export const ESM_PROGRAM = `import * as sightline from "@sightline/sdk";\n${BODY}\nawait main();\n`;

/** The program as it is written for \`require\`. */
export const CJS_PROGRAM = `const sightline = require("@sightline/sdk");\n${BODY}\nmain();\n`;

/** Fails unless the receiver has exactly the spans of the program, right ones, and the program said so. */
export function expectProgramSpans(receiver: Receiver, stdout: string): void {
  const agent = spanNamed(receiver.spans, "agent");
  const tool = spanNamed(receiver.spans, "get_weather");
  expect(stdout).toContain(`trace tr-${agent.traceId} delivered true`);
  expect(receiver.spans).toHaveLength(2);
  expect(agent).toMatchObject({ parentSpanId: "", statusCode: 1, attributes: { "mlflow.spanType": "AGENT" } });
  expect(tool).toMatchObject({
    traceId: agent.traceId,
    parentSpanId: agent.spanId,
    attributes: { "mlflow.spanInputs": '{"city":"Paris"}', "mlflow.spanOutputs": '"Paris is rainy"' },
  });
}
