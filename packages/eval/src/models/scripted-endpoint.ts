/**
 * A model endpoint that speaks OpenAI's API and answers by rules: the fake model of tests, examples and demos.
 *
 * Names of models switch faults on: `fail-429` (any status), `slow` (60 ms before each piece of a stream), `midstream` (an error
 * event after two pieces), `cut` (the connection breaks after two pieces), `stall` (no answer at all), `nousage`, `think`
 * (reasoning), `cached`, `parallel` (two tool calls). They combine: `gpt-slow-think`.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { parseJson } from "@sightline/wire/json";
import { printChat, readChat } from "./openai-chat.ts";
import { printEmbeddings, printResponse, readResponse } from "./openai-responses.ts";
import { type Answer, answerFor, fromReply, type Reply } from "./scripted-reply.ts";
import { openAiError, record, type SseEvent, string, type WireReply } from "./wire-reply.ts";

export interface ScriptedEndpointOptions {
  /** Default 0: any free port of 127.0.0.1. */
  readonly port?: number;
  /** Replies for the first requests, in order; after them the rules answer. */
  readonly script?: readonly Reply[];
}

export interface ReceivedRequest {
  /** e.g. `/v1/chat/completions` */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The JSON body; undefined if it was none. */
  readonly body: unknown;
}

export interface ScriptedEndpoint {
  /** Base URL for a client: `http://127.0.0.1:<port>/v1`. */
  readonly url: string;
  /** What came in, oldest first; grows. */
  readonly requests: readonly ReceivedRequest[];
  /** Adds a reply to the end of the script. */
  enqueue(reply: Reply): void;
  /** Ends open connections and stops listening. */
  close(): Promise<void>;
}

/**
 * Starts an endpoint on 127.0.0.1.
 *
 * ```ts
 * const endpoint = await startScriptedEndpoint({ script: ["Hello!"] });
 * const client = new OpenAI({ baseURL: endpoint.url, apiKey: "none" });
 * ```
 *
 * @throws the system's error when the port is taken
 */
export async function startScriptedEndpoint(options: ScriptedEndpointOptions = {}): Promise<ScriptedEndpoint> {
  const script = [...(options.script ?? [])];
  const requests: ReceivedRequest[] = [];
  const server = createServer((request, response) => {
    handle(request, response, script, requests).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no TCP port");
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    requests,
    enqueue(reply) {
      script.push(reply);
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** What answers at the end of a path. `next` takes a reply from the script; embeddings have no use for one. */
type Operation = (body: Readonly<Record<string, unknown>>, next: () => Answer | undefined, number: number) => WireReply;

const operations: Readonly<Record<string, Operation>> = {
  "/chat/completions": (body, next, number) => printChat(body, next() ?? answerFor(readChat(body)), number),
  "/responses": (body, next, number) => printResponse(body, next() ?? answerFor(readResponse(body)), number),
  "/embeddings": (body) => printEmbeddings(body),
};

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  script: Reply[],
  requests: ReceivedRequest[],
): Promise<void> {
  const path = new URL(request.url ?? "/", "http://localhost").pathname;
  if (request.method === "GET" && path.endsWith("/models")) {
    const data = [{ id: "scripted", object: "model", created: 0, owned_by: "sightline" }];
    return sendJson(response, 200, { object: "list", data });
  }
  const text = await readText(request);
  const json = parseJson(text);
  requests.push({ path, headers: request.headers as Record<string, string>, body: json });
  const operation = Object.entries(operations).find(([end]) => path.endsWith(end))?.[1];
  const body = record(json);
  const model = string(body.model);
  if (model.includes("stall")) return;
  const next = (): Answer | undefined => {
    const reply = script.shift();
    return reply === undefined ? undefined : fromReply(reply);
  };
  const reply = operation ? operation(body, next, requests.length) : openAiError(404, `There is nothing at ${path}.`);
  if (reply.kind === "json") return sendJson(response, reply.status, reply.body);
  await sendStream(response, reply.events, reply.failure, model);
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": bytes.length,
    "x-request-id": "req_scripted",
    // Clients that retry do it at once: tests need not wait.
    ...(status >= 400 && { "retry-after-ms": "1" }),
  });
  response.end(bytes);
}

async function sendStream(
  response: ServerResponse,
  events: readonly SseEvent[],
  failure: SseEvent,
  model: string,
): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream", "x-request-id": "req_scripted" });
  let deltas = 0;
  for (const event of events) {
    if (response.destroyed) return;
    if (event.isDelta) {
      if (model.includes("slow")) await wait(60);
      deltas += 1;
      if (model.includes("cut") && deltas > 2) {
        // What was written is sent before the connection breaks.
        response.socket?.destroySoon();
        return;
      }
      if (model.includes("midstream") && deltas > 2) {
        response.end(printEvent(failure));
        return;
      }
    }
    response.write(printEvent(event));
  }
  response.end();
}

function printEvent({ event, data }: SseEvent): string {
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return `${event === undefined ? "" : `event: ${event}\n`}data: ${text}\n\n`;
}
