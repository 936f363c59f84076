/**
 * The way to a server's API. Its tables and schemas are loaded with the first call: programs that only trace do not pay for them.
 */
import type { ApiClient } from "@sightline/wire/api/client";
import { SightlineError } from "@sightline/wire/errors";
import { preview } from "@sightline/wire/json";
import { type Config, readConfig } from "../config.ts";
import { liveExporters } from "../destinations.ts";
import { flush } from "../init.ts";
import { lastConfig } from "../runtime.ts";

export interface ConnectionOptions {
  /** Address of the Sightline server; default: that of `init()`, else of the environment. */
  readonly url?: string | undefined;
  /** Sent as a bearer token. The key of `init()` goes to the server of `init()` only. */
  readonly apiKey?: string | undefined;
}

/** Looked up anew at each call: `init()` may come later, or be called again. */
export interface Connection {
  /**
   * The API.
   *
   * @throws BAD_SETTING when no server is set, or its address is none
   */
  api(): Promise<ApiClient>;
  /** The API, after what this program has recorded so far was sent: a question about traces must find its own. */
  apiWithTraces(): Promise<ApiClient>;
  /**
   * Asks about traces by their ids. Those that still run here and that the server does not know yet are sent as they are by now.
   *
   * @param ask  may be called twice
   */
  aboutTraces<T>(ask: (api: ApiClient) => Promise<T>): Promise<T>;
  /** The experiment of `init()`, if this is the server of `init()`. */
  experiment(): string | undefined;
}

/** Makes a connection; nothing is sent until it is asked something. */
export function connectTo(options: ConnectionOptions = {}): Connection {
  const api = async (): Promise<ApiClient> => {
    const { url, apiKey } = resolve(options);
    const { createClient } = await import("@sightline/wire/api/client");
    return createClient({
      baseUrl: url,
      ...(apiKey !== undefined && { headers: { authorization: `Bearer ${apiKey}` } }),
    });
  };
  const apiWithTraces = async (): Promise<ApiClient> => {
    const client = await api();
    await flush();
    return client;
  };
  return {
    api,
    apiWithTraces,
    async aboutTraces(ask) {
      const client = await apiWithTraces();
      try {
        return await ask(client);
      } catch (error) {
        const exporters = liveExporters();
        if (!isTraceNotFound(error) || exporters.length === 0) throw error;
        for (const exporter of exporters) exporter.announceAll();
        await flush();
        return await ask(client);
      }
    },
    experiment: () => {
      const set = lastConfig();
      return set !== undefined && resolve(options).url === set.url ? set.experiment : undefined;
    },
  };
}

function isTraceNotFound(error: unknown): boolean {
  return error instanceof SightlineError && error.code === "TRACE_NOT_FOUND";
}

/** @throws BAD_SETTING */
function resolve({ url, apiKey }: ConnectionOptions): Pick<Config, "url" | "apiKey"> {
  const set = lastConfig();
  if (url === undefined) {
    if (set !== undefined) return apiKey === undefined ? set : { url: set.url, apiKey };
    throw new SightlineError("BAD_SETTING", "No server is set; call init({ url }) or set SIGHTLINE_URL.");
  }
  const own = readAddress(url);
  const key = apiKey ?? (own === set?.url ? set.apiKey : undefined);
  return key === undefined ? { url: own } : { url: own, apiKey: key };
}

/** @throws BAD_SETTING */
function readAddress(url: string): string {
  const isHttp = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  const config = isHttp ? readConfig({ url }, {}) : undefined;
  if (config !== undefined) return config.url;
  throw new SightlineError(
    "BAD_SETTING",
    `The url of the client is "${preview(url, 200)}"; give the address of a Sightline server, e.g. http://127.0.0.1:5500.`,
  );
}

/** A record without the members that are undefined: on the wire a field is there or not. */
export function withoutUndefined<T extends object>(record: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const given = Object.entries(record).filter(([, value]) => value !== undefined);
  // Only members whose value is undefined were dropped, and the type says no more than that.
  return Object.fromEntries(given) as { [K in keyof T]: Exclude<T[K], undefined> };
}

/** A moment as the API takes it. */
export function toTimeText(time: Date | string): string {
  return typeof time === "string" ? time : time.toISOString();
}
