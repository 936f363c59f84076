/**
 * An agent whose tool fails: the trace shows which step broke, with its message and stack, and everything before it.
 *
 * Run it like agent.ts. It ends with exit code 1, as it would without tracing.
 */
import * as sightline from "@sightline/sdk";
import OpenAI from "openai";

sightline.init({
  url: process.env["SIGHTLINE_URL"] ?? "http://127.0.0.1:5500",
  experiment: process.env["SIGHTLINE_EXPERIMENT"] ?? "weather-agent",
});
sightline.openai.autolog();

const client = new OpenAI();
const model = process.env["OPENAI_MODEL"] ?? "gpt-4o-mini";

class WeatherServiceError extends Error {
  override name = "WeatherServiceError";
}

const getForecast = sightline.trace(
  async (city: string, days: number): Promise<string> => {
    if (days > 7) throw new WeatherServiceError(`No forecast for ${city}: ${days} days is beyond the limit of 7.`);
    return "rainy";
  },
  { name: "get_forecast", spanType: sightline.SpanType.TOOL },
);

const planTrip = sightline.trace(
  async (question: string): Promise<string | null> => {
    sightline.updateCurrentTrace({ tags: { topic: "weather", tools: "get_forecast" }, userId: "traveller-7" });
    const parameters = { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } } };
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: question }];
    const reply = await client.chat.completions.create({
      model,
      messages,
      tools: [{ type: "function", function: { name: "get_forecast", parameters } }],
    });
    const call = reply.choices[0]?.message.tool_calls?.[0];
    if (call?.type !== "function") return reply.choices[0]?.message.content ?? null;
    const { city, days } = JSON.parse(call.function.arguments) as { city: string; days: number };
    return getForecast(city, days);
  },
  { name: "plan_trip", spanType: sightline.SpanType.AGENT },
);

try {
  console.log(await planTrip(process.argv[2] ?? "What will the weather be in Paris over the next 30 days?"));
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
}
console.log(`Trace: ${sightline.getLastActiveTraceId()}`);
