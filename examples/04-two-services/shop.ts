/**
 * Two services, one trace: the W3C headers go out with the request and come in on the other side.
 *
 * Needs a Sightline server (`npm start`). Starts `stock.ts` as a process of its own.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import * as sightline from "@sightline/sdk";

sightline.init({
  url: process.env["SIGHTLINE_URL"] ?? "http://127.0.0.1:5500",
  experiment: process.env["SIGHTLINE_EXPERIMENT"] ?? "two-services",
  serviceName: "shop",
});

const stock = fork(new URL("./stock.js", import.meta.url));
const [port] = (await once(stock, "message")) as [number];

const order = sightline.trace(
  async (article: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}/stock/${article}`, { headers: sightline.getTraceHeaders() });
    const { pieces } = (await answer.json()) as { pieces: number };
    return pieces > 0 ? `${article} is on its way` : `${article} is sold out`;
  },
  { name: "order", spanType: sightline.SpanType.AGENT },
);

process.stdout.write(`${await order("teapot")}\n`);
process.stdout.write(`Trace: ${sightline.getLastActiveTraceId()}\n`);
const ended = once(stock, "exit");
stock.send("stop");
await ended;
