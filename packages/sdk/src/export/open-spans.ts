/**
 * Spans that run: which of them the server was told of, so that a trace can be watched, and is seen even if the program is killed.
 */
import type { SpanRecord } from "../tracing/span-record.ts";

/** More open spans than this are a leak of the program; watching them all would make it ours. */
const MAX_WATCHED = 10_000;

/** What the server knows of a span: nothing, it is to be told, it was told. */
type Announcement = "new" | "due" | "told";

/** The open spans of one exporter. */
export class OpenSpans {
  readonly #spans = new Map<SpanRecord, Announcement>();
  /** Each waits for the end of some spans. */
  readonly #waiting = new Set<{ readonly left: Set<SpanRecord>; readonly done: () => void }>();
  #due = 0;

  get size(): number {
    return this.#spans.size;
  }

  /** Whether there are spans that the server is to be told of. */
  get hasDue(): boolean {
    return this.#due > 0;
  }

  add(span: SpanRecord): void {
    if (this.#spans.size < MAX_WATCHED) this.#spans.set(span, "new");
  }

  delete(span: SpanRecord): void {
    if (this.#due > 0 && this.#spans.get(span) === "due") this.#due -= 1;
    this.#spans.delete(span);
    if (this.#waiting.size > 0) this.#tellWaiting(span);
  }

  /** Resolves when every span that is open now has ended. */
  async untilEnded(): Promise<void> {
    const left = new Set(this.#spans.keys());
    if (left.size > 0) await new Promise<void>((done) => this.#waiting.add({ left, done }));
  }

  /** Marks the spans that began before a time (milliseconds since the epoch) and that the server was not told of. */
  announce(startedBefore: number): void {
    for (const [span, announcement] of this.#spans) {
      if (announcement === "new" && span.startMs <= startedBefore) this.#mark(span, "due");
    }
  }

  /** Spans that the server is to be told of, at most so many. */
  due(max: number): SpanRecord[] {
    const due: SpanRecord[] = [];
    if (this.#due === 0) return due;
    for (const [span, announcement] of this.#spans) {
      if (due.length >= max) break;
      if (announcement === "due") due.push(span);
    }
    return due;
  }

  /** Notes that the server has answered; spans that have ended meanwhile are forgotten already. */
  told(spans: readonly SpanRecord[]): void {
    for (const span of spans) if (this.#spans.get(span) === "due") this.#mark(span, "told");
  }

  clear(): void {
    this.#spans.clear();
    this.#due = 0;
    for (const { done } of this.#waiting) done();
    this.#waiting.clear();
  }

  #tellWaiting(span: SpanRecord): void {
    for (const waiting of this.#waiting) {
      waiting.left.delete(span);
      if (waiting.left.size > 0) continue;
      this.#waiting.delete(waiting);
      waiting.done();
    }
  }

  #mark(span: SpanRecord, announcement: "due" | "told"): void {
    this.#spans.set(span, announcement);
    this.#due += announcement === "due" ? 1 : -1;
  }
}
