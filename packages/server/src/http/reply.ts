/**
 * The one way answers are made, so that none lacks its security headers.
 */
import { stringifyJson } from "@sightline/wire/json";

/** Headers of every answer. Pages bring their own Content-Security-Policy. */
const common = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  // Nothing but the UI's pages is meant to be shown, run or framed by a browser.
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
} as const;

export type AnswerHeaders = Readonly<Record<string, string>>;

/** An answer with the common headers; those of `headers` win (names in lower case). */
export function reply(
  status: number,
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null,
  headers: AnswerHeaders,
): Response {
  return new Response(body, { status, headers: { ...common, ...headers } });
}

/** JSON; raw JSON texts and bigints in `value` are written as they are. */
export function replyJson(status: number, value: unknown, headers: AnswerHeaders = {}): Response {
  return reply(status, stringifyJson(value), { "content-type": "application/json; charset=utf-8", ...headers });
}

/** Plain text in UTF-8. */
export function replyText(status: number, text: string, headers: AnswerHeaders = {}): Response {
  return reply(status, text, { "content-type": "text/plain; charset=utf-8", ...headers });
}
