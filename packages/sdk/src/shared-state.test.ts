import { cpSync, mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runProgram } from "./testing/program.ts";
import { type Receiver, spanNamed, startReceiver } from "./testing/receiver.ts";

// Inside the repository, so that its imports are found; ignored by git.
const copies = fileURLToPath(new URL("../.cache/copies/", import.meta.url));

let receiver: Receiver;
let copy: string;
beforeEach(async () => {
  receiver = await startReceiver();
  copy = `${copies}${process.pid}/src`;
  mkdirSync(copy, { recursive: true });
  cpSync(fileURLToPath(new URL(".", import.meta.url)), copy, {
    recursive: true,
    filter: (file) => !file.endsWith(".test.ts"),
  });
});
afterEach(async () => {
  rmSync(`${copies}${process.pid}`, { recursive: true });
  await receiver.close();
});

test("two copies in one process trace as one: one tree, one configuration, one count, one delivery", async () => {
  const end = await runProgram(
    `
    import * as one from "@sightline/sdk";
    import * as two from ${JSON.stringify(`${copy}/index.ts`)};
    if (one.trace === two.trace) throw new Error("they are the same copy");
    one.init({ url: ${JSON.stringify(receiver.url)}, experiment: "shared" });
    const inner = two.trace(async (n) => {
      one.updateCurrentTrace({ tags: { from: "one" } });
      two.getCurrentSpan().setAttribute("n", n);
      return one.getCurrentSpan() === two.getCurrentSpan();
    }, { name: "inner" });
    const same = await one.withSpan({ name: "outer" }, async (outer) => {
      two.startSpan({ name: "linked", parent: outer }).addLink(outer).end();
      return inner(7);
    });
    two.disable();
    one.withSpan({ name: "off" }, () => undefined);
    two.enable();
    await one.withSpan({ name: "outer of two", parent: null }, () => two.withSpan({ name: "inner of two" }, () => undefined));
    const delivered = await two.shutdown();
    one.withSpan({ name: "after the end" }, () => undefined);
    const { ended, sent, overhead } = one.stats();
    console.log(JSON.stringify({ same, delivered, ended, sent, measured: overhead.calls > 0, alike: two.stats().overhead.calls === overhead.calls, last: one.getLastActiveTraceId() === two.getLastActiveTraceId() }));
    `,
  );
  expect(end.stderr).toBe("");
  expect(JSON.parse(end.stdout)).toEqual({
    same: true,
    delivered: true,
    ended: 5,
    sent: 5,
    measured: true,
    alike: true,
    last: true,
  });
  expect(receiver.spans).toHaveLength(5);
  const outer = spanNamed(receiver.spans, "outer");
  expect(outer.attributes["mlflow.traceTag.from"]).toBe("one");
  expect(spanNamed(receiver.spans, "inner")).toMatchObject({ parentSpanId: outer.spanId, attributes: { n: 7 } });
  expect(spanNamed(receiver.spans, "linked")).toMatchObject({
    parentSpanId: outer.spanId,
    links: [{ spanId: outer.spanId }],
  });
  expect(spanNamed(receiver.spans, "inner of two").parentSpanId).toBe(spanNamed(receiver.spans, "outer of two").spanId);
});
