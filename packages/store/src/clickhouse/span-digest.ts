/**
 * What the spans of a trace say together, kept up as spans are added: the same whatever their order.
 */

import { SpanTree } from "./span-tree.ts";
import type { SummarySpan } from "./summary-span.ts";

/** Texts that the root says first, then the earliest span that has one. */
const TEXTS = ["sessionId", "userId", "service"] as const satisfies readonly (keyof SummarySpan)[];
/** Texts that only roots say. */
const ROOT_TEXTS = ["requestPreview", "responsePreview"] as const satisfies readonly (keyof SummarySpan)[];
const MAPS = ["traceTags", "traceMetadata"] as const satisfies readonly (keyof SummarySpan)[];

type TextName = (typeof TEXTS)[number] | (typeof ROOT_TEXTS)[number];
type MapName = (typeof MAPS)[number];

/** The facts of a growing set of spans of one trace. */
export class SpanDigest {
  readonly #tree = new SpanTree();
  #count = 0;
  /** The earliest. */
  #first: SummarySpan | undefined;
  /** The earliest root, else the earliest span. */
  #head: SummarySpan | undefined;
  #latestEnd = 0n;
  #hasEndedRoot = false;
  #hasFailedRoot = false;
  /** Of each text the span that says it. */
  readonly #speakers: Partial<Record<TextName, SummarySpan>> = {};
  /** Of each key the span whose value counts. */
  readonly #entries: Partial<Record<MapName, Map<string, SummarySpan>>> = {};
  readonly #models = new Set<string>();
  readonly #failures: SummarySpan[] = [];

  constructor(spans: Iterable<SummarySpan> = []) {
    for (const span of spans) this.add(span);
  }

  /** @param span  of an id that was not added before; if one changes, a new digest has to be made */
  add(span: SummarySpan): void {
    const isRoot = span.parentSpanId === "";
    this.#tree.add(span);
    this.#count += 1;
    if (this.#first === undefined || isEarlier(span, this.#first)) this.#first = span;
    if (this.#head === undefined || speaksBefore(span, this.#head)) this.#head = span;
    if (span.endTimeUnixNano > this.#latestEnd) this.#latestEnd = span.endTimeUnixNano;
    if (isRoot && span.endTimeUnixNano !== 0n) {
      this.#hasEndedRoot = true;
      if (span.statusCode === "ERROR") this.#hasFailedRoot = true;
    }
    for (const name of TEXTS) this.#hear(name, span);
    if (isRoot) for (const name of ROOT_TEXTS) this.#hear(name, span);
    for (const name of MAPS) this.#join(name, span);
    if (span.model !== "") this.#models.add(span.model);
    if (span.failure !== "") this.#failures.push(span);
  }

  get count(): number {
    return this.#count;
  }

  /** Nanoseconds; undefined without a span. */
  get start(): bigint | undefined {
    return this.#first?.startTimeUnixNano;
  }

  /** Nanoseconds; 0n while every span is running. */
  get end(): bigint {
    return this.#latestEnd;
  }

  /** Name of the earliest root, else of the earliest span; "" without a span. */
  get name(): string {
    return this.#head?.name ?? "";
  }

  /** IN_PROGRESS while no root has ended, ERROR if a root that ended failed, else OK. */
  get state(): "OK" | "ERROR" | "IN_PROGRESS" {
    if (!this.#hasEndedRoot) return "IN_PROGRESS";
    return this.#hasFailedRoot ? "ERROR" : "OK";
  }

  /** "" if nobody says it. */
  text(name: TextName): string {
    return this.#speakers[name]?.[name] ?? "";
  }

  /**
   * All entries that spans carry, under those of `first`.
   *
   * @param first  entries that go before those of every span
   */
  entries(name: MapName, first: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
    const joined = new Map(Object.entries(first));
    for (const [key, span] of this.#entries[name] ?? []) {
      if (!joined.has(key)) joined.set(key, span[name][key] ?? "");
    }
    return Object.fromEntries(joined);
  }

  /** Sorted, each once. */
  get models(): string[] {
    return [...this.#models].sort();
  }

  /** Tokens of the whole trace; undefined if no span says anything. */
  get usage(): ReturnType<SpanTree["usage"]> {
    return this.#tree.usage();
  }

  /** US dollars of the whole trace; undefined if no span says anything. */
  get costUsd(): number | undefined {
    return this.#tree.costUsd();
  }

  /** Text of the deepest span that failed with a text; of several the earliest's. "" if there is none. */
  get deepestFailure(): string {
    let deepest: { readonly span: SummarySpan; readonly depth: number } | undefined;
    for (const span of this.#failures) {
      const depth = this.#tree.depthOf(span.spanId);
      const isDeeper =
        deepest === undefined || depth > deepest.depth || (depth === deepest.depth && isEarlier(span, deepest.span));
      if (isDeeper) deepest = { span, depth };
    }
    return deepest?.span.failure ?? "";
  }

  #hear(name: TextName, span: SummarySpan): void {
    if (span[name] === "") return;
    const speaker = this.#speakers[name];
    if (speaker === undefined || speaksBefore(span, speaker)) this.#speakers[name] = span;
  }

  #join(name: MapName, span: SummarySpan): void {
    for (const key in span[name]) {
      const entries = this.#entries[name] ?? new Map<string, SummarySpan>();
      this.#entries[name] = entries;
      const before = entries.get(key);
      if (before === undefined || speaksBefore(span, before)) entries.set(key, span);
    }
  }
}

/** Roots before others, then the earlier one. */
function speaksBefore(left: SummarySpan, right: SummarySpan): boolean {
  const [isRoot, isOtherRoot] = [left.parentSpanId === "", right.parentSpanId === ""];
  return isRoot === isOtherRoot ? isEarlier(left, right) : isRoot;
}

function isEarlier(left: SummarySpan, right: SummarySpan): boolean {
  if (left.startTimeUnixNano !== right.startTimeUnixNano) return left.startTimeUnixNano < right.startTimeUnixNano;
  return left.spanId < right.spanId;
}
