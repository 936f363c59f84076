/**
 * The live stream: tells pages which traces were just written, as server-sent events.
 *
 * A client gets at most four events a second, however fast traces come; one that reads slowly gets fewer, larger events, and costs
 * no more memory than {@link MAX_WAITING} trace ids.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import type { LiveTraces } from "@sightline/wire/api/live";
import { SightlineError } from "@sightline/wire/errors";
import { reply } from "../http/reply.ts";

type LiveTrace = LiveTraces["traces"][number];

/** Where traces come from. The function it returns ends the subscription. */
export interface TraceFeed {
  subscribe(listener: (traces: readonly LiveTrace[]) => void): () => void;
}

export interface LiveStream {
  /** Answers `GET /api/v1/live/traces`. @throws INVALID_PARAMETER for an experiment that is no id */
  handle(request: Request): Response;
  /** Ends all streams, now and from now on. */
  close(): void;
}

export interface LiveOptions {
  /** Least time between two events to one client. Default 250. */
  readonly intervalMs?: number;
  /** Time between comment lines that keep proxies from closing the connection. Default 15,000. */
  readonly heartbeatMs?: number;
}

/** Ids kept for a client between two events; of the rest only the number is told. A page shows fewer. */
const MAX_WAITING = 1000;
/** Bytes a client may leave unread before it gets nothing more. */
const MAX_UNREAD_BYTES = 256 * 1024;

export function createLiveStream(feed: TraceFeed, options: LiveOptions = {}): LiveStream {
  const { intervalMs = 250, heartbeatMs = 15_000 } = options;
  const clients = new Set<Client>();
  let closed = false;
  return {
    handle(request) {
      const experimentId = new URL(request.url).searchParams.get("experiment") ?? undefined;
      if (experimentId !== undefined && !/^\d{1,19}$/.test(experimentId)) {
        throw new SightlineError(
          "INVALID_PARAMETER",
          `The query parameter "experiment" is "${experimentId.slice(0, 50)}"; give the id of an experiment.`,
        );
      }
      if (closed) throw new SightlineError("SHUTTING_DOWN", "The server is stopping.");
      const headers = { "content-type": "text/event-stream; charset=utf-8" };
      if (request.method === "HEAD") return reply(200, null, headers);
      const client = new Client({ feed, experimentId, intervalMs, heartbeatMs, onEnd: () => clients.delete(client) });
      clients.add(client);
      return reply(200, client.stream, headers);
    },
    close() {
      closed = true;
      for (const client of [...clients]) client.end();
    },
  };
}

interface ClientOptions {
  readonly feed: TraceFeed;
  readonly experimentId: string | undefined;
  readonly intervalMs: number;
  readonly heartbeatMs: number;
  readonly onEnd: () => void;
}

class Client {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #options: ClientOptions;
  readonly #encoder = new TextEncoder();
  readonly #waiting = new Map<string, LiveTrace>();
  readonly #unsubscribe: () => void;
  readonly #heartbeat: NodeJS.Timeout;
  #more = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastSent = Number.NEGATIVE_INFINITY;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        // The client has read what it got: what waits may go out.
        pull: () => this.#schedule(),
        cancel: () => this.#release(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: MAX_UNREAD_BYTES }),
    );
    this.#send("event: hello\ndata: {}\n\n");
    this.#heartbeat = setInterval(() => this.#send(": still here\n\n"), options.heartbeatMs);
    this.#heartbeat.unref();
    this.#unsubscribe = options.feed.subscribe((traces) => this.#add(traces));
  }

  end(): void {
    const controller = this.#controller;
    this.#release();
    controller?.close();
  }

  #add(traces: readonly LiveTrace[]): void {
    for (const trace of traces) {
      if (this.#options.experimentId !== undefined && trace.experimentId !== this.#options.experimentId) continue;
      if (this.#waiting.has(trace.traceId)) continue;
      if (this.#waiting.size < MAX_WAITING) this.#waiting.set(trace.traceId, trace);
      else this.#more += 1;
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#waiting.size === 0 || !this.#isReading()) return;
    const delay = Math.max(0, this.#lastSent + this.#options.intervalMs - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#isReading()) this.#flush();
    }, delay);
  }

  #flush(): void {
    const event: LiveTraces = { traces: [...this.#waiting.values()], ...(this.#more > 0 && { more: this.#more }) };
    this.#waiting.clear();
    this.#more = 0;
    this.#lastSent = performance.now();
    this.#send(`event: traces\ndata: ${JSON.stringify(event)}\n\n`);
  }

  #isReading(): boolean {
    return (this.#controller?.desiredSize ?? 0) > 0;
  }

  #send(text: string): void {
    if (this.#isReading()) this.#controller?.enqueue(this.#encoder.encode(text));
  }

  #release(): void {
    if (this.#controller === undefined) return;
    this.#controller = undefined;
    this.#unsubscribe();
    clearInterval(this.#heartbeat);
    clearTimeout(this.#timer);
    this.#options.onEnd();
  }
}
