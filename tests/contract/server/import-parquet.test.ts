/**
 * Import of Parquet files that other programs wrote, and of broken ones, over HTTP. `parquet/make.py` made the files.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RandomAccess } from "@sightline/store/parquet/parquet-metadata";
import { readParquetSpans } from "@sightline/store/parquet/read-parquet-spans";
import { IMPORT_PATH, type ImportResult, PARQUET_TYPE } from "@sightline/wire/api/transfer";
import { SightlineError } from "@sightline/wire/errors";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServerUnderTest, startInProcess } from "./in-process.ts";
import { errorOf } from "./spans.ts";

const folder = fileURLToPath(new URL("parquet/", import.meta.url));
const fileOf = (name: string) => readFile(join(folder, `${name}.parquet`));

let server: ServerUnderTest;
beforeAll(async () => {
  server = await startInProcess();
});
afterAll(() => server.stop());

function post(body: Uint8Array, query = ""): Promise<Response> {
  return fetch(server.url + IMPORT_PATH + query, {
    method: "POST",
    headers: { "content-type": PARQUET_TYPE },
    body: new Uint8Array(body),
  });
}

/** Sends what cannot be read. @returns the sentence of the error */
async function refusalOf(body: Uint8Array): Promise<string> {
  const answer = await post(body);
  expect(answer.status).toBe(400);
  const { code, message } = await errorOf(answer);
  expect(code).toBe("INVALID_PARAMETER");
  return message;
}

test.each(["none", "snappy", "gzip", "brotli", "zstd", "lz4", "version-2"])(
  "spans written by pyarrow (%s) are taken, with every digit and attribute",
  async (name) => {
    const answer = await post(await fileOf(name), `?experiment=${name}`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ lines: 3, imported: 3, spans: 3, refused: 0, problems: [] });
    const traceId = `tr-${"a".repeat(31)}0`;
    const text = await (await fetch(`${server.url}/api/v1/traces/${traceId}`)).text();
    expect(text).toContain('"startTimeUnixNano":"1760000000123456789"');
    expect(text).toContain('"endTimeUnixNano":"1760000000123456794"');
    expect(text).toContain('"__proto__":"x"');
    expect(text).toContain('"n":9007199254740993');
    // A value that is NULL is no attribute, and a count that is NaN or NULL is none.
    expect(text).not.toContain('"none"');
    expect(JSON.parse(text).trace.spans[0].tokenUsage).toEqual({ inputTokens: 3, outputTokens: 4, totalTokens: 7 });
    const other = await (await fetch(`${server.url}/api/v1/traces/tr-${"a".repeat(31)}1`)).json();
    expect(other.trace.spans[0]?.tokenUsage).toBeUndefined();
  },
);

test("a row that is no span is refused with its number and reason, the others are kept", async () => {
  const answer = await post(await fileOf("refused"));
  expect(answer.status).toBe(200);
  const { problems, ...counts } = (await answer.json()) as ImportResult;
  expect(counts).toEqual({ lines: 10, imported: 1, spans: 1, refused: 9 });
  expect(problems.map(({ line, reason }) => `${line}: ${reason}`)).toMatchInlineSnapshot(`
    [
      "2: "inputs" is no JSON",
      "3: the attribute "k" is no JSON; a text stands in quotes",
      "4: "events" is no list of events as JSON",
      "5: "links" is no list of links as JSON",
      "6: "status_code" is "FINE", and must be UNSET, OK or ERROR",
      "7: "span_id" is missing",
      "8: "tr-1" is not tr- and 32 hex digits",
      "9: start time 0 is not in nanoseconds since 1970, or is after 2106",
      "10: no experiment here has the id "987654321", and none is named: name one for the import",
    ]
  `);
});

test("a file that is cut short anywhere is refused", async () => {
  const whole = await fileOf("gzip");
  for (let bytes = 0; bytes < whole.length; bytes += 97) {
    await expect(readParquetSpans(inMemory(whole.subarray(0, bytes))).next()).rejects.toThrow(
      /cannot be read as Parquet/,
    );
  }
  expect(await refusalOf(whole.subarray(0, -1))).toContain("it is cut short");
});

test("a file that lacks a column, or has one of another type, is one sentence", async () => {
  const names = ["end-is-double", "attributes-are-lists", "without-span-ids"];
  const sentences = await Promise.all(names.map(async (name) => await refusalOf(await fileOf(name))));
  expect(sentences).toMatchInlineSnapshot(`
    [
      "The file cannot be read as Parquet: its column "end_time_unix_nano" is DOUBLE, and must be INT64 or INT32.",
      "The file cannot be read as Parquet: its column "attributes" is nested, and must be a map of texts.",
      "The file cannot be read as Parquet: it has no column "span_id"; import the spans of an export, not its traces.",
    ]
  `);
});

test("runs and counts that would be written out to billions of values are refused before they are", async () => {
  const whole = await fileOf("levels");
  // Length of the levels, then the head of a run of six times eight packed bits.
  const at = whole.indexOf(Buffer.from([7, 0, 0, 0, 0x0d]));
  const run = Buffer.from(whole);
  run.set([0xfe, 0xff, 0xff, 0xff, 0x07, 0, 0], at + 4);
  expect(await refusalOf(run)).toBe('The file cannot be read as Parquet: its column "session_id" is damaged.');

  const footer = whole.length - 8 - whole.readUInt32LE(whole.length - 8);
  // 48 rows as a number of the footer (zigzag), made 63.
  const rows = Buffer.from(whole);
  for (let index = footer; index < whole.length - 8; index++) if (rows[index] === 96) rows[index] = 126;
  expect(await refusalOf(rows)).toMatch(/^The file cannot be read as Parquet: .+\.$/);
  expect(await server.client.getStats()).toMatchObject({ spans: expect.any(Number) });
});

test("whatever is changed in a file, it is read or refused in a sentence", async () => {
  const files = await Promise.all(["none", "gzip", "version-2", "levels"].map(fileOf));
  const change = fc.record({
    file: fc.constantFrom(...files),
    changes: fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), byte: fc.nat(255) }), {
      minLength: 1,
      maxLength: 6,
    }),
  });
  await fc.assert(
    fc.asyncProperty(change, async ({ file, changes }) => {
      const bytes = Buffer.from(file);
      for (const { at, byte } of changes) bytes[Math.floor(at * (bytes.length - 1))] = byte;
      try {
        for await (const { row } of readParquetSpans(inMemory(bytes))) expect(row).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(SightlineError);
      }
    }),
    { numRuns: 3000 },
  );
});

function inMemory(bytes: Uint8Array): RandomAccess {
  return {
    size: bytes.length,
    read: (start, length) => Promise.resolve(bytes.subarray(start, start + length)),
  };
}

test("nothing of the files is left on the disk", async () => {
  expect(await readdir(join(server.dataDir, "spool"))).toEqual([]);
});
