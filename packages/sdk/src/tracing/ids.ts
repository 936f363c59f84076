/**
 * Ids of traces and spans: random, in hex.
 */
import { randomFillSync } from "node:crypto";

/** Filled at once: asking the system for each id would cost as much as the rest of the span. */
const POOL_BYTES = 16 * 1024;

const pool = Buffer.allocUnsafe(POOL_BYTES);
let next = POOL_BYTES;

/** 32 hex digits, never all zero. */
export function newTraceId(): string {
  return randomHex(16);
}

/** 16 hex digits, never all zero. */
export function newSpanId(): string {
  return randomHex(8);
}

/** Whether `text` is a trace id as W3C has it: 32 lower-case hex digits, not all zero. */
export function isTraceIdHex(text: unknown): text is string {
  return typeof text === "string" && /^(?!0{32})[0-9a-f]{32}$/.test(text);
}

/** Whether `text` is a span id as W3C has it: 16 lower-case hex digits, not all zero. */
export function isSpanIdHex(text: unknown): text is string {
  return typeof text === "string" && /^(?!0{16})[0-9a-f]{16}$/.test(text);
}

function randomHex(bytes: number): string {
  if (next + bytes > POOL_BYTES) {
    randomFillSync(pool);
    next = 0;
  }
  const start = next;
  next += bytes;
  // An id of zeros means "none" (W3C trace context, section 3.2.2.3). Chance makes one in 2^64; this makes none.
  if (pool[start] === 0) pool[start] = 1;
  return pool.toString("hex", start, next);
}
