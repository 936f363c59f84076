/**
 * A server that takes OTLP over HTTP, as a real one would, and shows what came: tests read spans from the wire, not from memory.
 */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { gunzipSync } from "node:zlib";
import { decodeExportRequest, encodeExportResponse } from "@sightline/wire/otlp/protobuf";
import type { Attributes, OtlpSpan } from "@sightline/wire/otlp/span";

export interface ReceivedExport {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly resource: Attributes;
  readonly spans: readonly OtlpSpan[];
}

/** How the receiver answers; it keeps the spans of 2xx answers only. Default: 200. */
export type Answer = {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
};

export interface Receiver {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** Every request, whatever was answered. */
  readonly exports: ReceivedExport[];
  /** Spans of acknowledged requests, the last state of each, in order of first arrival. */
  readonly spans: readonly OtlpSpan[];
  /** Replaces the answer to the requests that follow; "stall" = none at all. */
  answer(next: (request: number) => Answer | "stall"): void;
  /** Resolves when `count` spans were acknowledged. */
  waitForSpans(count: number): Promise<readonly OtlpSpan[]>;
  /** Resolves with the span of this name once it was acknowledged. */
  waitForSpanNamed(name: string): Promise<OtlpSpan>;
  /** Resolves when `count` requests have come. */
  waitForExports(count: number): Promise<readonly ReceivedExport[]>;
  /** Breaks the connections that clients keep. */
  closeConnections(): void;
  close(): Promise<void>;
}

/** Starts a receiver on 127.0.0.1. */
export async function startReceiver(port = 0): Promise<Receiver> {
  const exports: ReceivedExport[] = [];
  const spans = new Map<string, OtlpSpan>();
  const waiters = new Set<() => void>();
  let answer: (request: number) => Answer | "stall" = () => ({ status: 200, body: encodeExportResponse() });
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks);
    const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
    const groups = decodeExportRequest(body);
    const received = groups.flatMap((group) => group.spans);
    exports.push({
      path: request.url ?? "",
      headers: request.headers,
      resource: groups[0]?.resource ?? {},
      spans: received,
    });
    const next = answer(exports.length);
    if (next !== "stall") {
      if (next.status < 300) for (const span of received) spans.set(span.spanId, span);
      send(response, next);
    }
    for (const check of waiters) check();
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP port");
  const waitFor = <T>(value: () => T, isEnough: (value: T) => boolean): Promise<T> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!isEnough(value())) return;
        waiters.delete(check);
        resolve(value());
      };
      waiters.add(check);
      check();
    });
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    exports,
    get spans() {
      return [...spans.values()];
    },
    answer(next) {
      answer = next;
    },
    waitForSpans: (count) =>
      waitFor(
        () => [...spans.values()],
        (kept) => kept.length >= count,
      ),
    async waitForSpanNamed(name) {
      const isIt = (span: OtlpSpan): boolean => span.name === name && span.endTimeUnixNano !== 0n;
      await waitFor(
        () => [...spans.values()].some(isIt),
        (isThere) => isThere,
      );
      return spanNamed([...spans.values()], name);
    },
    waitForExports: (count) =>
      waitFor(
        () => exports,
        (all) => all.length >= count,
      ),
    closeConnections: () => server.closeAllConnections(),
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { "content-type": "application/x-protobuf", ...headers });
  response.end(body);
}

/** The span of this name. Fails the test if there is none, or more than one. */
export function spanNamed(spans: readonly OtlpSpan[], name: string): OtlpSpan {
  const found = spans.filter((span) => span.name === name);
  const [span] = found;
  if (span === undefined || found.length > 1) {
    throw new Error(
      `${found.length} spans are named ${name}; there are ${spans.map((other) => other.name).join(", ")}`,
    );
  }
  return span;
}

/** A JSON attribute of a span, parsed; undefined if it is not there. */
export function jsonAttribute(span: OtlpSpan, key: string): unknown {
  const text = span.attributes[key];
  return text === undefined ? undefined : JSON.parse(String(text));
}
