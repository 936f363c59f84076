/**
 * The other service: its spans become children of the span that sent the request.
 */
import { createServer } from "node:http";
import * as sightline from "@sightline/sdk";

sightline.init({
  url: process.env["SIGHTLINE_URL"] ?? "http://127.0.0.1:5500",
  experiment: process.env["SIGHTLINE_EXPERIMENT"] ?? "two-services",
  serviceName: "stock",
});

const countPieces = sightline.trace(async (article: string) => ({ pieces: article.length }), {
  name: "count_pieces",
  spanType: sightline.SpanType.TOOL,
});

const server = createServer((request, response) => {
  const article = request.url?.split("/").at(-1) ?? "";
  sightline
    .withTraceHeaders(request.headers, () => countPieces(article))
    .then(
      (answer) => response.end(JSON.stringify(answer)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as { port: number }).port));
process.once("message", () => {
  server.closeAllConnections();
  server.close();
  process.disconnect();
});
