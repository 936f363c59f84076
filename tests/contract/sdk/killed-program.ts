/**
 * A traced program that is killed: agents with steps, four at a time, without end. After each span it writes the span's ids to
 * the file of `IDS_FILE`, synchronously: whatever is in the file has ended.
 *
 * With `STOP_AFTER` it ends by itself after so many agents, and has the time to send what those before it left.
 */
import { openSync, writeSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { init, startSpan } from "@sightline/sdk";

const { IDS_FILE = "", ROUND = "", STOP_AFTER = "Infinity" } = process.env;
init({ exitTimeoutMs: 300_000 });
const file = openSync(IDS_FILE, "a");
const attributes = { round: ROUND };

async function agent(number: number): Promise<void> {
  const root = startSpan({ name: "agent", inputs: { number }, attributes });
  for (let index = 0; index < 3; index++) {
    const child = startSpan({
      name: "step",
      parent: root,
      attributes,
      inputs: "x".repeat(Math.random() ** 4 * 50_000),
    });
    await child.run(() => wait(Math.random() * 5));
    end(child);
  }
  end(root);
}

function end(span: ReturnType<typeof startSpan>): void {
  span.end();
  writeSync(file, `${span.traceId} ${span.spanId}\n`);
}

let next = 0;
const last = Number(STOP_AFTER);
await Promise.all(
  Array.from({ length: 4 }, async () => {
    while (next < last) await agent(next++);
  }),
);
