import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { type ClickHouseClient, ClickHouseError, createClient } from "@clickhouse/client";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clickHouseError, connectClickHouse } from "../clickhouse.ts";
import { type EmbeddedClickHouse, startChdb } from "./supervisor.ts";

let directory: string;
let engine: EmbeddedClickHouse;
let client: ClickHouseClient;
const events: string[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "chdb-front-"));
  engine = await startChdb({
    dataDir: join(directory, "chdb"),
    onEvent: (sentence) => events.push(sentence),
    memoryLimitBytes: 700_000_000,
  });
  client = connectClickHouse(engine.url);
  await client.command({ query: "CREATE DATABASE app" });
});

afterAll(async () => {
  await client?.close();
  await engine?.close();
  await rm(directory, { recursive: true, force: true });
  expect(events).toEqual([]);
});

async function rows<T = Record<string, unknown>>(
  query: string,
  more: Partial<Parameters<ClickHouseClient["query"]>[0]> = {},
): Promise<T[]> {
  const result = await client.query({ ...more, query, format: "JSONEachRow" });
  return result.json<T>();
}

interface RawAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** A request as any HTTP client would make it. */
function raw(options: {
  path: string;
  body?: Buffer | string;
  headers?: Record<string, string>;
  method?: string;
}): Promise<RawAnswer> {
  const url = new URL(engine.url);
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      {
        host: url.hostname,
        port: url.port,
        path: options.path,
        method: options.method ?? (options.body === undefined ? "GET" : "POST"),
        headers: {
          authorization: `Basic ${Buffer.from(`default:${url.password}`).toString("base64")}`,
          ...options.headers,
        },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("error", reject);
        answer.on("end", () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(options.body);
  });
}

/** Waits until a question is answered as wished; the test's own time limit ends it otherwise. */
async function until<T>(ask: () => Promise<T>, wished: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (wished(answer)) return answer;
    await delay(20);
  }
}

/** Takes hours and no processor; it can be stopped every 20 ms. */
const slow = "SELECT count() FROM numbers(1000000) WHERE sleepEachRow(0.02) = 1 SETTINGS max_block_size = 1";

function running(): Promise<string[]> {
  return rows<{ query: string }>(
    "SELECT query FROM system.processes WHERE query LIKE '%sleepEachRow%' AND query NOT LIKE '%system.processes%'",
  ).then((found) => found.map((row) => row.query));
}

describe("failed calls", () => {
  const failing = [
    "SELECT number, throwIf(number = 5000) FROM numbers(10000) SETTINGS max_block_size = 100",
    "SELECT number, sleepEachRow(0.001) FROM numbers(100000) SETTINGS max_execution_time = 0.05, max_block_size = 10",
    "SELECT groupArray(number) FROM numbers(100000000) SETTINGS max_memory_usage = 20000000",
    "SELECT number FROM numbers(1000000) SETTINGS max_result_rows = 10, max_block_size = 5",
    "SELECT nosuch",
    "SELECT * FROM app.nosuch",
    "SELEC 1",
  ];

  test("leave nothing in the answers of later calls", async () => {
    const wrong: unknown[] = [];
    let failed = 0;
    const good = async (n: number) => {
      const answer = await rows("SELECT {n:Int64} AS mine, {text:String} AS text", {
        query_params: { n, text: `t${n}` },
      });
      if (JSON.stringify(answer) !== JSON.stringify([{ mine: n, text: `t${n}` }])) wrong.push(answer);
    };
    const bad = async (n: number) => {
      const query = failing[n % failing.length]!;
      await rows(query).then(
        () => wrong.push(`did not fail: ${query}`),
        () => failed++,
      );
    };
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 40 }, (_, n) => (n % 3 === 0 ? bad(round * 40 + n) : good(round * 40 + n))),
      );
    }
    expect(wrong).toEqual([]);
    expect(failed).toBe(140);
  });

  test("an insert that failed does not spoil the next one", async () => {
    await client.command({ query: "CREATE TABLE app.spoil (a Int64, b String) ENGINE = MergeTree ORDER BY a" });
    const results: string[] = [];
    for (let n = 0; n < 20; n++) {
      const values: Record<string, unknown>[] = n % 2 === 0 ? [{ a: "no number" }] : [{ a: n, b: "ok" }];
      results.push(
        await client.insert({ table: "app.spoil", values, format: "JSONEachRow" }).then(
          () => "ok",
          (error: unknown) => clickHouseError(error)?.type ?? String(error),
        ),
      );
    }
    expect(results.filter((result) => result === "ok")).toHaveLength(10);
    expect(new Set(results.filter((result) => result !== "ok"))).toEqual(
      new Set(["CANNOT_PARSE_INPUT_ASSERTION_FAILED"]),
    );
    expect(await rows("SELECT count() AS n, sum(a) AS s FROM app.spoil")).toEqual([{ n: 10, s: 100 }]);
  });

  test("are ClickHouseErrors with code and type for the official client", async () => {
    const error = await rows("SELECT * FROM app.nosuch").catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ClickHouseError);
    expect(clickHouseError(error)).toEqual({ code: 60, type: "UNKNOWN_TABLE" });
  });

  test("answer with status, code header and a position in the client's own text", async () => {
    const answer = await raw({ path: "/", body: "SELECT 1 +* 2" });
    expect(answer.status).toBe(400);
    expect(answer.headers["x-clickhouse-exception-code"]).toBe("62");
    expect(answer.body.toString()).toContain("Code: 62. DB::Exception: Syntax error: failed at position 13 (2): 2.");
    expect(answer.body.toString()).not.toContain("sightline:");
  });
});

describe("settings", () => {
  test("of a request stay with it", async () => {
    const settings = { max_result_rows: "7", readonly: "1" as const };
    const limited = rows("SELECT number FROM numbers(100)", { clickhouse_settings: settings });
    await expect(limited).rejects.toMatchObject({ type: "TOO_MANY_ROWS_OR_BYTES" });
    expect(await rows("SELECT getSetting('max_threads') AS t", { clickhouse_settings: { max_threads: 1 } })).toEqual([
      { t: 1 },
    ]);
    const seen = await Promise.all(
      Array.from({ length: 20 }, () => rows("SELECT getSetting('max_result_rows') AS r, getSetting('readonly') AS o")),
    );
    expect(new Set(seen.map((answer) => JSON.stringify(answer)))).toEqual(new Set(['[{"r":0,"o":0}]']));
  });

  test("of an INSERT apply to it", async () => {
    await client.command({ query: "CREATE TABLE app.loose (a Int64) ENGINE = MergeTree ORDER BY a" });
    const values = [{ a: 1, unknown: 2 }];
    await expect(
      client.insert({
        table: "app.loose",
        values,
        format: "JSONEachRow",
        clickhouse_settings: { input_format_skip_unknown_fields: 0 },
      }),
    ).rejects.toMatchObject({ type: "INCORRECT_DATA" });
    await client.insert({
      table: "app.loose",
      values,
      format: "JSONEachRow",
      clickhouse_settings: { input_format_skip_unknown_fields: 1 },
    });
    expect(await rows("SELECT * FROM app.loose")).toEqual([{ a: 1 }]);
  });

  test("SET, USE and temporary tables do not outlive their request", async () => {
    await client.command({ query: "/* first */ SET max_result_rows = 3" });
    await client.command({ query: "USE app" });
    await client.command({ query: "CREATE TEMPORARY TABLE mine (a Int64)" });
    const seen = await Promise.all(
      Array.from({ length: 12 }, () =>
        rows(
          "SELECT getSetting('max_result_rows') AS r, currentDatabase() AS d, (SELECT count() FROM system.tables WHERE name = 'mine') AS t",
        ),
      ),
    );
    expect(new Set(seen.map((answer) => JSON.stringify(answer)))).toEqual(new Set(['[{"r":0,"d":"default","t":0}]']));
  });

  test("the database of the client's URL is used", async () => {
    const inApp = connectClickHouse(`${engine.url}app`);
    try {
      const answer = await inApp.query({ query: "SELECT currentDatabase() AS d", format: "JSONEachRow" });
      expect(await answer.json()).toEqual([{ d: "app" }]);
    } finally {
      await inApp.close();
    }
    expect(await rows("SELECT currentDatabase() AS d")).toEqual([{ d: "default" }]);
  });

  test("parts of the interface that are missing are refused, not ignored", async () => {
    for (const name of ["session_id", "role", "compress"]) {
      const answer = await raw({ path: `/?${name}=1`, body: "SELECT 1" });
      expect(answer.headers["x-clickhouse-exception-code"]).toBe("48");
    }
  });
});

describe("hanging up", () => {
  test("stops the query in the engine and no other", async () => {
    const stays = new AbortController();
    const leaves = new AbortController();
    const staying = rows(slow, { abort_signal: stays.signal }).catch((error: Error) => error.message);
    // An id that would match everything if it were put into a LIKE or into a string unquoted.
    const leaving = rows(slow, { abort_signal: leaves.signal, query_id: "%' OR 1 = 1 -- \\" }).catch(
      (error: Error) => error.message,
    );
    await until(running, (queries) => queries.length === 2);
    leaves.abort();
    expect(await leaving).toMatch(/aborted/);
    await until(running, (queries) => queries.length === 1);
    stays.abort();
    expect(await staying).toMatch(/aborted/);
    expect(await until(running, (queries) => queries.length === 0)).toEqual([]);
  });

  test("stops a query that is still being analysed: a slow scalar subquery of a stream", async () => {
    const gone = new AbortController();
    const wide = "SELECT number, toString(number) AS s FROM numbers(3000000)";
    // The answer is over the bound, so it is run again as a stream; its subquery counts for hours.
    const stream = rows(
      `${wide} WHERE number >= 0 AND number != (${slow.replace(/ SETTINGS.*/, "")}) SETTINGS max_block_size = 1`,
      {
        abort_signal: gone.signal,
      },
    ).catch((error: Error) => error.message);
    await until(running, (queries) => queries.length === 1);
    expect(await rows("SELECT 1 AS x")).toEqual([{ x: 1 }]);
    gone.abort();
    expect(await stream).toMatch(/aborted/);
    expect(await until(running, (queries) => queries.length === 0)).toEqual([]);
  });

  test("in the middle of a stream frees the engine", async () => {
    const result = await client.query({
      query: "SELECT number, repeat('x', 100) AS s FROM numbers(100000000) WHERE NOT ignore('sleepEachRow')",
      format: "JSONEachRow",
    });
    for await (const block of result.stream()) {
      expect(block.length).toBeGreaterThan(0);
      break;
    }
    result.close();
    expect(await until(running, (queries) => queries.length === 0)).toEqual([]);
    // Both threads for streams are free again.
    const again = await Promise.all(
      [1, 2, 3].map(() => rows("SELECT number, repeat('x', 100) AS s FROM numbers(200000)")),
    );
    expect(again.map((answer) => answer.length)).toEqual([200_000, 200_000, 200_000]);
  });

  test("while waiting in the queue takes the call out of it", async () => {
    const gone = Array.from({ length: 30 }, () => new AbortController());
    const calls = gone.map((controller) =>
      rows(slow, { abort_signal: controller.signal }).catch((error: Error) => error.message),
    );
    // Six reads run at once; this question is a write, which does not wait behind them.
    await client.command({ query: "OPTIMIZE TABLE app.spoil" });
    for (const controller of gone) controller.abort();
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["The user aborted a request."]));
    expect(await until(running, (queries) => queries.length === 0)).toEqual([]);
    expect(await rows("SELECT 1 AS x")).toEqual([{ x: 1 }]);
  });
});

describe("memory", () => {
  const memoryBytes = async () => {
    const status = await readFile(`/proc/${engine.pid()}/status`, "utf8");
    return {
      now: Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024,
      peak: Number(/VmHWM:\s+(\d+)/.exec(status)![1]) * 1024,
    };
  };

  test("a query over the limit fails with 241, the process lives and gives the memory back", async () => {
    const pid = engine.pid();
    const before = await memoryBytes();
    const greedy = "SELECT count() FROM (SELECT groupArray(number) AS a FROM numbers(300000000))";
    await expect(rows(greedy)).rejects.toMatchObject({ code: "241", type: "MEMORY_LIMIT_EXCEEDED" });
    expect(await rows("SELECT 1 AS x")).toEqual([{ x: 1 }]);
    expect(engine.pid()).toBe(pid);
    const after = await until(memoryBytes, (memory) => memory.now < before.now + 150_000_000);
    expect(after.peak).toBeLessThan(before.now + 1_000_000_000);
  });

  test("a stream of 400 MB takes no more memory than its blocks", async () => {
    await client.command({ query: "CREATE TABLE app.wide (n Int64, s String) ENGINE = MergeTree ORDER BY n" });
    await client.command({
      query: "INSERT INTO app.wide SELECT number, repeat('x', 2000) FROM numbers(200000)",
      clickhouse_settings: { max_block_size: "8192", max_insert_threads: "1", min_insert_block_size_bytes: "10000000" },
    });
    // Merges take memory of their own.
    await client.command({ query: "OPTIMIZE TABLE app.wide FINAL" });
    await client.command({ query: "SYSTEM JEMALLOC PURGE" });
    const before = await memoryBytes();
    const result = await client.query({
      query: "SELECT n, s FROM app.wide",
      format: "JSONEachRow",
    });
    let count = 0;
    let peak = 0;
    for await (const block of result.stream()) {
      count += block.length;
      peak = Math.max(peak, (await memoryBytes()).now);
    }
    expect(count).toBe(200_000);
    expect(peak - before.now).toBeLessThan(200_000_000);
  });
});

const CUT_ERROR = expect.stringContaining("there was an error in the stream");

describe("answers", () => {
  test("many at once are never mixed", async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        rows<{ n: number; s: number }>(`SELECT ${n} AS n, sum(number) AS s FROM numbers(${1000 + n})`),
      ),
    );
    expect(answers).toEqual(Array.from({ length: 200 }, (_, n) => [{ n, s: ((1000 + n) * (999 + n)) / 2 }]));
  });

  test.each(["JSON", "JSONCompactEachRow", "TabSeparated", "CSV", "TabSeparatedWithNames"] as const)(
    "%s of 200,000 rows is whole",
    async (format) => {
      const result = await client.query({
        query: "SELECT number AS n, toString(number) AS s FROM numbers(200000)",
        format,
      });
      const text = await result.text();
      const shape = {
        JSON: 0,
        JSONCompactEachRow: 200_000,
        TabSeparated: 200_000,
        CSV: 200_000,
        TabSeparatedWithNames: 200_001,
      };
      if (format === "JSON") expect(JSON.parse(text).data).toHaveLength(200_000);
      else expect(text.trimEnd().split("\n")).toHaveLength(shape[format]);
      expect(text.match(/199999/g)).toHaveLength(2);
    },
  );

  test("Parquet is one file, however long", async () => {
    const answer = await raw({
      path: "/",
      body: "SELECT number, repeat('x', 100) AS s FROM numbers(300000) FORMAT Parquet",
    });
    const bytes = answer.body;
    expect(bytes.subarray(0, 4).toString()).toBe("PAR1");
    expect(bytes.subarray(-4).toString()).toBe("PAR1");
    expect(bytes.indexOf("PAR1", 4)).toBe(bytes.length - 4);
  });

  test("an error in the middle of a stream reaches the client, whatever way it reads", async () => {
    const query =
      "SELECT number, throwIf(number = 2900000, 'in the middle') AS x, repeat('y', 20) AS s FROM numbers(3000000)";
    const zipped = createClient({ url: engine.url, compression: { response: true }, log: { level: 127 } });
    try {
      for (const reader of [client, zipped]) {
        const stream = await reader.query({ query, format: "JSONEachRow" });
        let count = 0;
        const reading = async () => {
          for await (const block of stream.stream()) count += block.length;
        };
        const error = await reading().catch((caught: unknown) => caught);
        // The driver looks for the error in one piece of the answer; where the network cut it, it says that there was one.
        const told = clickHouseError(error) ?? (error as Error).message;
        expect([{ code: 395, type: "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO" }, CUT_ERROR]).toContainEqual(told);
        expect(count).toBeGreaterThan(100_000);
        const text = reader.query({ query, format: "CSV" }).then((result) => result.text());
        await expect(text).rejects.toThrow();
      }
    } finally {
      await zipped.close();
    }
  });

  test("are gzipped when asked for, whole and streamed", async () => {
    for (const count of [5000, 500_000]) {
      const answer = await raw({
        path: "/?enable_http_compression=1",
        headers: { "accept-encoding": "gzip" },
        body: `SELECT number, toString(number) AS s FROM numbers(${count}) FORMAT JSONEachRow`,
      });
      expect(answer.headers["content-encoding"]).toBe("gzip");
      expect(gunzipSync(answer.body).toString().trimEnd().split("\n")).toHaveLength(count);
    }
    const plain = await raw({ path: "/", headers: { "accept-encoding": "gzip" }, body: "SELECT repeat('x', 1000)" });
    expect(plain.headers["content-encoding"]).toBeUndefined();
  });

  test("carry query id, format and summary", async () => {
    const answer = await raw({ path: "/?query_id=mine", body: "SELECT number FROM numbers(3) FORMAT CSV" });
    expect(answer.headers).toMatchObject({ "x-clickhouse-query-id": "mine", "x-clickhouse-format": "CSV" });
    expect(JSON.parse(String(answer.headers["x-clickhouse-summary"]))).toMatchObject({ result_bytes: "6" });
    expect(answer.body.toString()).toBe("0\n1\n2\n");
  });

  test("wait_end_of_query gives one piece also when it is large", async () => {
    const answer = await raw({
      path: "/?wait_end_of_query=1",
      body: "SELECT number, repeat('x', 100) FROM numbers(200000) FORMAT JSONEachRow",
    });
    expect(Number(answer.headers["content-length"])).toBe(answer.body.length);
  });
});

describe("inserts", () => {
  test("keep every character, whatever it is", async () => {
    await client.command({ query: "CREATE TABLE app.texts (n Int64, s String) ENGINE = MergeTree ORDER BY n" });
    let n = 0;
    const hard = [
      "",
      "\0",
      "\n",
      "\r\n",
      "'",
      '"',
      "\\",
      "\\N",
      ";",
      "--",
      "/* */",
      "$$",
      "{a:String}",
      "é漢😀",
      "\u2028\ufeff",
      "\u0007\u001b",
    ];
    const texts = fc.array(fc.oneof(fc.string({ unit: "binary", maxLength: 50 }), fc.constantFrom(...hard)), {
      minLength: 1,
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(texts, async (values) => {
        const first = n;
        const wellFormed = values.map((value) => value.toWellFormed());
        await client.insert({
          table: "app.texts",
          values: wellFormed.map((s) => ({ n: n++, s })),
          format: "JSONEachRow",
        });
        const back = await rows<{ s: string }>("SELECT s FROM app.texts WHERE n >= {first:Int64} ORDER BY n", {
          query_params: { first },
        });
        expect(back.map((row) => row.s)).toEqual(wellFormed);
      }),
      { numRuns: 50 },
    );
  });

  test("take columns, gzip, inline rows, VALUES and SELECT", async () => {
    await client.command({
      query: "CREATE TABLE app.ways (a Int64, b String DEFAULT 'none', way String) ENGINE = MergeTree ORDER BY a",
    });
    await client.insert({
      table: "app.ways",
      columns: ["way", "a"],
      values: [["columns", 1]],
      format: "JSONCompactEachRow",
    });
    await raw({
      path: `/?query=${encodeURIComponent("INSERT INTO `app`.`ways` (`a`, way) FORMAT JSONEachRow")}`,
      headers: { "content-encoding": "gzip" },
      body: gzipSync('{"a":2,"way":"gzip"}\n'),
    });
    await raw({
      path: "/",
      body: 'INSERT INTO app.ways FORMAT JSONEachRow\n{"a":3,"b":"x;y","way":"inline; DROP TABLE app.ways"}',
    });
    await client.command({ query: "INSERT INTO app.ways (a, way) VALUES (4, 'values'), (5, 'it''s; two')" });
    await client.command({ query: "INSERT INTO app.ways (a, way) SELECT 6, 'select'" });
    await raw({
      path: `/?query=${encodeURIComponent("INSERT INTO app.ways (a, way) FORMAT TSV")}`,
      body: "7\ttsv\\ttab",
    });
    await raw({
      path: `/?query=${encodeURIComponent("INSERT INTO app.ways (a, way) VALUES")}`,
      body: "(8, 'values in the body')",
    });
    await client.exec({
      query: "INSERT INTO app.ways (a, way) FORMAT JSONEachRow",
      values: Readable.from([Buffer.from('{"a":9,'), Buffer.from('"way":"stream"}')]),
    });
    expect(await rows("SELECT a, b, way FROM app.ways ORDER BY a")).toEqual([
      { a: 1, b: "none", way: "columns" },
      { a: 2, b: "none", way: "gzip" },
      { a: 3, b: "x;y", way: "inline; DROP TABLE app.ways" },
      { a: 4, b: "none", way: "values" },
      { a: 5, b: "none", way: "it's; two" },
      { a: 6, b: "none", way: "select" },
      { a: 7, b: "none", way: "tsv\ttab" },
      { a: 8, b: "none", way: "values in the body" },
      { a: 9, b: "none", way: "stream" },
    ]);
  });

  test("of binary formats are refused with a sentence", async () => {
    const answer = await raw({
      path: `/?query=${encodeURIComponent("INSERT INTO app.ways FORMAT Native")}`,
      body: Buffer.from([1, 0, 255]),
    });
    expect(answer.body.toString()).toBe(
      "Code: 73. DB::Exception: The embedded engine does not insert format Native. Use JSONEachRow. (UNKNOWN_FORMAT)\n",
    );
  });

  test("over the body limit are refused, and the connection stays usable", async () => {
    const big = Buffer.alloc(65 * 1024 * 1024, "x");
    const answer = await raw({
      path: `/?query=${encodeURIComponent("INSERT INTO app.ways FORMAT JSONEachRow")}`,
      body: big,
    });
    expect(answer.status).toBe(413);
    expect(answer.headers["x-clickhouse-exception-code"]).toBe("307");
    expect(await rows("SELECT 1 AS x")).toEqual([{ x: 1 }]);
  });
});

describe("refused", () => {
  test("wrong or no password", async () => {
    const wrong = connectClickHouse(engine.url.replace(/:[^:@/]+@/, ":wrong@"));
    try {
      await expect(wrong.command({ query: "SELECT 1" })).rejects.toMatchObject({
        code: "516",
        type: "AUTHENTICATION_FAILED",
      });
    } finally {
      await wrong.close();
    }
    const none = await raw({ path: "/", body: "SELECT 1", headers: { authorization: "" } });
    expect(none.status).toBe(403);
    const byHeader = await raw({
      path: "/",
      body: "SELECT 1",
      headers: { authorization: "", "x-clickhouse-user": "default", "x-clickhouse-key": new URL(engine.url).password },
    });
    expect(byHeader.body.toString()).toBe("1\n");
  });

  test("more than one statement, unless the rest is empty", async () => {
    await client.command({ query: "CREATE TABLE app.kept (a Int64) ENGINE = MergeTree ORDER BY a" });
    for (const query of [
      "SELECT 1; DROP TABLE app.kept",
      "SELECT 1;\n-- x\nDROP TABLE app.kept",
      "INSERT INTO app.kept VALUES (1); DROP TABLE app.kept",
    ]) {
      await expect(client.command({ query })).rejects.toThrow("Multi-statements are not allowed");
    }
    const values = `/?query=${encodeURIComponent("INSERT INTO app.kept FORMAT Values")}`;
    expect((await raw({ path: values, body: "(1); DROP TABLE app.kept" })).body.toString()).toContain(
      "Multi-statements",
    );
    expect((await raw({ path: values, body: "(1), (2)" })).body.toString()).toBe("");
    expect((await raw({ path: "/", body: "SELECT 1; -- the end\n;" })).body.toString()).toBe("1\n");
    expect(await rows("EXISTS TABLE app.kept")).toEqual([{ result: 1 }]);
  });

  test("files and the network", async () => {
    for (const query of [
      "SELECT * FROM file('/etc/passwd', 'LineAsString')",
      "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
      "SELECT 1 INTO OUTFILE '/tmp/out.txt'",
      "INSERT INTO app.kept FROM INFILE '/etc/passwd' FORMAT TSV",
      "SYSTEM SHUTDOWN",
    ]) {
      const error = clickHouseError(await client.command({ query }).catch((caught: unknown) => caught));
      expect({ query, code: error?.code }).toEqual({ query, code: query.includes("FILE '") ? 128 : 497 });
    }
  });

  test("changes by GET, and unknown paths", async () => {
    const get = await raw({ path: `/?query=${encodeURIComponent("CREATE DATABASE other")}` });
    expect(get.headers["x-clickhouse-exception-code"]).toBe("164");
    expect((await raw({ path: `/?query=${encodeURIComponent("SELECT 1")}` })).body.toString()).toBe("1\n");
    expect((await raw({ path: "/play" })).status).toBe(404);
    expect((await raw({ path: "/ping", headers: { authorization: "" } })).body.toString()).toBe("Ok.\n");
  });
});
