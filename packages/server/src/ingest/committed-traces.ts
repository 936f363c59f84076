/**
 * Tells who listens which traces have just been written: ingest publishes, the live stream listens.
 */
export interface CommittedTrace {
  readonly traceId: string;
  /** The experiment that the spans were sent to. */
  readonly experimentId: string;
}

type Listener = (traces: readonly CommittedTrace[]) => void;

export class CommittedTraces {
  readonly #listeners = new Set<Listener>();

  /** Tells every listener the traces of these spans, each once. */
  publish(spans: readonly CommittedTrace[]): void {
    if (this.#listeners.size === 0) return;
    const traces = new Map<string, CommittedTrace>();
    for (const { traceId, experimentId } of spans) traces.set(traceId, { traceId, experimentId });
    for (const listener of this.#listeners) listener([...traces.values()]);
  }

  /** @returns a function that ends the subscription */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
