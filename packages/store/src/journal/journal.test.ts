import { mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Journal, type JournalOptions } from "./journal.ts";
import { openSegmentFile, type SegmentFile } from "./segment-files.ts";

let dir: string;
let events: string[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "sightline-journal-"));
  events = [];
});
const opened: Journal[] = [];
afterEach(async () => {
  for (const journal of opened.splice(0)) await journal.close();
  await rm(dir, { recursive: true, force: true });
});

const openJournal = async (options: Partial<JournalOptions> = {}) => {
  const journal = await Journal.open({ dir, onEvent: (sentence) => events.push(sentence), ...options });
  opened.push(journal);
  return journal;
};
const bytes = (text: string) => [Buffer.from(text)];
const segments = async () => (await readdir(dir)).filter((name) => name.endsWith(".journal")).sort();
const contents = async (journal: Journal) => (await journal.read(journal.unreleased)).map(String);

/** Leaves the files as they are, as a crash does: nothing is released, nothing tidied. */
async function crashAfter(texts: readonly string[], options: Partial<JournalOptions> = {}): Promise<void> {
  const journal = await openJournal(options);
  for (const text of texts) await journal.append(1, bytes(text));
}

test("what was appended and not released is there after a crash, in order", async () => {
  const journal = await openJournal();
  await Promise.all(["a", "b", "c", "d"].map((text) => journal.append(7, bytes(text))));
  const [a] = await journal.read([{ seq: 1, segment: 1, offset: 8, length: 1, type: 7 }]);
  expect(String(a)).toBe("a");
  journal.release(2);
  await journal.checkpoint();

  for (const _ of ["the first", "a second"]) {
    const again = await openJournal();
    expect(await contents(again)).toEqual(["c", "d"]);
    expect(again.unreleased.map(({ seq, type }) => [seq, type])).toEqual([
      [3, 7],
      [4, 7],
    ]);
    expect(again.stats()).toMatchObject({ entries: 2, damagedBytes: 0 });
  }
  expect(events).toEqual([]);
});

test("payloads in parts come back as one, empty ones as empty", async () => {
  const journal = await openJournal();
  const refs = [
    await journal.append(1, [Buffer.from("head"), Buffer.from("-"), Buffer.from("body")]),
    await journal.append(1, []),
    await journal.append(1, [Buffer.alloc(100_000, "x")]),
  ];
  expect((await journal.read(refs)).map((payload) => payload.length)).toEqual([9, 0, 100_000]);
});

test("when everything is released and the journal closed, no file is left", async () => {
  const journal = await openJournal({ segmentBytes: 100 });
  for (const text of ["a", "b", "c", "d", "e"]) await journal.append(1, bytes(text.repeat(50)));
  journal.release(5);
  await journal.close();
  expect(await segments()).toEqual([]);
  expect((await openJournal()).unreleased).toEqual([]);
});

test("a journal closed with entries left keeps them and forgets the rest", async () => {
  const journal = await openJournal();
  for (const text of ["a", "b"]) await journal.append(1, bytes(text));
  journal.release(1);
  await journal.close();
  expect(await contents(await openJournal())).toEqual(["b"]);
  await expect(journal.append(1, bytes("c"))).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
});

test("segments are removed once all their entries are released", async () => {
  const journal = await openJournal({ segmentBytes: 200 });
  for (let index = 0; index < 6; index += 1) await journal.append(1, bytes("x".repeat(80)));
  expect(await segments()).toHaveLength(3);
  journal.release(5);
  await journal.checkpoint();
  await journal.append(1, bytes("y"));
  await journal.close();
  expect(await contents(await openJournal())).toEqual(["x".repeat(80), "y"]);
  expect(await segments()).not.toContain("000000000001.journal");
});

test("what a release says is known after a crash only with a checkpoint or a later append", async () => {
  const journal = await openJournal();
  for (const text of ["a", "b"]) await journal.append(1, bytes(text));
  journal.release(1);
  expect(await contents(await openJournal())).toEqual(["a", "b"]);
  await journal.append(1, bytes("c"));
  expect(await contents(await openJournal())).toEqual(["b", "c"]);
});

describe("a crash in the middle of a write", () => {
  test("cuts the last entry off at whatever byte it ended, and keeps the others", async () => {
    await crashAfter(["first", "second"]);
    const [name = ""] = await segments();
    const whole = await readFile(join(dir, name));
    const lastStart = whole.length - (40 + "second".length);
    for (let length = lastStart; length < whole.length; length += 1) {
      await writeFile(join(dir, name), whole.subarray(0, length));
      events = [];
      const journal = await openJournal();
      expect([length, await contents(journal)]).toEqual([length, ["first"]]);
      expect(events).toHaveLength(length === lastStart ? 0 : 1);
      expect((await stat(join(dir, name))).size).toBe(lastStart);
    }
    expect(events).toEqual([
      `The journal ended in a write that was cut off (${40 + "second".length - 1} bytes, never acknowledged).`,
    ]);
  });

  test("may also leave zeros where the entry should be", async () => {
    await crashAfter(["first", "second"]);
    const [name = ""] = await segments();
    const file = join(dir, name);
    const whole = await readFile(file);
    await writeFile(file, Buffer.concat([whole.subarray(0, whole.length - 46), Buffer.alloc(46)]));
    expect(await contents(await openJournal())).toEqual(["first"]);
  });

  test("of a group: what is whole is used, since it was never refused", async () => {
    const journal = await openJournal();
    await journal.append(1, bytes("acknowledged"));
    await Promise.all(["b", "c", "d"].map((text) => journal.append(1, bytes(text))));
    const [name = ""] = await segments();
    const file = join(dir, name);
    const whole = await readFile(file);
    // "c" did not reach the disk, "d" behind it did.
    const at = whole.length - 2 * 41;
    whole.fill(0, at, at + 41);
    await writeFile(file, whole);
    const again = await openJournal();
    expect(await contents(again)).toEqual(["acknowledged", "b", "d"]);
  });

  test("while a segment is made leaves one that is passed over", async () => {
    await crashAfter(["first"]);
    for (const [index, content] of ["", "SLJ", "\0\0\0\0\0\0\0\0\0"].entries()) {
      await writeFile(join(dir, `00000000000${index + 5}.journal`), content);
    }
    const journal = await openJournal();
    expect(await contents(journal)).toEqual(["first"]);
    expect((await journal.append(1, bytes("next"))).segment).toBe(8);
  });
});

describe("damage", () => {
  test("of any byte of an acknowledged entry is reported, and the others are used", async () => {
    await crashAfter(["one", "two", "three"]);
    const [name = ""] = await segments();
    const file = join(dir, name);
    const whole = await readFile(file);
    const start = 8 + 43;
    for (let at = start; at < start + 43; at += 1) {
      const flipped = Buffer.from(whole);
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      await writeFile(file, flipped);
      events = [];
      const journal = await openJournal();
      expect([at, await contents(journal)]).toEqual([at, ["one", "three"]]);
      expect(journal.stats().damagedBytes).toBe(43);
      expect(events).toEqual([
        `The journal in ${dir} is damaged: 43 bytes cannot be read, 1 acknowledged requests are missing. ` +
          "The rest is used; check the disk.",
      ]);
    }
    const journal = await openJournal();
    journal.release(3);
    await journal.close();
    expect(await readdir(dir)).toEqual([`${name}.damaged`]);
  });

  test("a segment that somebody removed is noticed", async () => {
    await crashAfter(["a", "b", "c", "d", "e", "f"], { segmentBytes: 60 });
    const [, second = ""] = await segments();
    await rm(join(dir, second));
    const journal = await openJournal();
    expect(await contents(journal)).toEqual(["a", "b", "e", "f"]);
    expect(events[0]).toContain("0 bytes cannot be read, 2 acknowledged requests are missing");
  });

  test("of an entry that is read back later is an error, not wrong bytes", async () => {
    const journal = await openJournal();
    const ref = await journal.append(1, bytes("payload"));
    const [name = ""] = await segments();
    await truncate(join(dir, name), 20);
    await expect(journal.read([ref])).rejects.toMatchObject({ code: "INTERNAL_ERROR" });
  });

  test("a journal of a newer version is not touched", async () => {
    await writeFile(join(dir, "000000000001.journal"), "SLJRNL9\nwhatever it holds");
    await expect(openJournal()).rejects.toMatchObject({ code: "DATA_DIR_UNUSABLE" });
    expect(await segments()).toEqual(["000000000001.journal"]);
  });
});

/** A segment whose next calls fail as told. */
function failing(faults: { write?: string; sync?: string; shortWrites?: boolean; truncate?: string }) {
  return async (path: string): Promise<SegmentFile> => {
    const file = await openSegmentFile(path);
    const fail = (name: "write" | "sync" | "truncate") => {
      const code = faults[name];
      if (code === undefined) return;
      delete faults[name];
      throw Object.assign(new Error(`${code}: injected`), { code });
    };
    return {
      writev: async (buffers, position) => {
        if (position > 8) {
          const [first = Buffer.alloc(0)] = buffers;
          if (faults.write !== undefined) await file.writev([first.subarray(0, 10)], position);
          fail("write");
        }
        if (!faults.shortWrites) return file.writev(buffers, position);
        return file.writev([(buffers[0] ?? Buffer.alloc(0)).subarray(0, 7)], position);
      },
      datasync: async () => {
        if (faults.sync !== undefined && (await stat(path)).size > 60) fail("sync");
        await file.datasync();
      },
      truncate: async (length) => {
        fail("truncate");
        await file.truncate(length);
      },
      close: () => file.close(),
    };
  };
}

describe("a disk that fails", () => {
  test("ENOSPC: the entry is refused, nothing of it stays, and the next one is kept", async () => {
    const faults: Parameters<typeof failing>[0] = {};
    const journal = await openJournal({ openSegment: failing(faults) });
    await journal.append(1, bytes("a"));
    faults.write = "ENOSPC";
    await expect(journal.append(1, bytes("lost"))).rejects.toMatchObject({
      code: "STORAGE_FULL",
      message: `The disk of the journal ${dir} is full (ENOSPC); nothing was kept. Free some space.`,
    });
    await journal.append(1, bytes("b"));
    expect(journal.stats()).toMatchObject({ entries: 2, failures: 1, segments: 1 });
    expect(await contents(await openJournal())).toEqual(["a", "b"]);
    expect(events).toEqual([]);
  });

  test("a write that cannot be undone: the segment is left", async () => {
    const faults: Parameters<typeof failing>[0] = {};
    const journal = await openJournal({ openSegment: failing(faults) });
    await journal.append(1, bytes("a"));
    Object.assign(faults, { write: "EIO", truncate: "EIO" });
    await expect(journal.append(1, bytes("lost"))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect((await journal.append(1, bytes("b"))).segment).toBe(2);
    events = [];
    expect(await contents(await openJournal())).toEqual(["a", "b"]);
  });

  test("EIO of a sync: the segment is not trusted any more, what was kept before stays", async () => {
    const faults: Parameters<typeof failing>[0] = {};
    const journal = await openJournal({ openSegment: failing(faults) });
    await journal.append(1, bytes("a"));
    faults.sync = "EIO";
    await expect(journal.append(1, bytes("suspect"))).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      retryAfterSeconds: 5,
    });
    expect(events).toEqual(["The journal's disk failed in segment 1; a new segment is used from now on."]);
    expect((await journal.append(1, bytes("b"))).segment).toBe(2);
    expect(await contents(await openJournal())).toEqual(["a", "b"]);
  });

  test("writes that stop early are continued", async () => {
    const journal = await openJournal({ openSegment: failing({ shortWrites: true }) });
    await Promise.all([journal.append(1, bytes("a".repeat(100))), journal.append(1, bytes("b".repeat(100)))]);
    expect(await contents(await openJournal())).toEqual(["a".repeat(100), "b".repeat(100)]);
  });
});

test("over its bound it refuses and says for how long; released entries make room", async () => {
  const journal = await openJournal({ maxBytes: 200 });
  await journal.append(1, bytes("x".repeat(100)));
  await expect(journal.append(1, bytes("y".repeat(100)))).rejects.toMatchObject({
    code: "INGEST_OVERLOADED",
    retryAfterSeconds: 5,
    message: expect.stringMatching(/^The journal is full: 140 of 200 bytes wait for the telemetry engine\./),
  });
  journal.release(1);
  await journal.append(1, bytes("y".repeat(500)));
  expect(journal.stats()).toMatchObject({ entries: 1, bytes: 540 });
});

test("appends that come while the disk is busy share a commit", async () => {
  const commits: number[] = [];
  const journal = await openJournal({ onCommit: ({ entries }) => commits.push(entries) });
  await Promise.all(Array.from({ length: 10 }, () => journal.append(1, bytes("x"))));
  expect(commits).toEqual([1, 9]);
});

test("property: whatever is appended, released and crashed, exactly what is not released comes back in order", async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("append" as const), size: fc.nat(300) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("release" as const),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash" as const), torn: fc.nat(60) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await rm(dir, { recursive: true, force: true });
      let journal = await openJournal({ segmentBytes: 500 });
      let kept: { seq: number; text: string }[] = [];
      let count = 0;
      for (const action of steps) {
        if (action.kind === "append") {
          const text = `${count++}:${"x".repeat(action.size)}`;
          kept.push({ seq: (await journal.append(1, bytes(text))).seq, text });
        } else if (action.kind === "release") {
          const index = Math.floor(action.share * kept.length) - 1;
          const released = kept[index];
          if (released === undefined) continue;
          journal.release(released.seq);
          await journal.checkpoint();
          kept = kept.slice(index + 1);
        } else {
          // A crash leaves part of a write that nobody was told about.
          const last = (await segments()).at(-1);
          if (last !== undefined) {
            const file = await open(join(dir, last), "a");
            await file.write(Buffer.alloc(action.torn, 0xf5));
            await file.close();
          }
          journal = await openJournal({ segmentBytes: 500 });
          expect(await contents(journal)).toEqual(kept.map(({ text }) => text));
          expect(journal.unreleased.map(({ seq }) => seq)).toEqual(kept.map(({ seq }) => seq));
        }
      }
      expect(await contents(await openJournal())).toEqual(kept.map(({ text }) => text));
      expect(events.filter((event) => event.includes("damaged"))).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
