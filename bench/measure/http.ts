/**
 * Requests over kept-alive connections, with the time from sending until the last byte of the answer.
 */
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";

export interface HttpRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Absolute. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Anything but bytes is sent as JSON. */
  readonly body?: unknown;
  /** Default: none. */
  readonly timeoutMs?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
  readonly ms: number;
}

/** An agent with `connections` kept-alive connections. Destroy it when done. */
export function keepAlive(connections: number): Agent {
  return new Agent({ keepAlive: true, maxSockets: connections });
}

/** Sends a request. Rejects when the connection breaks or `timeoutMs` has passed. */
export async function send(agent: Agent, { method, url, headers, body, timeoutMs }: HttpRequest): Promise<HttpAnswer> {
  const bytes = body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const began = performance.now();
  const sent = request(url, {
    method,
    agent,
    headers: {
      ...(bytes && { "content-type": "application/json", "content-length": bytes.length }),
      ...headers,
    },
    ...(timeoutMs !== undefined && { signal: AbortSignal.timeout(timeoutMs) }),
  });
  sent.end(bytes);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks), ms: performance.now() - began };
}

/**
 * The JSON of an answer.
 *
 * @throws with the beginning of the answer, if its status is not 200
 */
export async function sendForJson<T = unknown>(agent: Agent, question: HttpRequest): Promise<T> {
  const { status, body } = await send(agent, question);
  if (status !== 200) {
    throw new Error(`${question.method} ${question.url} answered ${status}: ${body.toString().slice(0, 500)}`);
  }
  return JSON.parse(body.toString()) as T;
}
