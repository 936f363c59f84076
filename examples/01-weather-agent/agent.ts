/**
 * A tool-calling agent with full tracing: the agent, its tool and both model calls become spans of one trace.
 *
 * Run it with a Sightline server (`npm start`) and a model: OPENAI_API_KEY, or OPENAI_BASE_URL of any OpenAI-compatible server.
 */
import * as sightline from "@sightline/sdk";
import OpenAI from "openai";

sightline.init({
  url: process.env["SIGHTLINE_URL"] ?? "http://127.0.0.1:5500",
  experiment: process.env["SIGHTLINE_EXPERIMENT"] ?? "weather-agent",
});
sightline.openai.autolog(); // every model call becomes a span

const client = new OpenAI();
const model = process.env["OPENAI_MODEL"] ?? "gpt-4o-mini";

const getWeather = sightline.trace(
  (city: string): string => {
    if (city === "Tokyo") return "sunny";
    if (city === "Paris") return "rainy";
    return "unknown";
  },
  { name: "get_weather", spanType: sightline.SpanType.TOOL },
);

const tools: OpenAI.ChatCompletionTool[] = [
  {
    type: "function",
    function: {
      name: "get_weather",
      description: "The weather in a city today.",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  },
];

const runToolAgent = sightline.trace(
  async (question: string): Promise<string | null> => {
    sightline.updateCurrentTrace({
      tags: { topic: "weather", tools: "get_weather" },
      userId: "traveller-7",
      sessionId: "trip-to-paris",
    });
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: question }];
    const first = await client.chat.completions.create({ model, messages, tools });
    const reply = first.choices[0]?.message;
    if (!reply?.tool_calls) return reply?.content ?? null;

    // The model wants to know more: call the tools it names and tell it what they found.
    messages.push(reply);
    for (const call of reply.tool_calls) {
      if (call.type !== "function" || call.function.name !== "get_weather") {
        throw new Error(`The model asked for a tool that does not exist: ${JSON.stringify(call)}`);
      }
      const { city } = JSON.parse(call.function.arguments) as { city: string };
      messages.push({ role: "tool", tool_call_id: call.id, content: getWeather(city) });
    }
    const second = await client.chat.completions.create({ model, messages });
    return second.choices[0]?.message.content ?? null;
  },
  { name: "run_tool_agent", spanType: sightline.SpanType.AGENT },
);

console.log(await runToolAgent(process.argv[2] ?? "What's the weather like in Paris today?"));
console.log(`Trace: ${sightline.getLastActiveTraceId()}`);
