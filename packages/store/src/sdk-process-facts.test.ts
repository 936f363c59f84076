import { SDK_MODES } from "@sightline/wire/model/sdk-process";
import { formatSequences, parseSequences, type Sequences } from "@sightline/wire/sequence-ranges";
import fc from "fast-check";
import { expect, test } from "vitest";
import { countUnreceived, mergeFacts, type Settled, settle } from "./sdk-process-facts.ts";
import { MAX_EXPERIMENTS, OVERDUE_MS, type SdkProcessFacts } from "./sdk-processes.ts";

const facts: SdkProcessFacts = {
  instanceId: "0b0e9a3c-5f0e-4f0a-9d55-000000000001",
  service: "checkout",
  host: "web-1",
  pid: 42,
  runtime: "node 20.20.0",
  sdkVersion: "0.1.0",
  startMs: 1000,
  lastSeenMs: 2000,
  isFinal: false,
  ended: 0,
  received: [],
  isExact: true,
  dropped: { queueFull: 0, refused: 0, unsentAtExit: 0, broken: 0 },
  truncations: 0,
  retries: 0,
  failures: 0,
  mode: "full",
  overheadMs: 0,
  experimentIds: [],
};

const sequences = (text: string): Sequences => parseSequences(text) as Sequences;

const small = fc.nat(20);
/** Reports as a process may send them; what stays the same in a process is the same in all. */
const reports = fc
  .record({
    lastSeenMs: small,
    isFinal: fc.boolean(),
    // The two by which reports are ordered rise together.
    progress: small,
    received: fc.uniqueArray(fc.integer({ min: 1, max: 20 })).map((values) => sequences(values.join(","))),
    dropped: fc.record({ queueFull: small, refused: small, unsentAtExit: small, broken: small }),
    truncations: small,
    retries: small,
    failures: small,
    mode: fc.constantFrom(...SDK_MODES),
    experimentIds: fc.uniqueArray(fc.constantFrom("0", "1", "2")),
  })
  .map(
    ({ progress, ...some }): SdkProcessFacts => ({
      ...facts,
      ...some,
      ended: Math.ceil(progress / 2),
      overheadMs: progress,
    }),
  );

/** The order in which experiments were heard of says nothing. */
const plain = (some: SdkProcessFacts) => ({ ...some, experimentIds: [...some.experimentIds].sort() });

test("reports add up to the same in any order, and however often each comes", () => {
  fc.assert(
    fc.property(reports, reports, reports, (a, b, c) => {
      const all = plain(mergeFacts(mergeFacts(a, b), c));
      for (const order of [
        [a, c, b],
        [b, a, c],
        [c, b, a],
        [a, a, b, c, b],
        [c, b, c, a, a],
      ]) {
        expect(plain(order.reduce(mergeFacts))).toEqual(all);
      }
      expect(plain(mergeFacts(a, mergeFacts(b, c)))).toEqual(all);
    }),
  );
});

test("the mode is that of the report in which the process had counted most, not of the one that came last", () => {
  const before = { ...facts, ended: 5, overheadMs: 3, mode: "full", lastSeenMs: 9000 } as const;
  const after = { ...facts, ended: 6, overheadMs: 4, mode: "previews", lastSeenMs: 8000 } as const;
  expect(mergeFacts(before, after)).toMatchObject({ mode: "previews", lastSeenMs: 9000, ended: 6 });
  expect(mergeFacts(after, before)).toMatchObject({ mode: "previews", lastSeenMs: 9000, ended: 6 });
});

test("gaps beyond the bound are filled, which is said from then on; as many experiments as there is room for", () => {
  const odd = sequences(Array.from({ length: 6000 }, (_, index) => 2 * index + 1).join(","));
  const merged = mergeFacts({ ...facts, received: odd }, facts);
  expect(merged.received).toHaveLength(5000);
  expect(merged.isExact).toBe(false);
  expect(mergeFacts(merged, facts).isExact).toBe(false);
  const many = Array.from({ length: 50 }, (_, index) => String(index));
  expect(mergeFacts({ ...facts, experimentIds: many }, facts).experimentIds).toHaveLength(MAX_EXPERIMENTS);
});

test("a span that ended in time and has not come is overdue once it has had its time; what ended since is not", () => {
  const hear = (before: Settled | undefined, some: Partial<SdkProcessFacts>) => {
    const now = { ...facts, ...some };
    const settled = settle(now, before);
    return { settled, ...countUnreceived(now, settled) };
  };
  const start = 1_000_000;
  const first = hear(undefined, { ended: 10, received: sequences("1-7"), lastSeenMs: start });
  expect(first).toMatchObject({ unreceived: 3, overdue: 0 });
  const soon = hear(first.settled, { ended: 20, received: sequences("1-7"), lastSeenMs: start + OVERDUE_MS - 1 });
  expect(soon).toMatchObject({ unreceived: 13, overdue: 0 });
  const later = hear(soon.settled, { ended: 30, received: sequences("1-7,11-19"), lastSeenMs: start + OVERDUE_MS });
  // 8 to 10 had ended at the first report; 20 to 30 had not.
  expect(later).toMatchObject({ unreceived: 14, overdue: 3 });
  const healed = hear(later.settled, { ended: 30, received: sequences("1-30"), lastSeenMs: start + OVERDUE_MS + 1 });
  expect(healed).toMatchObject({ unreceived: 0, overdue: 0 });
  // A replay tells old news.
  expect(settle({ ...facts, ended: 10, lastSeenMs: start }, later.settled)).toEqual(later.settled);
});

test("the text of ranges is what is kept of them", () => {
  const merged = mergeFacts({ ...facts, received: sequences("1-3,7") }, { ...facts, received: sequences("4,9-10") });
  expect(formatSequences(merged.received)).toBe("1-4,7,9-10");
});
