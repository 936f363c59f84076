/**
 * Nothing secret leaves the process: one function sees everything before it is sent.
 *
 * Needs a Sightline server (`npm start`) and nothing else.
 */
import * as sightline from "@sightline/sdk";

/** Card numbers and e-mail addresses, wherever they stand: inputs, outputs, attributes, tags, events, errors. */
function mask(value: unknown): unknown {
  if (typeof value === "string") {
    return value.replace(/\b(?:\d[ -]?){13,16}\b/g, "[card]").replace(/[\w.+-]+@[\w-]+\.[\w.]+/g, "[e-mail]");
  }
  if (Array.isArray(value)) return value.map(mask);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, mask(member)]));
  }
  return value;
}

sightline.init({
  url: process.env["SIGHTLINE_URL"] ?? "http://127.0.0.1:5500",
  experiment: process.env["SIGHTLINE_EXPERIMENT"] ?? "masking",
  mask,
});

const refund = sightline.trace(
  async (request: { customer: string; card: string; euros: number }) => {
    sightline.updateCurrentTrace({ tags: { customer: request.customer } });
    if (request.euros > 100) throw new Error(`No refund of ${request.euros} euros to ${request.card}.`);
    return `Refunded ${request.euros} euros to ${request.customer}.`;
  },
  { name: "refund", spanType: sightline.SpanType.TOOL },
);

const customer = "ada@example.com";
const card = "4111 1111 1111 1111";
// The program itself works with the real values.
process.stdout.write(`${await refund({ customer, card, euros: 20 })}\n`);
await refund({ customer, card, euros: 500 }).catch((error: Error) => process.stdout.write(`${error.message}\n`));
