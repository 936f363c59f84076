/**
 * What a command that takes long shows meanwhile: what it does, how far it is, how long it has taken.
 */

export interface Progress {
  /** Shows how far it is; drawn a few times a second at most. @param share  0 to 1; absent = not known */
  update(sentence: string, share?: number): void;
  /** A step that stays on the screen. */
  step(sentence: string): void;
  /** Takes the moving line away. */
  end(): void;
}

export interface ProgressOptions {
  /** Default: standard error. */
  readonly output?: { readonly isTTY?: boolean; write(text: string): unknown };
  /** Milliseconds; default `performance.now`. */
  readonly now?: () => number;
}

const TERMINAL_MS = 200;
/** Into a log a line now and then is enough. */
const LOG_MS = 10_000;

/** A moving line on a terminal, a line now and then elsewhere. */
export function showProgress({
  output = process.stderr,
  now = () => performance.now(),
}: ProgressOptions = {}): Progress {
  const started = now();
  let drawn = output.isTTY ? Number.NEGATIVE_INFINITY : started;
  let isLineOpen = false;
  const clear = () => {
    if (isLineOpen) output.write("\r\x1b[2K");
    isLineOpen = false;
  };
  return {
    update(sentence, share) {
      const time = now();
      if (time - drawn < (output.isTTY ? TERMINAL_MS : LOG_MS)) return;
      drawn = time;
      const text = [sentence, share === undefined ? "" : `${Math.floor(share * 100)} %`, duration(time - started)];
      const line = text.filter((part) => part !== "").join(", ");
      clear();
      output.write(output.isTTY ? line : `${line}\n`);
      isLineOpen = output.isTTY === true;
    },
    step(sentence) {
      clear();
      output.write(`${sentence}\n`);
    },
    end: clear,
  };
}

/** Shows nothing. */
export const silent: Progress = { update: () => undefined, step: () => undefined, end: () => undefined };

/** `12 s`, `3 min 5 s` */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** `1.2 MB` */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** `1,234 traces`, `1 trace` */
export function countOf(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}
