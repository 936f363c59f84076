/**
 * The HTTP server: takes its port at once, answers "starting" until there is an app, and stops without cutting answers off.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener, RequestError } from "@hono/node-server";
import { SightlineError } from "@sightline/wire/errors";
import { replyError } from "../http/errors.ts";
import type { LogFailure } from "../http/log.ts";

type Fetch = (request: Request) => Response | Promise<Response>;

export interface Listener {
  /** `http://host:port`, no slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Hands all requests from now on to `fetch`. */
  serve(fetch: Fetch): void;
  /**
   * Stops taking requests, waits for the answers in flight, then closes every connection.
   *
   * New requests on open connections get SHUTTING_DOWN. What is not answered after `graceMs` is cut off.
   */
  close(graceMs: number): Promise<void>;
}

/** Longer than the idle time after which clients and proxies drop a connection: they should be first. */
const KEEP_ALIVE_MS = 65_000;

/** @throws PORT_IN_USE with a sentence about the address and how to choose another */
export async function listen(options: { host: string; port: number; log: LogFailure }): Promise<Listener> {
  const { host, log } = options;
  let draining = false;
  let serve: Fetch = (request) =>
    replyError(request, new SightlineError("STORE_UNAVAILABLE", "The server is starting."), () => undefined);
  const handle = getRequestListener((request) => serve(request), {
    errorHandler: (error) =>
      // RequestError: what the adapter cannot read as a request at all, e.g. a broken Host header.
      replyError(
        undefined,
        error instanceof RequestError
          ? new SightlineError("BAD_REQUEST", "The request line or Host header cannot be read.")
          : error,
        log,
      ),
  });
  const inFlight = new Set<ServerResponse>();
  let onIdle: (() => void) | undefined;
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS },
    (request: IncomingMessage, response: ServerResponse) => {
      inFlight.add(response);
      if (draining) response.shouldKeepAlive = false;
      response.once("close", () => {
        inFlight.delete(response);
        if (inFlight.size === 0) onIdle?.();
      });
      void handle(request, response);
    },
  );
  await start(server, host, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    serve(fetch) {
      serve = fetch;
    },
    async close(graceMs) {
      draining = true;
      serve = (request) =>
        replyError(request, new SightlineError("SHUTTING_DOWN", "The server is stopping."), () => undefined);
      const closed = once(server, "close");
      server.close();
      for (const response of inFlight) response.shouldKeepAlive = false;
      if (inFlight.size > 0) {
        let timer: NodeJS.Timeout | undefined;
        const late = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, graceMs);
        });
        await Promise.race([new Promise<void>((resolve) => (onIdle = resolve)), late]);
        clearTimeout(timer);
      }
      server.closeAllConnections();
      await closed;
    },
  };
}

async function start(server: Server, host: string, port: number): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (cause) {
    throw new SightlineError("PORT_IN_USE", explain((cause as NodeJS.ErrnoException).code, host, port), { cause });
  }
}

function explain(code: string | undefined, host: string, port: number): string {
  switch (code) {
    case "EADDRINUSE":
      return `Port ${port} of ${host} is in use by another program; stop it, or choose another port with SIGHTLINE_PORT.`;
    case "EACCES":
      return `Port ${port} may not be opened by this user; choose one from 1024 on with SIGHTLINE_PORT.`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `This machine has no address "${host}"; correct SIGHTLINE_HOST.`;
    default:
      return `Cannot listen at ${host} port ${port} (${code ?? "unknown reason"}); choose others with SIGHTLINE_HOST and SIGHTLINE_PORT.`;
  }
}
