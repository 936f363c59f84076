import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { whyNearlyFull } from "./disk-guard.ts";

test("a disk with less than the minimum free is nearly full, and a sentence says what to do", async () => {
  expect(await whyNearlyFull(tmpdir(), 0)).toBeUndefined();
  expect(await whyNearlyFull(tmpdir(), 2 ** 52)).toMatch(
    /^The disk of the data directory has \d+ MB free, under the 4503599627 MB of SIGHTLINE_MIN_FREE_DISK_BYTES; no spans are taken\. Make room/,
  );
});
