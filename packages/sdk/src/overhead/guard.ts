/**
 * Keeps tracing within a budget: when the SDK's own work on the user's path takes more than its share of a core, less is recorded.
 *
 * Three modes, left one step at a time: `full`, `previews` (inputs and outputs are cut to 1 KB), `sampling` (besides, one root in
 * ten is recorded). No clock of its own: times are handed in, so that every step can be tested.
 */

/** What is recorded: everything; beginnings of inputs and outputs; those of one trace in ten. */
export type OverheadMode = "full" | "previews" | "sampling";

const MODES: readonly OverheadMode[] = ["full", "previews", "sampling"];

/** What a snapshot keeps in the modes `previews` and `sampling`. */
export const PREVIEW_LIMITS = { maxNodes: 200, maxBytes: 1024, maxDepth: 10, maxBinaryBytes: 1024 } as const;

/** One root in so many is recorded in the mode `sampling`. */
export const SAMPLED_ROOTS = 10;

/** The budget holds over this time: short bursts (a start, one huge payload) are what a user would not notice. */
const WINDOW_MS = 10_000;
/** The window moves in steps of this. */
const SLOT_MS = 1_000;
const SLOTS = WINDOW_MS / SLOT_MS;
/** Calm is less than this part of the budget: at the budget itself the modes would alternate. */
const CALM_PART = 0.5;
/** So long it must be calm before a step back. */
const CALM_MS = 30_000;
/** A step back that was wrong doubles the wait for the next one, up to so many times. */
const MAX_PATIENCE = 16;

export interface OverheadGuardOptions {
  /** Share of one core, e.g. 0.05; undefined = no guard, the mode stays `full`. */
  readonly budget: number | undefined;
  /** Milliseconds on the clock that all calls use. */
  readonly nowMs: number;
  /** Called at every step, with the share of a core that led to it. */
  readonly onStep: (step: { readonly from: OverheadMode; readonly to: OverheadMode; readonly share: number }) => void;
}

export class OverheadGuard {
  readonly budget: number | undefined;
  readonly #onStep: OverheadGuardOptions["onStep"];
  readonly #limitMs: number;
  /** Milliseconds of work in each second of the window; a ring. */
  readonly #slots = new Float64Array(SLOTS);
  #slot = 0;
  #slotEndMs: number;
  #sumMs = 0;
  #level = 0;
  #calmSinceMs: number;
  /** Of the last step up, until the next step down has judged it. */
  #steppedUpMs: number | undefined;
  #patience = 1;

  constructor({ budget, nowMs, onStep }: OverheadGuardOptions) {
    this.budget = budget;
    this.#onStep = onStep;
    this.#limitMs = budget === undefined ? Number.POSITIVE_INFINITY : budget * WINDOW_MS;
    this.#slotEndMs = nowMs + SLOT_MS;
    this.#calmSinceMs = nowMs;
  }

  get mode(): OverheadMode {
    return MODES[this.#level] ?? "sampling";
  }

  /** Counts `durationMs` of work that ended at `nowMs`; steps down when the window's sum is over the budget. */
  add(nowMs: number, durationMs: number): void {
    if (nowMs >= this.#slotEndMs) this.#advance(nowMs);
    this.#sumMs += durationMs;
    this.#slots[this.#slot] = (this.#slots[this.#slot] ?? 0) + durationMs;
    if (this.#sumMs > this.#limitMs) this.#stepDown(nowMs);
  }

  /** Lets time pass without work; steps up when it has been calm for long enough. */
  pass(nowMs: number): void {
    if (nowMs >= this.#slotEndMs) this.#advance(nowMs);
  }

  #advance(nowMs: number): void {
    const steps = Math.floor((nowMs - this.#slotEndMs) / SLOT_MS) + 1;
    this.#slotEndMs += steps * SLOT_MS;
    for (let step = 0; step < Math.min(steps, SLOTS); step += 1) {
      this.#slot = (this.#slot + 1) % SLOTS;
      this.#slots[this.#slot] = 0;
    }
    // Added up anew: differences of doubles would drift over days.
    this.#sumMs = this.#slots.reduce((sum, slot) => sum + slot, 0);
    this.#stepUpIfCalm(nowMs);
  }

  #stepUpIfCalm(nowMs: number): void {
    if (this.#level === 0) return;
    if (this.#sumMs > this.#limitMs * CALM_PART) {
      this.#calmSinceMs = nowMs;
      return;
    }
    if (nowMs - this.#calmSinceMs < CALM_MS * this.#patience) return;
    this.#steppedUpMs = nowMs;
    this.#step(nowMs, this.#level - 1);
  }

  #stepDown(nowMs: number): void {
    if (this.#steppedUpMs !== undefined) {
      // Broken again soon after a step up: that step was wrong, the next one waits longer.
      const isRelapse = nowMs - this.#steppedUpMs < CALM_MS * this.#patience;
      this.#patience = isRelapse ? Math.min(MAX_PATIENCE, this.#patience * 2) : 1;
      this.#steppedUpMs = undefined;
    }
    // At the last level nothing more can be left out; the window starts again, so that this is not decided at every call.
    this.#step(nowMs, Math.min(MODES.length - 1, this.#level + 1));
  }

  #step(nowMs: number, level: number): void {
    const from = this.mode;
    const share = this.#sumMs / WINDOW_MS;
    this.#level = level;
    // Each mode is judged by its own work.
    this.#slots.fill(0);
    this.#sumMs = 0;
    this.#calmSinceMs = nowMs;
    if (this.mode !== from) this.#onStep({ from, to: this.mode, share });
  }
}
