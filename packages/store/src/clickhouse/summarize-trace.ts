/**
 * The spans of a trace and what its client said of it → its row. Pure, and the same whatever came first.
 */
import { parseJson } from "@sightline/wire/json";
import type { TokenUsage } from "@sightline/wire/model/span";
import { CLIENT_REQUEST_ID_KEY, TRACE_FACT_KEYS } from "@sightline/wire/model/trace";
import type { ClientFacts, KnownClientInfo } from "./client-info.ts";
import type { KnownTrace, SummarySpan } from "./known-trace.ts";
import { latest } from "./moments.ts";
import type { TraceRow } from "./rows.ts";

/**
 * Makes the row of a trace.
 *
 * - What the client said of the whole trace wins: name, state, times, previews, request id; its tags and metadata go before those
 *   of the spans, key by key.
 * - Else facts about the whole trace come from the root, else from the earliest span that has them; tags and metadata are joined
 *   key by key, the root's first. Of several roots the earliest is "the" root.
 * - The state is IN_PROGRESS while no root has ended, ERROR if a root that ended failed, else OK. A failing span inside a trace
 *   whose root succeeded was handled by the agent.
 * - The failure text is that of the deepest failing span, where the trouble began.
 * - Tokens and cost are counted from the spans; what the client said of them counts only if no span says anything.
 *
 * @param trace  with a span or a client info at least
 */
export function summarizeTrace({ experimentId, traceId, spans, client }: KnownTrace): TraceRow {
  const byTime = [...spans.values()].sort(byStartThenId);
  const roots = byTime.filter((span) => span.parentSpanId === "");
  const byWeight = roots.length === 0 ? byTime : [...roots, ...byTime.filter((span) => span.parentSpanId !== "")];
  const facts: ClientFacts = client?.facts ?? {};
  const [first] = byTime;
  if (first === undefined && client === undefined)
    throw new RangeError("A trace of which nothing is known has no row.");

  const start = startOf(first, client);
  const end = latest(
    start,
    byTime.map((span) => span.endTimeUnixNano),
  );
  const state = facts.state ?? stateOf(roots);
  const tree = new SpanTree(byTime);
  const tags = joinMaps([client?.tags, ...byWeight.map((span) => span.traceTags)]);
  const metadata = joinMaps([client?.metadata, ...byWeight.map((span) => span.traceMetadata)]);
  const usage = tree.total((span) => span.usage, addUsage, largerUsage) ?? saidUsage(metadata);
  const costUsd = tree.total((span) => span.costUsd, add, Math.max) ?? saidCost(metadata);

  return {
    experimentId,
    traceId,
    startUs: start / 1000n,
    durationUs: facts.durationUs === undefined ? (end - start) / 1000n : BigInt(facts.durationUs),
    name: facts.name ?? byWeight[0]?.name ?? "",
    state,
    sessionId: client?.metadata[TRACE_FACT_KEYS.sessionId] ?? firstText(byWeight, (span) => span.sessionId),
    userId: client?.metadata[TRACE_FACT_KEYS.userId] ?? firstText(byWeight, (span) => span.userId),
    clientRequestId: facts.clientRequestId ?? metadata[CLIENT_REQUEST_ID_KEY] ?? "",
    version: metadata[TRACE_FACT_KEYS.version] ?? tags["service.version"] ?? metadata[TRACE_FACT_KEYS.modelId] ?? "",
    source: metadata[TRACE_FACT_KEYS.source] ?? firstText(byWeight, (span) => span.service),
    models: modelsOf(byTime),
    spanCount: byTime.length,
    ...(usage !== undefined && { usage }),
    ...(costUsd !== undefined && { costUsd }),
    requestPreview: facts.requestPreview ?? firstText(roots, (span) => span.requestPreview),
    responsePreview: facts.responsePreview ?? firstText(roots, (span) => span.responsePreview),
    failure: state === "ERROR" ? tree.deepestFailure() : "",
    tags,
    metadata,
  };
}

/** Where the row of a trace lies in time, in microseconds: the start that `summarizeTrace` gives it. */
export function startOfTrace({ spans, client }: KnownTrace): bigint {
  let first: SummarySpan | undefined;
  for (const span of spans.values()) {
    if (first === undefined || span.startTimeUnixNano < first.startTimeUnixNano) first = span;
  }
  return startOf(first, client) / 1000n;
}

/** Nanoseconds: as the client said, else the start of the earliest span, else when the client said anything at all. */
function startOf(first: SummarySpan | undefined, client: KnownClientInfo | undefined): bigint {
  if (client?.facts.requestTimeUs !== undefined) return BigInt(client.facts.requestTimeUs) * 1000n;
  return first?.startTimeUnixNano ?? (client?.receivedUs ?? 0n) * 1000n;
}

function byStartThenId(left: SummarySpan, right: SummarySpan): number {
  if (left.startTimeUnixNano !== right.startTimeUnixNano) {
    return left.startTimeUnixNano < right.startTimeUnixNano ? -1 : 1;
  }
  return left.spanId < right.spanId ? -1 : left.spanId > right.spanId ? 1 : 0;
}

function stateOf(roots: readonly SummarySpan[]): TraceRow["state"] {
  const ended = roots.filter((root) => root.endTimeUnixNano !== 0n);
  if (ended.length === 0) return "IN_PROGRESS";
  return ended.some((root) => root.statusCode === "ERROR") ? "ERROR" : "OK";
}

function firstText(spans: readonly SummarySpan[], read: (span: SummarySpan) => string): string {
  for (const span of spans) {
    const text = read(span);
    if (text !== "") return text;
  }
  return "";
}

/** Entries of all maps; of equal keys the earlier map's. */
function joinMaps(maps: readonly (Readonly<Record<string, string>> | undefined)[]): Record<string, string> {
  const joined = new Map<string, string>();
  for (const map of maps) {
    for (const key in map) if (!joined.has(key)) joined.set(key, map[key] ?? "");
  }
  return Object.fromEntries(joined);
}

function modelsOf(spans: readonly SummarySpan[]): string[] {
  const models = new Set<string>();
  for (const { model } of spans) if (model !== "") models.add(model);
  return [...models].sort();
}

function add(left: number, right: number): number {
  return left + right;
}

/**
 * Token counts that MLflow's clients put into the metadata of a trace.
 *
 * @see MLflow 3.17, mlflow/tracing/constant.py: TraceMetadataKey.TOKEN_USAGE, TokenUsageKey
 */
function saidUsage(metadata: Readonly<Record<string, string>>): TokenUsage | undefined {
  const counts = saidObject(metadata["mlflow.trace.tokenUsage"]);
  const inputTokens = saidNumber(counts?.["input_tokens"]);
  const outputTokens = saidNumber(counts?.["output_tokens"]);
  if (inputTokens === undefined || outputTokens === undefined) return undefined;
  const cacheRead = saidNumber(counts?.["cache_read_input_tokens"]);
  const cacheCreation = saidNumber(counts?.["cache_creation_input_tokens"]);
  return {
    inputTokens,
    outputTokens,
    totalTokens: saidNumber(counts?.["total_tokens"]) ?? inputTokens + outputTokens,
    ...(cacheRead !== undefined && { cacheReadInputTokens: cacheRead }),
    ...(cacheCreation !== undefined && { cacheCreationInputTokens: cacheCreation }),
  };
}

/** US dollars. @see MLflow 3.17, mlflow/tracing/constant.py: TraceMetadataKey.COST, CostKey */
function saidCost(metadata: Readonly<Record<string, string>>): number | undefined {
  return saidNumber(saidObject(metadata["mlflow.trace.cost"])?.["total_cost"]);
}

function saidObject(json: string | undefined): Readonly<Record<string, unknown>> | undefined {
  const value = json === undefined ? undefined : parseJson(json);
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
}

function saidNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

function addUsage(left: TokenUsage, right: TokenUsage): TokenUsage {
  const sum = { ...left };
  for (const [kind, tokens] of Object.entries(right) as [keyof TokenUsage, number][]) {
    sum[kind] = (sum[kind] ?? 0) + tokens;
  }
  return sum;
}

/** The span's own usage unless its descendants used more; parts that only they report are kept. */
function largerUsage(own: TokenUsage, below: TokenUsage): TokenUsage {
  return own.totalTokens >= below.totalTokens ? { ...below, ...own } : below;
}

/** The spans as trees under the roots, the orphans and, if parents form a ring, the earliest span of the ring. */
class SpanTree {
  readonly #spans: readonly SummarySpan[];
  /** Indexes of `#spans`, parents before children. */
  readonly #order: number[] = [];
  /** For each span the index of its parent in the tree; -1 at a top. */
  readonly #parents: Int32Array;
  readonly #depths: Int32Array;

  // Arrays of indexes instead of objects: five times faster, and a trace of 30,000 spans is summed at each of its batches.
  constructor(byTime: readonly SummarySpan[]) {
    const count = byTime.length;
    this.#spans = byTime;
    this.#parents = new Int32Array(count).fill(-1);
    this.#depths = new Int32Array(count);

    const indexes = new Map<string, number>();
    for (const [index, span] of byTime.entries()) indexes.set(span.spanId, index);
    const firstChild = new Int32Array(count).fill(-1);
    const nextSibling = new Int32Array(count).fill(-1);
    const tops: number[] = [];
    // From the last, so that children are listed in order of time.
    for (let index = count - 1; index >= 0; index--) {
      const parent = indexes.get(byTime[index]?.parentSpanId ?? "");
      if (parent === undefined) {
        tops.push(index);
      } else {
        nextSibling[index] = at(firstChild, parent);
        firstChild[parent] = index;
      }
    }

    const seen = new Uint8Array(count);
    const visit = (index: number, parent: number, depth: number) => {
      seen[index] = 1;
      this.#parents[index] = parent;
      this.#depths[index] = depth;
      this.#order.push(index);
    };
    /** A list instead of recursion: chains of 10,000 spans exist. */
    const visitBelow = (top: number) => {
      if (seen[top] === 1) return;
      let next = this.#order.length;
      // An orphan has a parent somewhere, so it is not at the depth of a root.
      visit(top, -1, byTime[top]?.parentSpanId === "" ? 0 : 1);
      for (let node = this.#order[next]; node !== undefined; next += 1, node = this.#order[next]) {
        for (let child = at(firstChild, node); child !== -1; child = at(nextSibling, child)) {
          if (seen[child] === 0) visit(child, node, at(this.#depths, node) + 1);
        }
      }
    };
    for (const top of tops.reverse()) visitBelow(top);
    // What no top leads to is in a ring.
    for (let index = 0; index < count; index++) visitBelow(index);
  }

  /**
   * Sum over the trees in which a span counts with its own value or with the sum of its descendants, whichever is larger.
   *
   * Agents and chains often report the sum of their model calls, and two instrumentations report one call twice, one inside
   * the other: adding them would double. MLflow lets a span hide its descendants, which is the same whenever the span's value
   * includes them; where it does not (a parent that counts only its own steps but not the sub-agents its tools started), the
   * larger value is closer to what was used.
   */
  total<Value>(
    read: (span: SummarySpan) => Value | undefined,
    add: (left: Value, right: Value) => Value,
    larger: (own: Value, below: Value) => Value,
  ): Value | undefined {
    const spans = this.#spans;
    const sums = new Array<Value | undefined>(spans.length).fill(undefined);
    let whole: Value | undefined;
    // From the last child back, so that every sum is whole before it is used.
    for (let place = this.#order.length - 1; place >= 0; place--) {
      const index = this.#order[place] ?? 0;
      const span = spans[index];
      const own = span && read(span);
      const below = sums[index];
      const value = own === undefined ? below : below === undefined ? own : larger(own, below);
      if (value === undefined) continue;
      const parent = at(this.#parents, index);
      const sum = parent === -1 ? whole : sums[parent];
      const added = sum === undefined ? value : add(sum, value);
      if (parent === -1) whole = added;
      else sums[parent] = added;
    }
    return whole;
  }

  /** Text of the deepest span that failed with a text; of several the earliest's. "" if there is none. */
  deepestFailure(): string {
    let failure = "";
    let deepest = -1;
    // In order of time: a later span of the same depth does not replace an earlier one.
    this.#spans.forEach((span, index) => {
      const depth = at(this.#depths, index);
      if (span.failure === "" || depth <= deepest) return;
      failure = span.failure;
      deepest = depth;
    });
    return failure;
  }
}

/** An element that is there. */
function at(array: Int32Array, index: number): number {
  return array[index] ?? -1;
}
