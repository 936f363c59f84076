/**
 * Trace headers on outgoing requests by themselves, for the origins of `init({ propagateTo })` and no other.
 *
 * `fetch` and undici tell of their requests through a diagnostics channel, and so does `node:http` from Node 22.12 on. In Node 20
 * the one moment at which headers of `node:http` can still be set is when they are written; see {@link patchHttp}.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { ClientRequest } from "node:http";
import { safely } from "../diagnostics.ts";
import { currentPosition, positionHeaders } from "./propagation.ts";

/** An origin such as `https://api.example.com`, or a pattern that is looked for in origins. */
export type OriginPattern = string | RegExp;

/**
 * Begins to add headers.
 *
 * @returns stops it
 */
export function propagateTo(patterns: readonly OriginPattern[]): () => void {
  const wanted = (origin: string): boolean => patterns.some((pattern) => matches(pattern, origin));
  const onUndici = (message: unknown): void => {
    safely("outgoing headers", () => addToUndici((message as { request: UndiciRequest }).request, wanted));
  };
  const onHttp = (message: unknown): void => {
    safely("outgoing headers", () => addToHttp((message as { request: ClientRequest }).request, wanted));
  };
  subscribe("undici:request:create", onUndici);
  subscribe("http.client.request.created", onHttp);
  const unpatch = hasCreatedChannel() ? undefined : patchHttp((request) => onHttp({ request }));
  return () => {
    unsubscribe("undici:request:create", onUndici);
    unsubscribe("http.client.request.created", onHttp);
    unpatch?.();
  };
}

/** Whether the origin of a request (`https://host:port`, without a default port) is one of the pattern's. */
function matches(pattern: OriginPattern, origin: string): boolean {
  // `search` takes no notice of the state that a pattern with the flag g keeps.
  if (typeof pattern !== "string") return origin.search(pattern) !== -1;
  return URL.canParse(pattern) && new URL(pattern).origin === origin;
}

/** The part that undici 5 to 7 have in common. */
interface UndiciRequest {
  readonly origin: string | URL;
  /** Names and values in turn; one text of lines in undici 5. */
  readonly headers: readonly unknown[] | string;
  addHeader(name: string, value: string): unknown;
}

/** @see https://github.com/nodejs/undici/blob/main/docs/docs/api/DiagnosticsChannel.md */
function addToUndici(request: UndiciRequest, wanted: (origin: string) => boolean): void {
  const position = currentPosition();
  if (position === undefined || !wanted(new URL(request.origin).origin)) return;
  const names = Array.isArray(request.headers)
    ? request.headers.filter((_, index) => index % 2 === 0)
    : String(request.headers)
        .split("\r\n")
        .map((line) => line.split(":")[0]);
  if (names.some((name) => String(name).toLowerCase() === "traceparent")) return;
  for (const [name, value] of Object.entries(positionHeaders(position))) request.addHeader(name, value);
}

function addToHttp(request: ClientRequest, wanted: (origin: string) => boolean): void {
  const position = currentPosition();
  if (position === undefined || request.headersSent || request.hasHeader("traceparent")) return;
  const origin = originOf(request);
  if (origin === undefined || !wanted(origin)) return;
  for (const [name, value] of Object.entries(positionHeaders(position))) request.setHeader(name, value);
}

/** Where a request goes; undefined when it goes to a socket file, or when its Host header says another place than its host. */
function originOf(request: ClientRequest): string | undefined {
  if ((request as { socketPath?: string }).socketPath) return undefined;
  // The port is nowhere but in the Host header that Node itself makes.
  const text = `${request.protocol}//${String(request.getHeader("host"))}`;
  if (!URL.canParse(text)) return undefined;
  const { origin, hostname } = new URL(text);
  const isOwn = hostname.replace(/^\[|\]$/g, "") === request.host.toLowerCase().replace(/^\[|\]$/g, "");
  return isOwn ? origin : undefined;
}

function hasCreatedChannel(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 12);
}

type ImplicitHeader = (this: ClientRequest) => void;
interface Writer {
  _implicitHeader?: ImplicitHeader;
}

/**
 * Calls `onRequest` before the headers of a request are written. For Node below 22.12, whose only channel of `node:http`
 * (`http.client.request.start`) speaks when they are out; done only when `propagateTo` is set, and undone with it.
 */
function patchHttp(onRequest: (request: ClientRequest) => void): (() => void) | undefined {
  const prototype = ClientRequest.prototype as unknown as Writer;
  const original = prototype._implicitHeader;
  // Other runtimes have no such method: there headers are added by hand, with getTraceHeaders().
  if (typeof original !== "function") return undefined;
  let isOn = true;
  const patched: ImplicitHeader = function (this: ClientRequest) {
    if (isOn) onRequest(this);
    return Reflect.apply(original, this, []);
  };
  prototype._implicitHeader = patched;
  return () => {
    isOn = false;
    // Another patch may lie over this one; then it stays, and does nothing.
    if (prototype._implicitHeader === patched) prototype._implicitHeader = original;
  };
}
