import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { disable, enable, flush, init, shutdown, stats } from "../init.ts";
import { type Receiver, startReceiver } from "../testing/receiver.ts";
import { getCurrentSpan } from "./context.ts";
import { getLastActiveTraceId, updateCurrentTrace } from "./current.ts";
import { newTraceId } from "./ids.ts";
import { isInPart, isSampled, type SampledRoot } from "./sampling.ts";
import { startSpan, trace, withSpan } from "./trace.ts";

const root: SampledRoot = { name: "n", spanType: "AGENT", attributes: {}, inputs: undefined };

describe("a part of the traces", () => {
  test("is what the rate says", () => {
    const ids = Array.from({ length: 20_000 }, newTraceId);
    const share = ids.filter((id) => isInPart(id, 0.2)).length / ids.length;
    expect(share).toBeGreaterThan(0.18);
    expect(share).toBeLessThan(0.22);
  });

  test("holds every trace of any smaller part, and none or all at the ends", () => {
    const part = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9a-f]{32}$/), part, part, (id, one, other) => {
        if (isInPart(id, Math.min(one, other))) expect(isInPart(id, Math.max(one, other))).toBe(true);
        expect([isInPart(id, 0), isInPart(id, 1)]).toEqual([false, true]);
      }),
    );
  });

  test("can be said by a function, trace by trace", () => {
    const id = "f".repeat(32);
    expect(isSampled(() => true, id, root)).toBe(true);
    expect(isSampled(() => false, id, root)).toBe(false);
    expect(isSampled(() => 0.999, id, root)).toBe(false);
    expect(isSampled(({ name }) => (name === "n" ? 1 : 0), id, root)).toBe(true);
  });
});

describe("in a program", () => {
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(async () => {
    enable();
    await shutdown();
    await receiver.close();
  });
  const names = async (): Promise<string[]> => {
    await flush();
    return receiver.spans.map(({ name }) => name);
  };

  test("a trace that is left out runs its code as it is, and leaves nothing behind", async () => {
    init({ url: receiver.url, sampler: 0 });
    const boom = new Error("boom");
    const inner = trace(async (n: number) => {
      getCurrentSpan()?.setInputs({ n }).addEvent("e").setStatus("ERROR");
      updateCurrentTrace({ tags: { a: "b" } });
      return n;
    });
    const generator = trace(function* () {
      yield getCurrentSpan()?.isRecording;
    });
    const seen = await withSpan({ name: "outer" }, async (span) => {
      const other = startSpan({ name: "other" });
      other.end({ outputs: 1 });
      return [
        await inner(7),
        [...generator()],
        span.isRecording,
        getCurrentSpan() === span,
        other.traceId === span.traceId,
      ];
    });
    expect(seen).toEqual([7, [false], false, true, true]);
    expect(() =>
      trace(() => {
        throw boom;
      })(),
    ).toThrow(boom);
    expect(getCurrentSpan()).toBeUndefined();
    expect(getLastActiveTraceId()).toBeUndefined();
    expect(await names()).toEqual([]);
    expect(stats()).toMatchObject({ ended: 0, failures: 0 });
  });

  test("the sampler is asked once a trace, with what is known of its root; children go with it", async () => {
    const asked: SampledRoot[] = [];
    init({
      url: receiver.url,
      sampler: (given) => {
        asked.push(given);
        return given.name === "kept";
      },
    });
    const kept = trace((question: string) => withSpan({ name: "child" }, () => question), {
      name: "kept",
      spanType: "AGENT",
      attributes: { tenant: 7 },
    });
    const dropped = trace((question: string) => withSpan({ name: "child" }, () => kept(question)), { name: "dropped" });
    kept("why");
    dropped("how");
    expect(asked).toEqual([
      { name: "kept", spanType: "AGENT", attributes: { tenant: 7 }, inputs: { question: "why" } },
      { name: "dropped", spanType: "UNKNOWN", attributes: {}, inputs: { question: "how" } },
    ]);
    expect(await names()).toEqual(["child", "kept"]);
  });

  test("the root has decided, in whichever process it was", async () => {
    const ids = { traceId: newTraceId(), spanId: "b7ad6b7169203331" };
    init({ url: receiver.url, sampler: 0 });
    withSpan({ name: "sampled there", parent: { ...ids, isSampled: true } }, () => undefined);
    init({ url: receiver.url, sampler: 1 });
    withSpan({ name: "left out there", parent: { ...ids, isSampled: false } }, (span) => {
      expect([span.traceId, span.isRecording]).toEqual([`tr-${ids.traceId}`, false]);
      withSpan({ name: "child" }, () => undefined);
    });
    expect(await names()).toEqual(["sampled there"]);
  });

  test("a sampler that fails, or answers nonsense, is counted; the trace is recorded", async () => {
    const before = stats().failures;
    init({
      url: receiver.url,
      sampler: () => {
        throw new Error("broken");
      },
    });
    withSpan({ name: "one" }, () => undefined);
    init({ url: receiver.url, sampler: () => 7 });
    withSpan({ name: "two" }, () => undefined);
    expect(await names()).toEqual(["one", "two"]);
    expect(stats().failures - before).toBe(2);
  });

  test("disable() stops new spans, those under way end; enable() goes on", async () => {
    init({ url: receiver.url });
    const step = trace(() => getCurrentSpan()?.spanId, { name: "step" });
    withSpan({ name: "under way" }, (span) => {
      disable();
      expect(step()).toBe(span.spanId);
      expect(startSpan({ name: "off" }).isRecording).toBe(false);
    });
    step();
    enable();
    step();
    expect(await names()).toEqual(["under way", "step"]);
    init({ url: receiver.url, enabled: false });
    step();
    enable();
    withSpan({ name: "again" }, () => undefined);
    expect(await names()).toEqual(["under way", "step", "again"]);
  });

  test("a broken budget leaves payloads, then traces, away, and says so in stats()", async () => {
    init({ url: receiver.url, overheadBudget: 1e-9 });
    const step = trace((text: string) => text.length, { name: "step" });
    for (let call = 0; call < 50; call++) step("x".repeat(5000));
    await flush();
    expect(stats().overhead).toMatchObject({ mode: "sampling", budget: 1e-9 });
    const { length } = receiver.spans;
    expect(length).toBeGreaterThan(0);
    expect(length).toBeLessThan(25);
    expect(String(receiver.spans.at(-1)!.attributes["mlflow.spanInputs"])).toContain("[truncated");
  });
});
