import { setTimeout as wait } from "node:timers/promises";
import { SpanType } from "@sightline/wire/model/span-type";
import type { OtlpSpan } from "@sightline/wire/otlp/span";
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from "vitest";
import { flush, init, shutdown, stats } from "../init.ts";
import { runProgram } from "../testing/program.ts";
import { jsonAttribute, type Receiver, spanNamed, startReceiver } from "../testing/receiver.ts";
import { getCurrentSpan } from "./context.ts";
import { startSpan, trace, withSpan } from "./trace.ts";

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
  init({ url: receiver.url });
});
afterEach(async () => {
  await shutdown();
  await receiver.close();
  expect(stats().failures).toBe(0);
});

async function spans(): Promise<readonly OtlpSpan[]> {
  await flush();
  return receiver.spans;
}
const inputs = (span: OtlpSpan): unknown => jsonAttribute(span, "mlflow.spanInputs");
const outputs = (span: OtlpSpan): unknown => jsonAttribute(span, "mlflow.spanOutputs");

describe("trace(fn)", () => {
  test("records name, type, attributes, named inputs and outputs", async () => {
    const add = trace(
      function add(x: number, y: number) {
        return x + y;
      },
      { spanType: SpanType.TOOL, attributes: { key: "value", list: [1, 2], nested: { a: [null, "b"] } } },
    );
    expect(add(1, 2)).toBe(3);
    const [span] = await spans();
    expect(span).toMatchObject({ name: "add", parentSpanId: "", statusCode: 1, statusMessage: "" });
    expect(span!.endTimeUnixNano).toBeGreaterThanOrEqual(span!.startTimeUnixNano);
    expect(span!.attributes).toMatchObject({
      "mlflow.spanType": "TOOL",
      key: "value",
      list: [1, 2],
      nested: '{"a":[null,"b"]}',
    });
    expect(inputs(span!)).toEqual({ x: 1, y: 2 });
    expect(outputs(span!)).toBe(3);
  });

  test("keeps type, this, name, length, kind and own members", async () => {
    const scale = Object.assign(
      function scale(this: { factor: number }, value: number): number {
        return this.factor * value;
      },
      { version: 2 },
    );
    const traced = trace(scale);
    expectTypeOf(traced).toEqualTypeOf<typeof scale>();
    expect(traced.call({ factor: 3 }, 2)).toBe(6);
    expect([traced.name, traced.length, traced.version]).toEqual(["scale", 1, 2]);
    const generic = trace(<T>(value: T): T => value);
    expectTypeOf(generic("a")).toEqualTypeOf<string>();
    function parse(value: string): string;
    function parse(value: number): number;
    function parse(value: string | number): string | number {
      return value;
    }
    const overloaded = trace(parse, { spanType: "PARSER" });
    expectTypeOf(overloaded).toEqualTypeOf<typeof parse>();
    expectTypeOf(overloaded("a")).toEqualTypeOf<string>();
    expectTypeOf(overloaded(1)).toEqualTypeOf<number>();
    expectTypeOf(
      trace(async function* (n: number) {
        yield n;
      }),
    ).returns.toEqualTypeOf<AsyncGenerator<number, void, unknown>>();
    const kind = (fn: unknown): string => Object.prototype.toString.call(fn);
    expect(kind(trace(async () => 1))).toBe("[object AsyncFunction]");
    const generator = function* () {
      yield 1;
    };
    expect(kind(trace(generator))).toBe("[object GeneratorFunction]");
  });

  test("a class that is traced still makes its objects", () => {
    class Agent {
      readonly name: string;
      constructor(name: string) {
        this.name = name;
      }
    }
    const Traced = trace(Agent as unknown as () => Agent) as unknown as typeof Agent;
    class Special extends Traced {}
    expect(new Traced("Ann")).toBeInstanceOf(Agent);
    expect(new Traced("Ann")).toBeInstanceOf(Traced);
    expect(new Special("Bea")).toMatchObject({ name: "Bea", constructor: Special });
  });

  test("nests along calls, across awaits and timers", async () => {
    const leaf = trace(async (n: number) => wait(1, n), { name: "leaf" });
    const root = trace(async () => (await Promise.all([leaf(1), leaf(2)])).concat(await wait(1).then(() => leaf(3))), {
      name: "root",
    });
    expect(await root()).toEqual([1, 2, 3]);
    const all = await spans();
    const top = spanNamed(all, "root");
    const leaves = all.filter(({ name }) => name === "leaf");
    expect(leaves.map(({ parentSpanId, traceId }) => [parentSpanId, traceId])).toEqual(
      Array(3).fill([top.spanId, top.traceId]),
    );
  });

  test("inputs and outputs are those of the moment, whatever happens to them later", async () => {
    const history: string[] = ["first"];
    const result = { items: [1] };
    const run = trace((messages: string[]) => {
      messages.push("added inside");
      return result;
    });
    run(history);
    result.items.push(2);
    const [span] = await spans();
    expect(inputs(span!)).toEqual({ messages: ["first"] });
    expect(outputs(span!)).toEqual({ items: [1] });
  });

  test.each([
    ["sync", () => trace(() => fail(), { name: "failing" })()],
    ["async", () => trace(async () => fail(), { name: "failing" })()],
  ])("an error (%s) is thrown on, the very same, and recorded on every span it passes", async (_, call) => {
    const caught = await Promise.resolve()
      .then(trace(call, { name: "outer" }))
      .catch((error: unknown) => error);
    expect(caught).toBe(boom);
    const all = await spans();
    for (const name of ["failing", "outer"]) {
      expect(spanNamed(all, name)).toMatchObject({
        statusCode: 2,
        statusMessage: "boom",
        attributes: { "error.type": "RangeError" },
        events: [
          {
            name: "exception",
            attributes: {
              "exception.type": "RangeError",
              "exception.message": "boom",
              "exception.stacktrace": boom.stack,
            },
          },
        ],
      });
    }
  });

  test("anything may be thrown", async () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    for (const thrown of ["text", undefined, { code: 1 }, circle]) {
      let caught: unknown = "nothing";
      try {
        trace(() => {
          throw thrown;
        })();
      } catch (error) {
        caught = error;
      }
      expect(caught).toBe(thrown);
    }
    expect((await spans()).map(({ statusMessage }) => statusMessage)).toEqual([
      "text",
      "undefined",
      '{"code":1}',
      "[object Object]",
    ]);
  });

  test("a rejection nobody handles stays unhandled", async () => {
    const end = await runProgram(
      `import { trace } from "@sightline/sdk";
       process.on("unhandledRejection", (error) => console.log("unhandled", error.message));
       trace(async () => { throw new Error("lost"); })();`,
      { env: { SIGHTLINE_URL: receiver.url } },
    );
    expect(end.stdout).toBe("unhandled lost\n");
  });

  test("thenables of libraries stay themselves; lazy ones stay lazy", async () => {
    let started = 0;
    class Query {
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
      then(onFulfilled: (value: string[]) => unknown): unknown {
        started += 1;
        return Promise.resolve(["row"]).then(onFulfilled);
      }
      where(): this {
        return this;
      }
    }
    const query = new Query();
    const traced = trace(() => query, { name: "query" });
    expect(traced()).toBe(query);
    await wait(1);
    expect(started).toBe(0);
    expect(await query.where()).toEqual(["row"]);
    expect(started).toBe(1);
    const [span] = await spans();
    expect(outputs(span!)).toEqual(["row"]);
  });
});

const boom = new RangeError("boom");
function fail(): never {
  throw boom;
}

describe("generators", () => {
  test("yield the same; outputs are what they yielded, children hang under them", async () => {
    const child = trace((n: number) => n * 2, { name: "child" });
    const count = trace(
      function* count(limit: number): Generator<number, string, boolean | undefined> {
        for (let n = 1; n <= limit; n++) if (yield child(n)) return "stopped";
        return "done";
      },
      { spanType: SpanType.CHAIN },
    );
    const generator = count(3);
    expect(generator.next()).toEqual({ done: false, value: 2 });
    expect(generator.next()).toEqual({ done: false, value: 4 });
    expect(generator.next(true)).toEqual({ done: true, value: "stopped" });
    expect(generator.next()).toEqual({ done: true, value: undefined });
    const all = await spans();
    const span = spanNamed(all, "count");
    expect(inputs(span)).toEqual({ limit: 3 });
    expect(outputs(span)).toEqual({ yielded: [2, 4], returned: "stopped" });
    expect(all.filter(({ name }) => name === "child").map(({ parentSpanId }) => parentSpanId)).toEqual([
      span.spanId,
      span.spanId,
    ]);
  });

  test("async ones keep their span while others iterate, and take the parent of the call", async () => {
    const tokens = trace(async function* tokens() {
      yield getCurrentSpan()!.spanId;
      await wait(1);
      yield getCurrentSpan()!.spanId;
    });
    const stream = withSpan({ name: "caller" }, () => tokens());
    const seen: string[] = [];
    await withSpan({ name: "reader" }, async (reader) => {
      for await (const id of stream) {
        seen.push(id);
        expect(getCurrentSpan()!.spanId).toBe(reader.spanId);
      }
    });
    const all = await spans();
    const span = spanNamed(all, "tokens");
    expect(seen).toEqual([span.spanId, span.spanId]);
    expect(span.parentSpanId).toBe(spanNamed(all, "caller").spanId);
    expect(outputs(span)).toEqual(seen);
    expect(Object.prototype.toString.call(tokens())).toBe("[object AsyncGenerator]");
  });

  test("that are broken off run their finally and end; errors are recorded", async () => {
    const steps: string[] = [];
    const broken = trace(async function* broken() {
      try {
        yield 1;
        yield 2;
      } finally {
        steps.push("finally");
      }
    });
    for await (const _ of broken()) break;
    expect(steps).toEqual(["finally"]);
    const failing = trace(function* failing() {
      yield 1;
      throw boom;
    });
    expect(() => [...failing()]).toThrow(boom);
    const all = await spans();
    expect(spanNamed(all, "broken")).toMatchObject({
      statusCode: 1,
      attributes: { "sightline.stream.end_reason": "abandoned", "mlflow.spanOutputs": "[1]" },
    });
    expect(spanNamed(all, "failing")).toMatchObject({ statusCode: 2, attributes: { "mlflow.spanOutputs": "[1]" } });
  });

  test("that are never begun are no spans", async () => {
    trace(function* idle() {
      yield 1;
    })();
    expect(await spans()).toEqual([]);
  });

  test("of a plain function end its span with their end", async () => {
    function* numbers() {
      yield 1;
      yield 2;
    }
    const make = trace(() => numbers(), { name: "make" });
    expect([...make()]).toEqual([1, 2]);
    expect(outputs((await spans())[0]!)).toEqual([1, 2]);
  });
});

describe("decorators", () => {
  test("trace methods, private and static ones too", async () => {
    const end = await runProgram(
      `
      import { trace } from "@sightline/sdk";
      class Agent {
        constructor(private readonly name: string) {}
        @trace({ spanType: "AGENT" })
        async answer(question: string) {
          return this.name + ": " + this.#secret(question);
        }
        @trace()
        #secret(text: string) {
          return text.toUpperCase();
        }
        @trace
        static ask(q: string) {
          return q;
        }
      }
      console.log(await new Agent("Ann").answer("why"), Agent.ask("x"));
    `,
      { extension: "mts", env: { SIGHTLINE_URL: receiver.url } },
    );
    expect(end).toMatchObject({ stdout: "Ann: WHY x\n", stderr: "" });
    const facts = receiver.spans.map((span) => [span.name, span.attributes["mlflow.spanType"], inputs(span)]);
    expect(facts).toEqual([
      ["#secret", "UNKNOWN", { text: "why" }],
      ["answer", "AGENT", { question: "why" }],
      ["ask", "UNKNOWN", { q: "x" }],
    ]);
    expect(receiver.spans[0]!.parentSpanId).toBe(receiver.spans[1]!.spanId);
  });

  test("of TypeScript's experimental kind trace methods too", async () => {
    class Tool {
      get(city: string): string {
        return `rainy in ${city}`;
      }
    }
    // What TypeScript emits for `@trace({ name: "my_tool" })` under experimentalDecorators.
    const descriptor = Object.getOwnPropertyDescriptor(Tool.prototype, "get")!;
    trace({ name: "my_tool" })(Tool.prototype, "get", descriptor);
    Object.defineProperty(Tool.prototype, "get", descriptor);
    expect(new Tool().get("Paris")).toBe("rainy in Paris");
    const [span] = await spans();
    expect([span!.name, inputs(span!)]).toEqual(["my_tool", { city: "Paris" }]);
  });

  test("types are those of the method", () => {
    const decorate = trace({ spanType: "AGENT" });
    const method = function (this: { name: string }, question: string): string {
      return this.name + question;
    };
    expectTypeOf(decorate(method)).toEqualTypeOf<typeof method>();
  });
});

describe("withSpan", () => {
  test("hands out the span; its result is the outputs unless some were set", async () => {
    const value = withSpan({ name: "sync", spanType: "PARSER", inputs: { text: "a" } }, (span) => {
      span.setAttribute("step", 1).addEvent("note", { n: 1, o: { deep: true } });
      return 7;
    });
    expect(value).toBe(7);
    const result = await withSpan({ name: "async" }, async (span) => {
      span.setOutputs({ own: true }).setSpanType("RETRIEVER").setStatus("ERROR", "half done");
      return 8;
    });
    expect(result).toBe(8);
    const all = await spans();
    expect(spanNamed(all, "sync")).toMatchObject({
      statusCode: 1,
      attributes: {
        "mlflow.spanType": "PARSER",
        "mlflow.spanInputs": '{"text":"a"}',
        "mlflow.spanOutputs": "7",
        step: 1,
      },
      events: [{ name: "note", attributes: { n: 1, o: '{"deep":true}' } }],
    });
    expect(spanNamed(all, "async")).toMatchObject({
      statusCode: 2,
      statusMessage: "half done",
      attributes: { "mlflow.spanType": "RETRIEVER", "mlflow.spanOutputs": '{"own":true}' },
    });
  });
});

describe("startSpan", () => {
  test("is ended by end() or by using, and is not the current span", async () => {
    withSpan({ name: "root" }, (root) => {
      {
        using span = startSpan({ name: "block", inputs: { a: 1 } });
        expect(getCurrentSpan()).toBe(root);
        span.run(() => withSpan({ name: "inside" }, () => undefined));
        const child = startSpan({ name: "named", parent: span });
        child.setOutputs("out");
        child.end();
        child.end();
        child.setOutputs("too late");
      }
    });
    const all = await spans();
    const block = spanNamed(all, "block");
    expect(block.parentSpanId).toBe(spanNamed(all, "root").spanId);
    expect(spanNamed(all, "inside").parentSpanId).toBe(block.spanId);
    expect(spanNamed(all, "named")).toMatchObject({
      parentSpanId: block.spanId,
      attributes: { "mlflow.spanOutputs": '"out"' },
    });
  });
});

test("names that are no texts, or endless, are sent all the same", async () => {
  for (const name of [undefined, 7, "x".repeat(5000)]) withSpan({ name: name as string }, () => undefined);
  expect((await spans()).map(({ name }) => name)).toEqual(["undefined", "7", "x".repeat(1000)]);
});

test("a span that is used with a wrong value takes it and goes on", async () => {
  const bad = new Proxy({}, { ownKeys: () => fail() });
  withSpan({ name: "robust" }, (span) => {
    span.setInputs(bad).setAttribute("bad", bad).setAttribute("none", undefined).setAttribute("nan", Number.NaN);
    span.recordException(bad).setStatus("OK");
  });
  const [span] = await spans();
  expect(span).toMatchObject({ name: "robust", statusCode: 1 });
  expect(inputs(span!)).toBe("[Threw RangeError: boom]");
});
