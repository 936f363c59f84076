/**
 * The server of a measurement, a process of its own: answers as the servers of the SDKs do and counts the spans that came.
 *
 * Bodies are kept and decoded only when somebody asks, so that the work is not done beside the measurement. With the argument
 * "stalled" it reads and never answers.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { gunzipSync } from "node:zlib";
import { decodeExportRequest, encodeExportResponse } from "@sightline/wire/otlp/protobuf";
import type { ReceiverCount, ReceiverReady } from "./task.ts";

interface Kept {
  readonly path: string;
  readonly contentType: string;
  readonly isGzip: boolean;
  readonly chunks: readonly Buffer[];
}

const isStalled = process.argv[2] === "stalled";
let kept: Kept[] = [];

/** What LangSmith's server says of itself. */
const LANGSMITH_INFO = {
  version: "0.10.0",
  instance_flags: { gzip_body_enabled: true },
  batch_ingest_config: { use_multipart_endpoint: true, size_limit: 100, size_limit_bytes: 20_971_520 },
};

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => isStalled || chunks.push(chunk));
  request.on("end", () => {
    if (!isStalled) answer(request, response, chunks);
  });
  // The process of a measurement ends with requests under way.
  request.on("error", () => response.destroy());
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP port");
  process.send?.({ port: address.port } satisfies ReceiverReady);
});

process.on("message", () => {
  process.send?.(count());
  kept = [];
});
process.on("disconnect", () => process.exit());

function answer(request: IncomingMessage, response: ServerResponse, chunks: readonly Buffer[]): void {
  const path = request.url ?? "";
  const contentType = request.headers["content-type"] ?? "";
  if (request.method === "POST") {
    kept.push({ path, contentType, isGzip: request.headers["content-encoding"] === "gzip", chunks });
  }
  if (contentType.startsWith("application/x-protobuf")) {
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end(encodeExportResponse());
    return;
  }
  const body = path === "/info" ? LANGSMITH_INFO : path.startsWith("/runs") ? { message: "Runs batch ingested" } : {};
  response
    .writeHead(path.startsWith("/runs") ? 202 : 200, { "content-type": "application/json" })
    .end(JSON.stringify(body));
}

/** Spans by id: a span that comes twice, or in two parts, is one. */
function count(): ReceiverCount {
  const spans = new Set<string>();
  let bytes = 0;
  for (const { path, contentType, isGzip, chunks } of kept) {
    const sent = Buffer.concat(chunks);
    bytes += sent.length;
    const body = isGzip ? gunzipSync(sent) : sent;
    for (const id of endedSpans(path, contentType, body)) spans.add(id);
  }
  return { spans: spans.size, requests: kept.length, bytes };
}

function endedSpans(path: string, contentType: string, body: Buffer): string[] {
  if (path.endsWith("/runs/multipart")) return langsmithRuns(body);
  if (path.endsWith("/runs/batch")) {
    const { post = [], patch = [] } = JSON.parse(body.toString("utf8")) as LangsmithBatch;
    return [...post, ...patch].filter((run) => run.end_time !== undefined).map(({ id }) => id);
  }
  if (contentType.startsWith("application/json")) {
    const { resourceSpans = [] } = JSON.parse(body.toString("utf8")) as OtlpJson;
    return resourceSpans.flatMap(({ scopeSpans = [] }) =>
      scopeSpans.flatMap((scope) => (scope.spans ?? []).map(({ spanId }) => spanId)),
    );
  }
  // A span that still runs has no end; it comes again.
  return decodeExportRequest(body).flatMap(({ spans }) =>
    spans.filter(({ endTimeUnixNano }) => endTimeUnixNano !== 0n).map(({ spanId }) => spanId),
  );
}

interface LangsmithBatch {
  readonly post?: readonly { readonly id: string; readonly end_time?: unknown }[];
  readonly patch?: LangsmithBatch["post"];
}
interface OtlpJson {
  readonly resourceSpans?: readonly {
    readonly scopeSpans?: readonly { readonly spans?: readonly { readonly spanId: string }[] }[];
  }[];
}

/** Runs whose outputs came: parts are named `post.<id>.outputs` or `patch.<id>.outputs`. */
function langsmithRuns(body: Buffer): string[] {
  const text = body.toString("latin1");
  return [...text.matchAll(/ name="(?:post|patch)\.([0-9a-f-]{36})\.outputs"/g)].map(([, id = ""]) => id);
}
