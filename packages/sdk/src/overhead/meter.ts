/**
 * Times the SDK's own work on the user's path: what tracing costs the program, shown by `stats().overhead`.
 *
 * On the path of every span: two readings of the clock and sums, nothing is allocated.
 */
import { sayOnce, warnOnce } from "../diagnostics.ts";
import { sharedPart } from "../shared-state.ts";
import { OverheadGuard, type OverheadMode } from "./guard.ts";

/** Token of a call inside another one; the outer call has its time. */
const NESTED = -1;

/** Durations are counted in units of 1/16 µs: the first bucket ends far below what any step takes. */
const UNITS_PER_MS = 16_000;
const MAX_UNITS = 2 ** 31 - 1;
/** Four buckets for each power of two: a quantile is right within 13 %. */
const BUCKETS = 32 * 4;

/** What tracing costs the program on its own path. */
export interface OverheadStats {
  readonly mode: OverheadMode;
  /** How often the SDK worked on the user's path. */
  readonly calls: number;
  /** Milliseconds of it, all together. */
  readonly totalMs: number;
  /** The longest, in milliseconds. */
  readonly maxMs: number;
  /** Half of the calls were shorter; within 13 %. */
  readonly p50Ms: number;
  /** 99 of 100 calls were shorter; within 13 %. */
  readonly p99Ms: number;
  /** Share of one core, as set by `init({ overheadBudget })`. */
  readonly budget?: number;
}

export class OverheadMeter {
  readonly #now: () => number;
  readonly #buckets = new Uint32Array(BUCKETS);
  #guard: OverheadGuard;
  #isRunning = false;
  #calls = 0;
  #totalMs = 0;
  #maxMs = 0;

  /** @param now  milliseconds that only go forward; default `performance.now` */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#guard = this.#newGuard(undefined);
  }

  /** What may be recorded now. */
  get mode(): OverheadMode {
    return this.#guard.mode;
  }

  /** Milliseconds of the SDK's work on the user's path so far. */
  get totalMs(): number {
    return this.#totalMs;
  }

  /** Sets the share of one core that tracing may take; undefined = any. The mode is `full` again. */
  setBudget(budget: number | undefined): void {
    if (budget !== this.#guard.budget) this.#guard = this.#newGuard(budget);
  }

  /**
   * The SDK's work begins. Its end must be told in any case (`finally`), and before anything is awaited.
   *
   * @returns what `end` wants to have
   */
  begin(): number {
    if (this.#isRunning) return NESTED;
    this.#isRunning = true;
    const now = this.#now();
    this.#guard.pass(now);
    return now;
  }

  /** The work that `begin` returned `token` for is over. Calls inside other ones count with these, once. */
  end(token: number): void {
    if (token === NESTED) return;
    this.#isRunning = false;
    const now = this.#now();
    const duration = now - token;
    this.#calls += 1;
    this.#totalMs += duration;
    if (duration > this.#maxMs) this.#maxMs = duration;
    const bucket = bucketOf(duration);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#guard.add(now, duration);
  }

  /** The numbers since the process began. */
  stats(): OverheadStats {
    this.#guard.pass(this.#now());
    const { budget, mode } = this.#guard;
    return {
      mode,
      calls: this.#calls,
      totalMs: this.#totalMs,
      maxMs: this.#maxMs,
      p50Ms: this.#quantile(0.5),
      p99Ms: this.#quantile(0.99),
      ...(budget !== undefined && { budget }),
    };
  }

  #quantile(q: number): number {
    let left = q * this.#calls;
    for (const [bucket, count] of this.#buckets.entries()) {
      left -= count;
      if (count > 0 && left <= 0) return Math.min(middleOf(bucket), this.#maxMs);
    }
    return this.#maxMs;
  }

  #newGuard(budget: number | undefined): OverheadGuard {
    return new OverheadGuard({ budget, nowMs: this.#now(), onStep: (step) => say(step, budget ?? 0) });
  }
}

/** The meter of this process. */
export const overhead: OverheadMeter = sharedPart("overhead", () => new OverheadMeter());

/** The leading bit of the duration and the two bits behind it. */
function bucketOf(durationMs: number): number {
  const units = Math.max(4, Math.min(MAX_UNITS, durationMs * UNITS_PER_MS)) | 0;
  const exponent = 31 - Math.clz32(units);
  return exponent * 4 + ((units >> (exponent - 2)) & 3);
}

function middleOf(bucket: number): number {
  const exponent = bucket >> 2;
  return ((4 + (bucket & 3) + 0.5) * 2 ** (exponent - 2)) / UNITS_PER_MS;
}

const leftOut: Readonly<Record<OverheadMode, string>> = {
  full: "Inputs and outputs are recorded as they are again.",
  previews: "Inputs and outputs are cut to 1 KB until it has been calm for a while.",
  sampling: "One trace in ten is recorded, with inputs and outputs cut to 1 KB, until it has been calm for a while.",
};

function say({ to, share }: { readonly to: OverheadMode; readonly share: number }, budget: number): void {
  if (to === "full") {
    sayOnce("overhead:full", "info", `Tracing is within its budget again. ${leftOut.full}`);
    return;
  }
  const message =
    `Tracing took ${percent(share)} of a core over 10 s; init({ overheadBudget }) allows ${percent(budget)}. ` +
    `${leftOut[to]} stats().overhead shows the mode.`;
  if (to === "previews") warnOnce("overhead", message);
  else sayOnce(`overhead:${to}`, "warn", message);
}

function percent(share: number): string {
  return `${(share * 100).toLocaleString("en-US", { maximumSignificantDigits: 2 })} %`;
}
