/**
 * Where the spans of a program's own OpenTelemetry set-up go: our exporter, with its queue, retries and counters.
 */
import { TraceFlags } from "@opentelemetry/api";
import type { InitOptions } from "../config.ts";
import { safely, sayOnce } from "../diagnostics.ts";
import { flush, init } from "../init.ts";
import { activeRuntime } from "../runtime.ts";
import type { Route, SpanRecord } from "../tracing/span-record.ts";
import { isCompanionSpan } from "./companion-mark.ts";
import { beginRecord, endRecord, type ReadableSpan } from "./readable-span.ts";

/** Where the spans of an OpenTelemetry set-up go, and which of them. */
export interface SpanDestinationOptions extends Pick<InitOptions, "url" | "experiment" | "apiKey" | "serviceName"> {
  /** Which spans are sent, e.g. by name or attributes; asked when they end. Default: all that are sampled. */
  readonly filter?: ((span: ReadableSpan) => boolean) | undefined;
}

/** Hands spans on to the exporter of the process. */
export class SpanDestination {
  readonly #options: SpanDestinationOptions;
  readonly #open = new WeakMap<ReadableSpan, SpanRecord>();
  #isShutDown = false;

  constructor(options: SpanDestinationOptions) {
    this.#options = options;
    // Without init() the options stand for it. They must not be lost on a program that gives them here only.
    const { url, experiment, apiKey, serviceName } = options;
    if (url !== undefined && activeRuntime() === undefined) init({ url, experiment, apiKey, serviceName });
  }

  /** Shows the span while it runs, if it runs for long. */
  begin(span: ReadableSpan): void {
    safely("a span of OpenTelemetry", () => {
      const route = this.#takes(span) ? this.#route() : undefined;
      // The filter is asked at the end, when attributes are there to decide by; a span that may be left out is not shown before.
      if (route === undefined || this.#options.filter !== undefined) return;
      const record = beginRecord(span, route);
      this.#open.set(span, record);
      route.exporter.onStart(record);
    });
  }

  /**
   * Queues an ended span.
   *
   * @returns false when it is lost, since tracing is off
   */
  end(span: ReadableSpan): boolean {
    const isTaken = safely("a span of OpenTelemetry", () => {
      if (!this.#takes(span) || this.#options.filter?.(span) === false) return true;
      const route = this.#route();
      const record = this.#open.get(span) ?? (route && beginRecord(span, route));
      if (record === undefined) return false;
      this.#open.delete(span);
      endRecord(span, record);
      record.route.exporter.onEnd(record);
      return true;
    });
    return isTaken ?? false;
  }

  /**
   * Sends what is queued. What cannot be sent is said and counted as every loss is (`stats()`), and is no reason to fail.
   *
   * @param timeoutMs  default 10,000; later it is still tried
   */
  async flush(timeoutMs?: number): Promise<void> {
    await flush(timeoutMs);
  }

  async shutdown(): Promise<void> {
    this.#isShutDown = true;
    await flush();
  }

  #takes(span: ReadableSpan): boolean {
    const isSampled = (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
    return isSampled && !this.#isShutDown && !isCompanionSpan(span);
  }

  #route(): Route | undefined {
    const runtime = activeRuntime();
    if (runtime === undefined) {
      sayOnce(
        "otel-off",
        "warn",
        "Spans of OpenTelemetry reach Sightline's processor or exporter, but it has no address: give it { url }, call init(), or set SIGHTLINE_URL.",
      );
      return undefined;
    }
    const { url, experiment, apiKey } = this.#options;
    const isElsewhere = url !== undefined || experiment !== undefined || apiKey !== undefined;
    return isElsewhere ? runtime.routeTo({ url, experiment, apiKey }) : runtime.route;
  }
}
