/**
 * A span processor for a program that has its own OpenTelemetry set-up: its spans go to Sightline too.
 */
import type { ReadableSpan } from "./readable-span.ts";
import { SpanDestination, type SpanDestinationOptions } from "./span-destination.ts";

/**
 * Sends every span of the provider it is given to. Needs no batch processor around it: spans wait in the SDK's own queue, bounded
 * in bytes, and long ones are shown while they run.
 *
 * ```ts
 * new NodeTracerProvider({ spanProcessors: [new SightlineSpanProcessor({ url: "http://127.0.0.1:5500" })] });
 * ```
 *
 * Fits `SpanProcessor` of `@opentelemetry/sdk-trace-base` 1 and 2.
 */
export class SightlineSpanProcessor {
  readonly #destination: SpanDestination;

  /** @param options  what is absent is as in `init()` or the environment */
  constructor(options: SpanDestinationOptions = {}) {
    this.#destination = new SpanDestination(options);
  }

  /** A span of the provider begins. */
  onStart(span: ReadableSpan): void {
    this.#destination.begin(span);
  }

  /** A span of the provider has ended: it is queued. */
  onEnd(span: ReadableSpan): void {
    this.#destination.end(span);
  }

  /** Resolves when everything that ended was sent, or could not be within ten seconds. */
  forceFlush(): Promise<void> {
    return this.#destination.flush();
  }

  /** Takes no more spans and sends what is queued. Tracing with our own API goes on. */
  shutdown(): Promise<void> {
    return this.#destination.shutdown();
  }
}
