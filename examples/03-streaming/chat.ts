/**
 * A server that streams its answers: the span lasts until the last piece, also when the reader goes away.
 *
 * Needs a Sightline server (`npm start`) and nothing else: the "model" is a generator.
 */
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import * as sightline from "@sightline/sdk";

sightline.init({
  url: process.env["SIGHTLINE_URL"] ?? "http://127.0.0.1:5500",
  experiment: process.env["SIGHTLINE_EXPERIMENT"] ?? "streaming",
});

/** An async generator is passed through untouched; its outputs are what it yielded. */
const generate = sightline.trace(
  async function* (question: string) {
    for (const word of `You asked: ${question}`.split(" ")) {
      await pause(5);
      yield `${word} `;
    }
  },
  { name: "generate", spanType: sightline.SpanType.CHAT_MODEL },
);

/** Each step of the outer generator runs inside its span, whoever takes it: `generate` becomes its child. */
const chat = sightline.trace(
  async function* (question: string) {
    sightline.updateCurrentTrace({ userId: "reader-1" });
    yield* generate(question);
  },
  { name: "chat", spanType: sightline.SpanType.AGENT },
);

const server = createServer((request, response) => {
  const question = new URL(request.url ?? "/", "http://localhost").searchParams.get("q") ?? "nothing";
  response.setHeader("content-type", "text/plain; charset=utf-8");
  Readable.from(chat(question)).pipe(response);
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as { port: number };

const answer = await fetch(`http://127.0.0.1:${port}/?q=${encodeURIComponent("is this a stream?")}`);
process.stdout.write(`${(await answer.text()).trim()}\n`);

// A reader that goes away after the first piece: the span ends as "abandoned", with what had come by then.
for await (const piece of chat("who leaves early?")) {
  process.stdout.write(`${piece.trim()}…\n`);
  break;
}
server.close();
