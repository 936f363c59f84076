/**
 * Inputs and outputs of the traced call, from seeds: what agents pass around, from a question to 200,000 objects.
 *
 * Every call has values of its own, as in a program: strings are flat and no two calls share one.
 */
import { seeded } from "../workload/random.ts";

export type PayloadName = "small" | "10KB" | "1MB" | "10MB" | "objects";

export interface Payload {
  readonly inputs: unknown;
  readonly outputs: unknown;
}

export interface PayloadKind {
  readonly title: string;
  /** Measured calls of a round. */
  readonly calls: number;
  /** Calls before them that warm up; fewer when nobody takes the spans. */
  readonly warmCalls: { readonly up: number; readonly notUp: number };
  /** Pause after each call. 0 = one turn of the event loop. */
  readonly gapMs: number;
  /** Inputs and outputs together are 1 MB or more. */
  readonly isLarge: boolean;
  /** Most that the call may take longer, p50. */
  readonly targetMs: number;
  readonly make: (random: () => number) => Payload;
}

/** Spans stay below what OpenTelemetry queues by default (2,048), and bytes a second at what one process can send. */
export const payloadKinds: Readonly<Record<PayloadName, PayloadKind>> = {
  small: {
    title: "small",
    calls: 1000,
    warmCalls: { up: 3000, notUp: 1000 },
    gapMs: 0,
    isLarge: false,
    targetMs: 0.008,
    make: (random) => ({
      inputs: { question: text(random, 60), user: Math.floor(random() * 1e6) },
      outputs: { answer: text(random, 80), confidence: random() },
    }),
  },
  "10KB": {
    ...chat(10),
    title: "10 KB",
    calls: 800,
    warmCalls: { up: 2000, notUp: 1000 },
    gapMs: 0,
    isLarge: false,
    targetMs: 0.03,
  },
  "1MB": {
    ...chat(1000),
    title: "1 MB",
    calls: 60,
    warmCalls: { up: 20, notUp: 10 },
    gapMs: 40,
    isLarge: true,
    targetMs: 0.3,
  },
  "10MB": {
    ...chat(10_000),
    title: "10 MB",
    calls: 12,
    warmCalls: { up: 3, notUp: 3 },
    gapMs: 400,
    isLarge: true,
    targetMs: 5,
  },
  objects: {
    title: "10 MB in 200,000 objects",
    calls: 10,
    warmCalls: { up: 3, notUp: 3 },
    gapMs: 500,
    isLarge: true,
    targetMs: 55,
    make: (random) => ({ inputs: { rows: rows(random, 100_000) }, outputs: { rows: rows(random, 100_000) } }),
  },
};

/** A conversation of so many messages of about 1,000 characters, half of them in the inputs. */
function chat(messages: number): Pick<PayloadKind, "make"> {
  const half = messages / 2;
  return {
    make: (random) => ({
      inputs: { model: "gpt-4o-mini", temperature: 0.2, messages: Array.from({ length: half }, () => message(random)) },
      outputs: {
        id: `resp_${Math.floor(random() * 1e9)}`,
        messages: Array.from({ length: half }, () => message(random)),
      },
    }),
  };
}

const ROLES = ["user", "assistant", "tool"];

function message(random: () => number) {
  const length = 300 + Math.floor(random() * 1300);
  // Three in a hundred are Chinese: strings of two bytes a character, three in UTF-8.
  const content = random() < 0.03 ? chinese(random, Math.floor(length / 3)) : text(random, length);
  return { role: ROLES[Math.floor(random() * 3)], content };
}

/** About 50 bytes of JSON each. */
function rows(random: () => number, count: number) {
  return Array.from({ length: count }, (_, index) => ({ id: index, name: text(random, 14), ok: random() < 0.5 }));
}

const POOL_CHARS = 4 * 2 ** 20;
let pools: { readonly latin: Buffer; readonly chinese: Buffer } | undefined;

function text(random: () => number, length: number): string {
  pools ??= makePools();
  const start = Math.floor(random() * (POOL_CHARS - length));
  return pools.latin.toString("latin1", start, start + length);
}

function chinese(random: () => number, length: number): string {
  pools ??= makePools();
  const start = 2 * Math.floor(random() * (POOL_CHARS / 8 - length));
  return pools.chinese.toString("utf16le", start, start + 2 * length);
}

/** Words with the line ends and quotes that real texts have; they are what makes JSON text expensive. */
function makePools() {
  const random = seeded(5);
  const latin = Buffer.alloc(POOL_CHARS);
  let at = 0;
  while (at < POOL_CHARS) {
    const end = Math.min(POOL_CHARS, at + 2 + Math.floor(random() * 9));
    for (; at < end; at += 1) latin[at] = 97 + Math.floor(random() * 26);
    if (at < POOL_CHARS) latin.write(random() < 0.02 ? "\n" : random() < 0.02 ? '"' : " ", at++, "latin1");
  }
  const characters = Uint16Array.from({ length: POOL_CHARS / 8 }, () => 0x4e00 + Math.floor(random() * 3000));
  return { latin, chinese: Buffer.from(characters.buffer) };
}
