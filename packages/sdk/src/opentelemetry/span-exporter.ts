/**
 * A span exporter for a program that has its own OpenTelemetry set-up, where a processor of it asks for one.
 */
import type { ReadableSpan } from "./readable-span.ts";
import { SpanDestination, type SpanDestinationOptions } from "./span-destination.ts";

/** `ExportResult` of `@opentelemetry/core`: 0 = success, 1 = failed. */
export interface ExportResult {
  readonly code: 0 | 1;
  readonly error?: Error;
}

/**
 * A batch processor waits for the answer to its batch when it is flushed, and with the next batch too. Longer than a server that is
 * up needs; short enough that the processor's queue of 2,048 spans is not the place where they are lost when it is down.
 */
const ANSWER_AFTER_MS = 1_000;

/**
 * Takes batches of spans into the SDK's own queue, from which they are sent. {@link SightlineSpanProcessor} does the same without
 * a batch processor before it, and shows long spans while they run.
 *
 * Fits `SpanExporter` of `@opentelemetry/sdk-trace-base` 1 and 2.
 */
export class SightlineSpanExporter {
  readonly #destination: SpanDestination;

  /** @param options  what is absent is as in `init()` or the environment */
  constructor(options: SpanDestinationOptions = {}) {
    this.#destination = new SpanDestination(options);
  }

  /**
   * Queues the spans and sends them. The callback is called when they are sent; after a second at the latest, since they are safe in
   * the queue then and tried again from there.
   */
  export(spans: readonly ReadableSpan[], resultCallback: (result: ExportResult) => void): void {
    const lost = spans.filter((span) => !this.#destination.end(span)).length;
    const result: ExportResult =
      lost === 0
        ? { code: 0 }
        : { code: 1, error: new Error(`${lost} of ${spans.length} spans have no Sightline server to go to.`) };
    if (lost === spans.length) resultCallback(result);
    else void this.#destination.flush(ANSWER_AFTER_MS).finally(() => resultCallback(result));
  }

  /** Resolves when everything that was exported was sent, or could not be within ten seconds. */
  forceFlush(): Promise<void> {
    return this.#destination.flush();
  }

  /** Takes no more spans and sends what is queued. Tracing with our own API goes on. */
  shutdown(): Promise<void> {
    return this.#destination.shutdown();
  }
}
