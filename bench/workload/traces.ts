/**
 * What the traces of the workload are: every fact of trace number `index` follows from the index, on every machine.
 */
import { fraction, hash, writeUnique } from "./random.ts";
import type { Script } from "./text.ts";

export const SPANS_PER_TRACE = 8;

/** Traces whose index is below this one are seeded; those that only load the server lie above and hold no rare word. */
export const FIRST_LOAD_INDEX = 1_000_000_000;

/** A seeded trace every so many milliseconds, going back in time: 5 million spans are 30 days. */
const SEED_INTERVAL_MS = (30 * 86_400_000 * SPANS_PER_TRACE) / 5_000_000;

/** Of so many seeded traces one holds the rare word, and another one the Chinese rare word, each in one span. */
const RARE_EVERY = 2500;
const RARE_AT = 250;
const RARE_ZH_AT = 750;

export const agents = ["support-agent", "research-agent", "coding-agent", "sales-agent", "triage-agent", "data-agent"];
export const models = ["gpt-4o-mini", "gpt-4o", "claude-sonnet-4-5", "gemini-2.5-flash"];

export interface TraceFacts {
  readonly index: number;
  /** 16 bytes. */
  readonly traceId: Buffer;
  readonly agent: number;
  readonly model: number;
  /** 5 %. */
  readonly failed: boolean;
  /** 2 % Chinese, 1 % Japanese. */
  readonly script: Script;
  /** `canary` in 10 %. Both have six letters. */
  readonly env: "canary" | "stable";
  /** `page` in 0.1 %. */
  readonly severity: "page" | "none";
  /** About six traces a session. */
  readonly session: string;
  readonly user: string;
  readonly startMs: number;
  /** Log-normal around 2.5 s. */
  readonly durationMs: number;
  readonly rare: "en" | "zh" | undefined;
}

/** Facts of a seeded trace. @param newestMs  start of trace 0, milliseconds since the epoch; the others are older */
export function seededTrace(index: number, newestMs: number): TraceFacts {
  const startMs = newestMs - (index + fraction(index, 20)) * SEED_INTERVAL_MS;
  const rest = index % RARE_EVERY;
  return describe(index, startMs, rest === RARE_AT ? "en" : rest === RARE_ZH_AT ? "zh" : undefined);
}

/** Milliseconds since the epoch before which no seeded trace started. */
export function oldestMs(traces: number, newestMs: number): number {
  return newestMs - (traces + 1) * SEED_INTERVAL_MS;
}

/** Facts of a trace that only loads the server and starts now. @param index  at least {@link FIRST_LOAD_INDEX} */
export function loadTrace(index: number): TraceFacts {
  return describe(index, Date.now(), undefined);
}

/** How many of the first `traces` seeded traces hold each rare word. */
export function rareTraces(traces: number): { readonly en: number; readonly zh: number } {
  const count = (at: number) => Math.max(0, Math.ceil((traces - at) / RARE_EVERY));
  return { en: count(RARE_AT), zh: count(RARE_ZH_AT) };
}

/** The number of the large trace with `spanCount` spans: above the ordinary seeded ones, below those of loads. */
export function largeTraceIndex(spanCount: number): number {
  return 900_000_000 + spanCount;
}

/** An id as the API writes it. */
export function traceIdText(traceId: Buffer): string {
  return `tr-${traceId.toString("hex")}`;
}

function describe(index: number, startMs: number, rare: "en" | "zh" | undefined): TraceFacts {
  const script = fraction(index, 5);
  const normal = Math.sqrt(-2 * Math.log(1 - fraction(index, 6))) * Math.cos(2 * Math.PI * fraction(index, 7));
  return {
    index,
    traceId: traceIdOf(index),
    agent: hash(index, 1) % agents.length,
    model: hash(index, 2) % models.length,
    failed: fraction(index, 3) < 0.05,
    script: rare ?? (script < 0.02 ? "zh" : script < 0.03 ? "ja" : "en"),
    env: fraction(index, 8) < 0.1 ? "canary" : "stable",
    severity: fraction(index, 9) < 0.001 ? "page" : "none",
    session: `s-${String(Math.floor(index / 6) % 1e10).padStart(10, "0")}`,
    user: `u-${String(hash(Math.floor(index / 6), 10) % 20_000).padStart(6, "0")}`,
    startMs,
    durationMs: 2500 * Math.exp(0.8 * normal),
    rare,
  };
}

/** 8 bytes from the index alone, 8 mixed ones before them: different for every index. */
export function traceIdOf(index: number): Buffer {
  const id = Buffer.alloc(16);
  id.writeUInt32BE(hash(index, 11), 0);
  id.writeUInt32BE(hash(index, 12), 4);
  writeUnique(index, id, 8);
  return id;
}
