/**
 * A retrieval pipeline traced by hand: functions, blocks and a span that is ended by itself, nested as they run.
 *
 * Needs a Sightline server (`npm start`) and nothing else: the "model" is a function.
 */
import * as sightline from "@sightline/sdk";

sightline.init({
  url: process.env["SIGHTLINE_URL"] ?? "http://127.0.0.1:5500",
  experiment: process.env["SIGHTLINE_EXPERIMENT"] ?? "nested-spans",
});

const LIBRARY = [
  { id: "returns", text: "Goods can be returned within 30 days." },
  { id: "shipping", text: "Shipping takes two days inside Europe." },
  { id: "warranty", text: "The warranty ends after two years." },
];

/** A method becomes a span by a decorator; its arguments are the inputs, its result the outputs. */
class Retriever {
  @sightline.trace({ spanType: sightline.SpanType.RETRIEVER })
  async search(question: string, limit: number) {
    const words = question.toLowerCase().match(/\w+/g) ?? [];
    // A block as a span, where a function of its own would be too much.
    const scored = await sightline.withSpan({ name: "score", inputs: { words } }, async (span) => {
      const scores = LIBRARY.map(({ text }) => words.filter((word) => text.toLowerCase().includes(word)).length);
      span.setAttribute("documents.compared", LIBRARY.length);
      return scores;
    });
    const ranked = LIBRARY.map((document, index) => ({ ...document, score: scored[index] ?? 0 }));
    return ranked.toSorted((a, b) => b.score - a.score).slice(0, limit);
  }
}

const answerFrom = sightline.trace(
  async (question: string, documents: readonly { text: string }[]) => {
    const span = sightline.getCurrentSpan();
    span?.addEvent("prompt built", { documents: documents.length, "question.length": question.length });
    return documents[0]?.text ?? "I do not know.";
  },
  { name: "answer_from", spanType: sightline.SpanType.LLM },
);

const ask = sightline.trace(
  async (question: string) => {
    sightline.updateCurrentTrace({ tags: { pipeline: "faq" }, sessionId: "demo", version: "1.0.0" });
    const documents = await new Retriever().search(question, 2);
    // `using` ends a span with its block, whatever happens in it.
    using check = sightline.startSpan({ name: "check", spanType: sightline.SpanType.GUARDRAIL, inputs: { question } });
    check.setOutputs({ allowed: true });
    return await answerFrom(question, documents);
  },
  { name: "ask", spanType: sightline.SpanType.AGENT },
);

process.stdout.write(`${await ask(process.argv[2] ?? "How long does shipping take?")}\n`);
process.stdout.write(`Trace: ${sightline.getLastActiveTraceId()}\n`);
