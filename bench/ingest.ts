/**
 * How fast spans are taken: stored spans a second, server CPU for each span, time to the acknowledgement.
 *
 *   node --import tsx --conditions=@sightline/source bench/ingest.ts [--seconds 10] [--connections 8]
 *
 * A trace has 8 spans with 11 KB of inputs and outputs, 13 KB as OTLP protobuf. The load is a closed loop over kept-alive
 * connections. CPU is that of the server and its engines together, from /proc (Linux). Afterwards the stored spans are counted.
 */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { encodeExportRequest } from "@sightline/wire/otlp/protobuf";
import type { OtlpSpan } from "@sightline/wire/otlp/span";
import { removeDataDir, type SightlineProcess, startSightline } from "../tests/harness/sightline-process.ts";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "10" }, connections: { type: "string", default: "8" } },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);

const SPANS_PER_TRACE = 8;
/** USER_HZ, the unit of CPU times in /proc; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

const loads = [
  { name: "512 spans a request", tracesPerRequest: 64, gzip: false },
  { name: "1 trace a request", tracesPerRequest: 1, gzip: false },
  { name: "1 trace a request, gzip", tracesPerRequest: 1, gzip: true },
];

/** mulberry32: small, seeded, good enough for text. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = seeded(1);
const words = Array.from({ length: 2000 }, () =>
  Array.from({ length: 2 + Math.floor(random() * 9) }, () => String.fromCharCode(97 + Math.floor(random() * 26))).join(
    "",
  ),
);
/** Frequent words come more often, as in real text. */
const text = (chars: number) => {
  let result = "";
  while (result.length < chars) result += `${words[Math.floor(random() ** 2 * words.length)]} `;
  return result.slice(0, chars);
};

function makeTrace(traceId: string): OtlpSpan[] {
  const start = BigInt(Date.now()) * 1_000_000n;
  return Array.from({ length: SPANS_PER_TRACE }, (_, index) => ({
    traceId,
    spanId: (index + 1).toString(16).padStart(16, "a"),
    parentSpanId: index === 0 ? "" : "1".padStart(16, "a"),
    name: ["agent", "plan", "retrieve", "chat", "tool", "chat", "rerank", "answer"][index] ?? "step",
    kind: 1,
    startTimeUnixNano: start + BigInt(index) * 1_000_000n,
    endTimeUnixNano: start + BigInt(index + 1) * 1_000_000n,
    statusCode: 1,
    statusMessage: "",
    attributes: {
      "mlflow.spanType": index === 0 ? "AGENT" : "CHAT_MODEL",
      "mlflow.spanInputs": JSON.stringify({ messages: [{ role: "user", content: text(650) }] }),
      "mlflow.spanOutputs": JSON.stringify({ role: "assistant", content: text(620) }),
      "gen_ai.request.model": "gpt-4o-mini",
      "gen_ai.usage.input_tokens": 200 + index,
      "gen_ai.usage.output_tokens": 40,
      "session.id": "bench",
    },
    events: [],
    links: [],
  }));
}

interface Template {
  readonly body: Buffer;
  /** Where the trace ids are; each entry is a trace, with the offsets of its spans. */
  readonly traceIds: readonly (readonly number[])[];
}

/** A request whose trace ids can be replaced in place: making one costs the client nearly nothing. */
function makeTemplate(traces: number): Template {
  const ids = Array.from({ length: traces }, (_, index) => index.toString(16).padStart(32, "fe"));
  const spans = ids.flatMap(makeTrace);
  const body = Buffer.from(
    encodeExportRequest([{ resource: { "service.name": "bench" }, scope: { name: "bench", version: "1" }, spans }]),
  );
  const traceIds = ids.map((id) => {
    const needle = Buffer.from(id, "hex");
    const offsets: number[] = [];
    for (let at = body.indexOf(needle); at !== -1; at = body.indexOf(needle, at + 16)) offsets.push(at);
    return offsets;
  });
  return { body, traceIds };
}

function fillIds({ body, traceIds }: Template): Buffer {
  const copy = Buffer.from(body);
  for (const offsets of traceIds) {
    const high = Math.floor(random() * 2 ** 32);
    const low = Math.floor(random() * 2 ** 32);
    for (const offset of offsets) {
      copy.writeUInt32BE(high, offset);
      copy.writeUInt32BE(low, offset + 4);
    }
  }
  return copy;
}

async function post(url: string, agent: Agent, body: Buffer, gzip: boolean): Promise<number> {
  const headers = {
    "content-type": "application/x-protobuf",
    "content-length": body.length,
    ...(gzip && { "content-encoding": "gzip" }),
  };
  const sent = request(`${url}/v1/traces`, { method: "POST", agent, headers });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  response.resume();
  await once(response, "end");
  return response.statusCode ?? 0;
}

/** CPU seconds by command of all processes in the server's process group, and their memory (PSS) in MiB. */
function usageOf({ pid }: SightlineProcess): { cpu: Map<string, number>; memoryMib: number } {
  const cpu = new Map<string, number>();
  let memoryKib = 0;
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const fields = stat.replace(/^.*\) /s, "").split(" ");
      // proc(5), counted from the state: process group 2, utime 11, stime 12.
      if (Number(fields[2]) !== pid) continue;
      const name = Number(entry) === pid ? "server" : (/\((.*)\)/s.exec(stat)?.[1] ?? "?");
      const used = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
      cpu.set(name, (cpu.get(name) ?? 0) + used);
      memoryKib += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${entry}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    } catch (error) {
      // It ended while the list was read.
      if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  return { cpu, memoryMib: memoryKib / 1024 };
}

async function storedSpans(url: string): Promise<number> {
  return ((await (await fetch(`${url}/api/v1/stats`)).json()) as { spans: number }).spans;
}

async function run(server: SightlineProcess, load: (typeof loads)[number]): Promise<void> {
  const templates = Array.from({ length: 8 }, () => makeTemplate(load.tracesPerRequest));
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const before = await storedSpans(server.url);
  const cpuBefore = usageOf(server).cpu;
  const started = performance.now();
  const waits: number[] = [];
  let refused = 0;
  await Promise.all(
    Array.from({ length: connections }, async (_, connection) => {
      for (let round = 0; performance.now() - started < seconds * 1000; round += 1) {
        const template = templates[(connection + round) % templates.length] as Template;
        const filled = fillIds(template);
        const body = load.gzip ? gzipSync(filled, { level: 1 }) : filled;
        const sent = performance.now();
        const status = await post(server.url, agent, body, load.gzip);
        if (status === 200) waits.push(performance.now() - sent);
        else refused += 1;
      }
    }),
  );
  const elapsed = (performance.now() - started) / 1000;
  const after = usageOf(server);
  agent.destroy();
  const acknowledged = waits.length * load.tracesPerRequest * SPANS_PER_TRACE;
  const stored = (await storedSpans(server.url)) - before;
  waits.sort((a, b) => a - b);
  const quantile = (q: number) => (waits[Math.floor(q * (waits.length - 1))] ?? 0).toFixed(1);
  const micros = [...after.cpu].map(([name, used]) => {
    const perSpan = ((used - (cpuBefore.get(name) ?? 0)) * 1e6) / acknowledged;
    return { name, perSpan };
  });
  const total = micros.reduce((sum, { perSpan }) => sum + perSpan, 0);
  const parts = micros
    .filter(({ perSpan }) => perSpan >= 0.5)
    .map(({ name, perSpan }) => `${name} ${perSpan.toFixed(1)}`);
  process.stdout.write(
    `${load.name} (${(templates[0]?.body.length ?? 0) >> 10} KiB): ${Math.round(acknowledged / elapsed)} spans/s, ` +
      `CPU ${total.toFixed(1)} µs/span (${parts.join(", ")}), ` +
      `acknowledged p50 ${quantile(0.5)} p99 ${quantile(0.99)} ms, refused ${refused}, ` +
      `memory ${Math.round(after.memoryMib)} MiB, acknowledged ${acknowledged}, stored ${stored}\n`,
  );
  if (stored !== acknowledged) throw new Error(`${acknowledged} spans were acknowledged and ${stored} are stored`);
}

const server = await startSightline();
try {
  for (const load of [...loads, ...loads]) await run(server, load);
} finally {
  await server.stop();
  await removeDataDir(server.dataDir);
}
