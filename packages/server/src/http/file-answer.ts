/**
 * Answers with bytes that do not change: whole, a range of them, or "not modified".
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-14 (ranges), section 13 (conditions)
 */
import { SightlineError } from "@sightline/wire/errors";
import { type AnswerHeaders, reply } from "./reply.ts";
import { replyStream } from "./stream.ts";

export interface FileContent {
  readonly size: number;
  /** Of these bytes for ever, without quotes. */
  readonly tag: string;
  readonly headers: AnswerHeaders;
  /** Called once, if at all: either of both. */
  read(start: number, end: number): AsyncGenerator<Uint8Array, void>;
  close(): Promise<void>;
}

/** Answers a GET or HEAD. @throws RANGE_NOT_SATISFIABLE */
export async function replyFile(request: Request, file: FileContent): Promise<Response> {
  const etag = `"${file.tag}"`;
  const headers = { ...file.headers, etag, "accept-ranges": "bytes" };
  try {
    if (matches(request.headers.get("if-none-match"), etag)) {
      await file.close();
      return reply(304, null, headers);
    }
    const range = readRange(request, file.size, etag);
    const { start, end } = range ?? { start: 0, end: file.size };
    const status = range === undefined ? 200 : 206;
    const all = {
      ...headers,
      "content-length": String(end - start),
      ...(range && { "content-range": `bytes ${start}-${end - 1}/${file.size}` }),
    };
    if (request.method === "HEAD") {
      await file.close();
      return reply(status, null, all);
    }
    return await replyStream(file.read(start, end), all, status);
  } catch (error) {
    await file.close();
    throw error;
  }
}

function matches(header: string | null, etag: string): boolean {
  if (header === null) return false;
  const tags = header.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(etag);
}

/** The range that is asked for; undefined = all: also for several ranges, and other units, which a server may leave aside. */
function readRange(request: Request, size: number, etag: string): { start: number; end: number } | undefined {
  const header = request.headers.get("range");
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  // Of another version of the bytes: there is none, but the client may mean another file.
  const condition = request.headers.get("if-range");
  if (condition !== null && condition !== etag) return undefined;
  const [first, last] = [match[1], match[2]].map((digits) => (digits === "" ? undefined : Number(digits)));
  const start = first ?? Math.max(0, size - (last ?? 0));
  const end = first === undefined || last === undefined ? size : Math.min(size, last + 1);
  if (last !== undefined && first !== undefined && last < first) return undefined;
  if (start < end) return { start, end };
  throw new SightlineError("RANGE_NOT_SATISFIABLE", `There are ${size} bytes; "${header}" asks for none of them.`, {
    details: { size },
  });
}
