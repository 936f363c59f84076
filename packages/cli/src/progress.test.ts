import { expect, test } from "vitest";
import { countOf, duration, megabytes, showProgress } from "./progress.ts";

function recorder(isTTY: boolean) {
  let text = "";
  let now = 0;
  const progress = showProgress({
    output: {
      isTTY,
      write: (piece: string) => {
        text += piece;
      },
    },
    now: () => now,
  });
  return { progress, text: () => text, pass: (ms: number) => (now += ms) };
}

test("on a terminal one line moves, and steps stay", () => {
  const { progress, text, pass } = recorder(true);
  progress.step("Begin.");
  progress.update("Copying", 0.256);
  progress.update("too soon", 0.3);
  pass(65_000);
  progress.update("Copying", 0.5);
  progress.end();
  progress.end();
  expect(text()).toBe("Begin.\nCopying, 25 %, 0 s\r\x1b[2KCopying, 50 %, 1 min 5 s\r\x1b[2K");
});

test("elsewhere there is a line now and then", () => {
  const { progress, text, pass } = recorder(false);
  for (let second = 0; second < 25; second++) {
    pass(1000);
    progress.update("Copying");
  }
  progress.end();
  expect(text()).toBe("Copying, 10 s\nCopying, 20 s\n");
});

test("numbers for people", () => {
  expect([duration(59_400), megabytes(1_234_567), countOf(1, "row"), countOf(12_345, "row")]).toEqual([
    "59 s",
    "1.2 MB",
    "1 row",
    "12,345 rows",
  ]);
});
