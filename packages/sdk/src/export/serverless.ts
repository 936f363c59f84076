/**
 * Functions that are frozen when they have answered (AWS Lambda, Vercel, Cloudflare and the like): what they traced is sent before
 * that, since nothing runs afterwards.
 *
 * The platform's own promise is used where there is one, so that nobody waits for telemetry; on Lambda there is none, and the
 * answer waits until the server has the spans, within the time that is left.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { liveExporters } from "../destinations.ts";
import { countFailure } from "../diagnostics.ts";
import { flush } from "../init.ts";

/** Longest wait for the server after an answer; the platforms end the function some time later. */
const FLUSH_TIMEOUT_MS = 10_000;
/** Lambda ends a function at its deadline with an error: the answer must be out before. */
const RESERVE_MS = 500;
/** Longest wait for spans that still run when the handler has returned: an answer that is streamed is a span until its end. */
const RUNNING_TIMEOUT_MS = 60_000;
/**
 * Where platforms keep what belongs to the request that is handled.
 *
 * @see https://github.com/vercel/next.js/blob/canary/packages/next/src/server/after/builtin-request-context.ts
 */
const REQUEST_CONTEXTS = [Symbol.for("@next/request-context"), Symbol.for("@vercel/request-context")] as const;

/** Keeps the function running until the promise is settled: `ctx.waitUntil` of Cloudflare, `waitUntil` of Vercel, `after` of Next.js. */
export type WaitUntil = (work: Promise<unknown>) => void;

/** What holds such a function: the `ctx` of a Cloudflare Worker, the `context` of an edge function. */
export interface ExecutionContext {
  /** Keeps the function running until `work` is settled. */
  waitUntil(work: Promise<unknown>): void;
}

/**
 * Sends what was traced after the request was answered, while the platform keeps the function running. Spans that still run, such
 * as that of an answer that is streamed, are waited for, at most a minute.
 *
 * ```ts
 * export async function POST(request: Request) {          // Vercel, Next.js
 *   const answer = await agent(request);
 *   sightline.flushAfter();
 *   return answer;
 * }
 * ```
 *
 * @param context  `ctx` of the handler, or its `waitUntil`; absent = that of Vercel or Next.js, found by itself
 * @returns whether there is a platform that waits; if not, spans are sent as in any other program
 */
export function flushAfter(context?: ExecutionContext | WaitUntil): boolean {
  try {
    const waitUntil = toWaitUntil(context) ?? requestWaitUntil();
    waitUntil?.(flushEnded());
    return waitUntil !== undefined;
  } catch (error) {
    // Platforms throw when the answer is out already.
    countFailure("waitUntil", error);
    return false;
  }
}

/**
 * Wraps the `fetch` handler of a Cloudflare Worker, or any handler whose last argument has a `waitUntil`: when its promise is
 * settled, what it traced is sent. What it returns or throws stays as it is.
 *
 * ```ts
 * export default { fetch: sightline.afterResponse(async (request, env, ctx) => new Response(await agent(request))) };
 * ```
 */
export function afterResponse<Args extends readonly unknown[], Result>(
  handler: (...args: Args) => Result,
): (...args: Args) => Result {
  return function flushing(this: unknown, ...args: Args): Result {
    const context = args.findLast(hasWaitUntil);
    const done = (): void => void flushAfter(context);
    let result: Result;
    try {
      result = Reflect.apply(handler, this, args);
    } catch (error) {
      done();
      throw error;
    }
    if (!isThenable(result)) done();
    // Its own outcome is the caller's; here it only says when.
    else result.then(done, done);
    return result;
  };
}

/** What is used of Lambda's context. */
export interface LambdaContext {
  /** Milliseconds until the platform ends the function. */
  getRemainingTimeInMillis(): number;
}

/**
 * Wraps the handler of an AWS Lambda function: its answer waits until the server has what was traced, for as long as the function
 * has time left (less half a second, and at most ten). What it returns or throws stays as it is.
 *
 * ```ts
 * export const handler = sightline.wrapLambda(async (event, context) => agent(event));
 * ```
 *
 * Handlers that answer by a callback, and streaming handlers (`awslambda.streamifyResponse(sightline.wrapLambda(…))`) are wrapped the
 * same way.
 */
export function wrapLambda<Args extends readonly unknown[], Result>(
  handler: (...args: Args) => Result,
): (...args: Args) => Promise<Awaited<Result>> {
  return async function traced(this: unknown, ...args: Args): Promise<Awaited<Result>> {
    try {
      return await callLambda(handler, this, args);
    } finally {
      await flush(timeLeft(args)).catch((error: unknown) => countFailure("flush before the answer", error));
    }
  };
}

/** A callback is the third argument; a handler that takes one answers with it, whatever it returns. */
function callLambda<Args extends readonly unknown[], Result>(
  handler: (...args: Args) => Result,
  self: unknown,
  args: Args,
): Promise<Awaited<Result>> {
  if (handler.length < 3 || typeof args[2] !== "function") {
    return Promise.resolve(Reflect.apply(handler, self, args));
  }
  return new Promise((resolve, reject) => {
    const answer = (error: unknown, result: Awaited<Result>): void => {
      if (error === null || error === undefined) resolve(result);
      else reject(error);
    };
    const [event, context] = args;
    const returned: unknown = Reflect.apply(handler, self, [event, context, answer]);
    if (isThenable(returned)) returned.then((result) => resolve(result as Awaited<Result>), reject);
  });
}

/** Milliseconds that the answer may wait. */
function timeLeft(args: readonly unknown[]): number {
  const context = args.find(isLambdaContext);
  if (context === undefined) return FLUSH_TIMEOUT_MS;
  return Math.max(0, Math.min(FLUSH_TIMEOUT_MS, context.getRemainingTimeInMillis() - RESERVE_MS));
}

function isLambdaContext(value: unknown): value is LambdaContext {
  return isObject(value) && typeof value["getRemainingTimeInMillis"] === "function";
}

function hasWaitUntil(value: unknown): value is ExecutionContext {
  return isObject(value) && typeof value["waitUntil"] === "function";
}

function toWaitUntil(context: ExecutionContext | WaitUntil | undefined): WaitUntil | undefined {
  if (context === undefined || typeof context === "function") return context;
  // Called on its object: Cloudflare's throws otherwise.
  return (work) => context.waitUntil(work);
}

function requestWaitUntil(): WaitUntil | undefined {
  for (const key of REQUEST_CONTEXTS) {
    const context = (globalThis as { [key: symbol]: { get?: () => unknown } | undefined })[key]?.get?.();
    if (hasWaitUntil(context)) return (work) => context.waitUntil(work);
  }
  return undefined;
}

/** Lets the spans that run now come to their end, then sends everything. Never rejects: platforms log it as an error of the program. */
async function flushEnded(): Promise<void> {
  try {
    // An answer that is streamed may begin its span when it is first read.
    await nextTurn();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      Promise.all(liveExporters().map((exporter) => exporter.untilEnded())),
      new Promise((resolve) => {
        timer = setTimeout(resolve, RUNNING_TIMEOUT_MS);
      }),
    ]);
    clearTimeout(timer);
    await flush(FLUSH_TIMEOUT_MS);
  } catch (error) {
    countFailure("flush after the answer", error);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return isObject(value) && typeof value["then"] === "function";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
