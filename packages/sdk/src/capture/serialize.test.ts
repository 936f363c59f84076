import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { runInNewContext } from "node:vm";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dataOf, jsonOf } from "../testing/snapshots.ts";
import { takeSnapshot } from "./serialize.ts";

const data = (value: unknown): unknown => dataOf(takeSnapshot(value));

test("JSON values come through as they are", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(jsonOf(takeSnapshot(value))).toBe(JSON.stringify(value));
    }),
  );
});

test("any value at all gives JSON text within the bounds", () => {
  const limits = { maxNodes: 50, maxBytes: 400, maxDepth: 5 };
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withSet: true,
        withTypedArray: true,
        withNullPrototype: true,
      }),
      (value) => {
        const text = jsonOf(takeSnapshot(value, limits));
        JSON.parse(text);
        // Marks and escapes come on top of what is kept.
        expect(text.length).toBeLessThan(20_000);
      },
    ),
  );
});

test("later changes do not show, strings are shared", () => {
  const message = { role: "user", content: "x".repeat(1000) };
  const messages = [message];
  const snapshot = takeSnapshot({ messages });
  message.content = "changed";
  messages.push({ role: "user", content: "added" });
  expect(dataOf(snapshot)).toEqual({ messages: [{ role: "user", content: "x".repeat(1000) }] });
});

describe("what JSON has no form for", () => {
  class Point {
    x = 1;
    #hidden = 2;
    get sum() {
      return this.x + this.#hidden;
    }
  }
  class Client {
    apiKey = "sk-secret";
    _accessToken = "secret";
    baseURL = "http://x";
  }
  class Empty {
    #x = 1;
    read() {
      return this.#x;
    }
  }
  const circle: Record<string, unknown> = { name: "circle" };
  circle["self"] = { again: circle };
  const shared = { a: 1 };

  test.each<[string, unknown, unknown]>([
    ["undefined", undefined, null],
    ["undefined members", { a: undefined, b: [undefined] }, { b: [null] }],
    ["bigints", [5n, 2n ** 70n], [5, "1180591620717411303424"]],
    ["numbers that are none", [Number.NaN, Number.POSITIVE_INFINITY, -0], ["NaN", "Infinity", 0]],
    ["dates", [new Date(0), new Date(Number.NaN)], ["1970-01-01T00:00:00.000Z", "Invalid Date"]],
    ["maps with text keys", new Map([["a", new Set([1])]]), { a: [1] }],
    ["maps with other keys", new Map([[{ k: 1 }, 2]]), [[{ k: 1 }, 2]]],
    ["bytes", Buffer.from("hi"), { type: "Buffer", byteLength: 2, base64: "aGk=" }],
    ["array buffers", new ArrayBuffer(1), { type: "ArrayBuffer", byteLength: 1, base64: "AA==" }],
    ["vectors", new Float32Array([0.5, 1]), [0.5, 1]],
    [
      "functions and symbols",
      [
        function named() {
          return 1;
        },
        () => 1,
        Symbol("s"),
      ],
      ["[Function: named]", "[Function: anonymous]", "Symbol(s)"],
    ],
    ["promises", Promise.resolve(1), "[Promise]"],
    ["regular expressions", /a/g, "/a/g"],
    ["boxed values", [Object("a"), Object(1)], ["a", 1]],
    ["URLs and others with toJSON", new URL("http://a/b"), "http://a/b"],
    ["plain objects with toJSON", { toJSON: () => ({ b: 2 }) }, { b: 2 }],
    ["class instances", new Point(), { x: 1 }],
    ["class instances without members", [new Empty(), new WeakMap()], ["[Empty]", "[WeakMap]"]],
    ["secrets of clients", new Client(), { apiKey: "[masked]", _accessToken: "[masked]", baseURL: "http://x" }],
    ["objects without a prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ["cycles", circle, { name: "circle", self: { again: "[Circular]" } }],
    ["the same object twice", [shared, shared], [{ a: 1 }, { a: 1 }]],
    ["a key __proto__", JSON.parse('{"__proto__": {"a": 1}}'), JSON.parse('{"__proto__": {"a": 1}}')],
  ])("%s", (_, value, expected) => {
    expect(data(value)).toEqual(expected);
  });

  test("values of another realm are no strangers", () => {
    const foreign = runInNewContext(
      "({ empty: {}, date: new Date(0), map: new Map([['a', 1]]), error: new Error('e'), list: [1] })",
    );
    expect(data(foreign)).toMatchObject({
      empty: {},
      date: "1970-01-01T00:00:00.000Z",
      map: { a: 1 },
      error: { message: "e" },
      list: [1],
    });
  });

  test("errors keep name, message, stack, cause and own members", () => {
    const error = Object.assign(new TypeError("bad", { cause: new Error("inner") }), { status: 429 });
    expect(data(error)).toMatchObject({
      name: "TypeError",
      message: "bad",
      stack: error.stack,
      cause: { message: "inner" },
      status: 429,
    });
  });

  test("getters, proxies and toJSON that throw leave a mark; the rest stays", () => {
    const value = {
      before: 1,
      get broken() {
        throw new Error("no");
      },
      after: { fine: true },
      call: new Proxy(() => 1, {
        get() {
          throw new Error("no name");
        },
      }),
      json: {
        toJSON() {
          throw new RangeError("never");
        },
      },
      proxy: new Proxy(
        {},
        {
          ownKeys() {
            throw new Error("closed");
          },
        },
      ),
      evil: {
        get x() {
          throw {
            toString: () => {
              throw new Error("deeper");
            },
          };
        },
      },
    };
    expect(data(value)).toEqual({
      before: 1,
      broken: "[Threw Error: no]",
      after: { fine: true },
      call: "[Threw Error: no name]",
      json: "[Threw RangeError: never]",
      proxy: "[Threw Error: closed]",
      evil: { x: "[Threw]" },
    });
  });
});

describe("what is too large is cut, and says so where it was cut", () => {
  const limits = { maxNodes: 10, maxBytes: 100, maxDepth: 3 };

  test("long strings", () => {
    const snapshot = takeSnapshot(["a".repeat(90), "b".repeat(50), "c"], limits);
    expect(dataOf(snapshot)).toEqual([
      "a".repeat(90),
      `${"b".repeat(6)}[truncated: 44 more characters]`,
      "[truncated: 1 more items]",
    ]);
    expect(snapshot.truncations).toBe(2);
  });

  test("a surrogate pair is not split", () => {
    expect(dataOf(takeSnapshot("🌧".repeat(60), limits))).toBe(`${"🌧".repeat(50)}[truncated: 20 more characters]`);
    expect(dataOf(takeSnapshot(`x${"🌧".repeat(60)}`, limits))).toBe(
      `x${"🌧".repeat(49)}[truncated: 22 more characters]`,
    );
  });

  test("long lists, many members, deep nesting", () => {
    expect(dataOf(takeSnapshot(Array(12).fill(true), limits))).toEqual([
      ...Array(9).fill(true),
      "[truncated: 3 more items]",
    ]);
    const many = Object.fromEntries(Array.from({ length: 15 }, (_, index) => [`k${index}`, 1]));
    expect(dataOf(takeSnapshot(many, limits))).toMatchObject({ k0: 1, k6: 1, "[truncated]": "8 more members" });
    expect(dataOf(takeSnapshot({ a: { b: { c: { d: 1 } } } }, limits))).toEqual({
      a: { b: { c: "[truncated: Object at depth 3]" } },
    });
  });

  test("binary data keeps its start", () => {
    expect(data(new Uint8Array(3000))).toMatchObject({ byteLength: 3000, "[truncated]": "1976 more bytes" });
  });

  test("an object that refers to itself in every member stays small", () => {
    const bomb: Record<string, unknown> = {};
    let inner: unknown = bomb;
    for (let level = 0; level < 50; level++) inner = { left: inner, right: inner };
    const snapshot = takeSnapshot(inner, { ...limits, maxNodes: 1000, maxDepth: 100, maxBytes: 100_000 });
    expect(jsonOf(snapshot).length).toBeLessThan(100_000);
    expect(snapshot.truncations).toBeGreaterThan(0);
  });
});

describe("what belongs to somebody else is named, never read", () => {
  test("streams, requests and responses of the web", async () => {
    const response = new Response("body", { status: 201, statusText: "Created" });
    const request = new Request("http://user.test/path?key=secret", { method: "POST", body: "body" });
    const stream = new Blob(["data"]).stream();
    expect(data([response, request, stream, new TransformStream(), new AbortController().signal])).toEqual([
      "[Response 201 Created]",
      "[Request POST http://user.test/path]",
      "[ReadableStream]",
      "[TransformStream]",
      "[AbortSignal]",
    ]);
    expect(stream.locked).toBe(false);
    expect([response.bodyUsed, request.bodyUsed]).toEqual([false, false]);
    expect(await Promise.all([response.text(), request.text(), new Response(stream).text()])).toEqual([
      "body",
      "body",
      "data",
    ]);
  });

  test("streams of Node, and generators", () => {
    const readable = Readable.from(["a"]);
    const generator = (function* () {
      yield 1;
    })();
    const message = Object.assign(new IncomingMessage(new Socket()), { method: "GET", url: "/chat?token=secret" });
    expect(data([readable, generator, message, new PassThrough()])).toEqual([
      "[Readable]",
      "[Generator]",
      "[IncomingMessage GET /chat]",
      "[PassThrough]",
    ]);
    expect(readable.readableFlowing).toBeNull();
    expect(generator.next().value).toBe(1);
  });

  test("headers and forms show their entries, credentials masked", () => {
    const headers = new Headers({ "content-type": "text/plain", authorization: "Bearer secret", cookie: "secret" });
    const form = new FormData();
    form.append("question", "why");
    form.append("question", "how");
    form.append("password", "secret");
    form.append("file", new File(["content"], "a.txt", { type: "text/plain" }));
    expect(data({ headers, form, query: new URLSearchParams("a=1&b=2") })).toEqual({
      headers: { "content-type": "text/plain", authorization: "[masked]", cookie: "[masked]" },
      form: { question: ["why", "how"], password: "[masked]", file: "[File: text/plain, 7 bytes]" },
      query: "a=1&b=2",
    });
  });
});

test("credentials of instances are masked when they come by toJSON too", () => {
  class ClientHeaders {
    #entries = { Authorization: "Bearer secret", Accept: "text/plain", nested: { token: "the user's own" } };
    toJSON() {
      return this.#entries;
    }
  }
  const empty = new (class Empty {
    toJSON() {
      return {};
    }
  })();
  expect(data([new ClientHeaders(), empty])).toEqual([
    { Authorization: "[masked]", Accept: "text/plain", nested: { token: "the user's own" } },
    {},
  ]);
});

test("an AggregateError shows its errors, and a chain of causes that is a circle ends", () => {
  const first = new Error("first");
  const cause = new Error("cause");
  cause.cause = cause;
  const all = new AggregateError([first, "a text"], "all failed", { cause });
  expect(data(all)).toMatchObject({
    name: "AggregateError",
    message: "all failed",
    errors: [{ message: "first" }, "a text"],
    cause: { message: "cause", cause: "[Circular]" },
  });
});

test("a Map and a Set that hold themselves end", () => {
  const map = new Map<string, unknown>();
  map.set("self", map);
  const set = new Set<unknown>([1]);
  set.add(set);
  expect(data([map, set])).toEqual([{ self: "[Circular]" }, [1, "[Circular]"]]);
});

test("a snapshot inside a value stands for what it holds", () => {
  const yielded = [{ text: "a" }, new Date(0), [1, 2]].map((value) => takeSnapshot(value));
  expect(data({ yielded })).toEqual({ yielded: [{ text: "a" }, "1970-01-01T00:00:00.000Z", [1, 2]] });
  const cut = takeSnapshot([takeSnapshot("x".repeat(100)), 1], { maxNodes: 10, maxBytes: 50, maxDepth: 3 });
  expect(dataOf(cut)).toEqual(["[truncated: 102 bytes]", 1]);
  expect(cut.truncations).toBe(1);
});

test("a snapshot weighs what it holds: texts, bytes, and the list of its values", () => {
  expect(takeSnapshot("x".repeat(5000)).bytes).toBeGreaterThanOrEqual(5000);
  expect(takeSnapshot(new Uint8Array(5000)).bytes).toBeGreaterThanOrEqual(5000);
  expect(takeSnapshot(new Array(5000).fill(null)).bytes).toBeGreaterThanOrEqual(40_000);
  expect(takeSnapshot([takeSnapshot(new Uint8Array(5000))]).bytes).toBeGreaterThanOrEqual(5000);
});

test("own members count, inherited ones do not", () => {
  const base = { inherited: 1 };
  const value = Object.assign(Object.create(base), { own: 2 });
  const named = { constructor: "a text", name: "b" };
  const odd: unknown[] = [named, { constructor: { name: "x" } }];
  expect(data([value, ...odd])).toEqual([{ own: 2 }, ...odd]);
});

test("a hundred thousand instances of a class are copied as their members", () => {
  class Message {
    role = "user";
    id: number;
    constructor(id: number) {
      this.id = id;
    }
  }
  const snapshot = takeSnapshot(Array.from({ length: 100_000 }, (_, id) => new Message(id)));
  expect((dataOf(snapshot) as unknown[]).at(-1)).toEqual({ role: "user", id: 99_999 });
});

test("after an object failed in its middle, what comes behind it is whole", () => {
  const failing = new Proxy(
    { a: { deep: 1 }, b: 2, c: 3 },
    {
      getOwnPropertyDescriptor(target, key) {
        if (key === "c") throw new Error("no more");
        return Reflect.getOwnPropertyDescriptor(target, key);
      },
    },
  );
  const value = { before: 1, failing, after: { list: [1, 2, 3] } };
  expect(data(value)).toEqual({ before: 1, failing: "[Threw Error: no more]", after: { list: [1, 2, 3] } });
});

test("bytes that do not fit are shown by their start and count as cut off", () => {
  const limits = { maxNodes: 100, maxBytes: 10_000, maxDepth: 5, maxBinaryBytes: 5000 };
  const snapshot = takeSnapshot([new Uint8Array(4000), new Uint8Array(4000)], limits);
  expect(snapshot.truncations).toBe(1);
  expect(snapshot.bytes).toBeGreaterThan(4000);
  expect(dataOf(snapshot)).toMatchObject([{ byteLength: 4000 }, { byteLength: 4000 }]);
});
