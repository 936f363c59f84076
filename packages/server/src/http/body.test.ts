import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readBody } from "./body.ts";
import { ByteBudget } from "./byte-budget.ts";

const MIB = 1024 * 1024;

function post(body: Uint8Array<ArrayBuffer> | ReadableStream, headers: Record<string, string> = {}): Request {
  const length = body instanceof Uint8Array ? { "content-length": String(body.length) } : {};
  // Node's fetch needs `duplex` for streams; the DOM's type does not know it.
  const init = { method: "POST", body, headers: { ...length, ...headers }, duplex: "half" };
  return new Request("http://127.0.0.1/", init as RequestInit);
}

function streamOf(...chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk) controller.enqueue(chunk);
      else controller.close();
    },
  });
}

const text = Buffer.from("spans ".repeat(50_000));
const encodings = {
  gzip: gzipSync(text),
  "x-gzip": gzipSync(text),
  deflate: deflateSync(text),
  identity: text,
};

for (const [encoding, bytes] of Object.entries(encodings)) {
  test(`a body in ${encoding} is read`, async () => {
    const body = await readBody(post(bytes, { "content-encoding": encoding }), { maxBytes: MIB });
    expect(Buffer.from(body).equals(text)).toBe(true);
  });
}

test("deflate without the zlib header is read too", async () => {
  const body = await readBody(post(deflateRawSync(text), { "content-encoding": "deflate" }), { maxBytes: MIB });
  expect(Buffer.from(body).equals(text)).toBe(true);
});

test("a body without Content-Length is read from its stream", async () => {
  const body = await readBody(post(streamOf(Buffer.from("a"), Buffer.from("b"))), { maxBytes: 2 });
  expect(Buffer.from(body).toString()).toBe("ab");
});

test("compressed bytes that compress badly are inflated in a stream", async () => {
  const noise = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 2_654_435_761) >>> 24));
  const sent = gzipSync(noise, { level: 0 });
  expect(sent.length).toBeGreaterThan(64 * 1024);
  const body = await readBody(post(sent, { "content-encoding": "gzip" }), { maxBytes: MIB });
  expect(Buffer.from(body).equals(noise)).toBe(true);
});

test("a body over the limit is refused by its Content-Length, before it is read", async () => {
  const request = post(Buffer.alloc(11));
  await expect(readBody(request, { maxBytes: 10 })).rejects.toMatchObject({
    code: "BODY_TOO_LARGE",
    message: "The body has 11 bytes; the limit is 10 bytes. Send less at a time.",
  });
  expect(request.bodyUsed).toBe(false);
});

test("a stream is stopped at the limit", async () => {
  const endless = new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(1000));
    },
  });
  await expect(readBody(post(endless), { maxBytes: 10_000 })).rejects.toMatchObject({ code: "BODY_TOO_LARGE" });
});

for (const [name, size] of [
  ["small", 8 * MIB],
  ["large", 64 * MIB],
] as const) {
  test(`a ${name} zip bomb is stopped while it inflates`, async () => {
    const bomb = gzipSync(Buffer.alloc(size));
    const budget = new ByteBudget(1024 * MIB);
    const reservation = budget.open();
    const read = readBody(post(bomb, { "content-encoding": "gzip" }), { maxBytes: MIB, reservation });
    await expect(read).rejects.toMatchObject({
      code: "BODY_TOO_LARGE",
      message: expect.stringContaining("decompression"),
    });
    expect(budget.usedBytes).toBeLessThanOrEqual(MIB + bomb.length);
  });
}

test("broken compression is a bad request", async () => {
  const cut = gzipSync(text).subarray(0, 100);
  await expect(readBody(post(cut, { "content-encoding": "gzip" }), { maxBytes: MIB })).rejects.toMatchObject({
    code: "BAD_REQUEST",
    message: "The body cannot be decompressed; check its Content-Encoding.",
  });
});

test("unknown encodings are refused by name, also names that every object has", async () => {
  for (const encoding of ["zstd", "gzip, gzip", "constructor"]) {
    await expect(readBody(post(text, { "content-encoding": encoding }), { maxBytes: MIB })).rejects.toMatchObject({
      code: "UNSUPPORTED_MEDIA_TYPE",
      message: expect.stringContaining(`"${encoding}"`),
    });
  }
});

test("the reservation holds the inflated bytes after reading", async () => {
  const budget = new ByteBudget(MIB);
  const reservation = budget.open();
  await readBody(post(gzipSync(text), { "content-encoding": "gzip" }), { maxBytes: MIB, reservation });
  expect(budget.usedBytes).toBe(text.length);
  reservation.release();
  reservation.release();
  expect(budget.usedBytes).toBe(0);
});

test("a second request is refused at the bound of the budget, a lone one may go over it", async () => {
  const budget = new ByteBudget(10);
  const first = budget.open();
  await readBody(post(Buffer.alloc(50)), { maxBytes: MIB, reservation: first });
  const second = budget.open();
  const read = readBody(post(Buffer.alloc(1)), { maxBytes: MIB, reservation: second });
  await expect(read).rejects.toMatchObject({ code: "INGEST_OVERLOADED", status: 429 });
  first.release();
  second.grow(10);
  expect(budget.usedBytes).toBe(10);
});
