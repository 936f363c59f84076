/**
 * A real server inside the test's process: real engines in a fresh data directory, real HTTP on a free port.
 */
import { type Config, readConfig } from "@sightline/server/config";
import type { Clock } from "@sightline/server/lifecycle/clock";
import { type RunningServer, startServer } from "@sightline/server/main";
import { createClient } from "@sightline/wire/api/client";
import type { Endpoint } from "@sightline/wire/api/endpoint";
import { endpoints } from "@sightline/wire/api/registry";
import { expect } from "vitest";
import { makeDataDir, removeDataDir } from "../../harness/sightline-process.ts";

export interface ServerUnderTest {
  readonly url: string;
  readonly server: RunningServer;
  readonly dataDir: string;
  /** A client whose answers are held to the response schemas of their endpoints, to the last field. */
  readonly client: ReturnType<typeof createClient>;
  /** Stops the server and removes its data. */
  stop(): Promise<void>;
}

/** Settings for a test server; `dataDir` is made fresh when the environment names none. */
export async function testConfig(env: Record<string, string> = {}): Promise<Config> {
  return readConfig({
    SIGHTLINE_PORT: "0",
    SIGHTLINE_DATA_DIR: env.SIGHTLINE_DATA_DIR ?? (await makeDataDir()),
    ...env,
  });
}

export async function startInProcess(
  env: Record<string, string> = {},
  webRoot?: string,
  { clock }: { readonly clock?: Clock } = {},
): Promise<ServerUnderTest> {
  const config = await testConfig(env);
  const server = await startServer(config, {
    ...(webRoot !== undefined && { webRoot }),
    ...(clock !== undefined && { clock }),
  });
  return {
    url: server.url,
    server,
    dataDir: config.dataDir,
    client: strictClient(server.url),
    stop: async () => {
      await server.close();
      await removeDataDir(config.dataDir);
    },
  };
}

function strictClient(baseUrl: string): ReturnType<typeof createClient> {
  const client = createClient({ baseUrl });
  const calls = Object.entries(endpoints).map(([id, endpoint]) => {
    const call = client[id as keyof typeof client] as (...args: unknown[]) => Promise<unknown>;
    return [
      id,
      async (...args: unknown[]) => {
        const answer = await call(...args);
        const { response } = endpoint as Endpoint;
        // zod drops fields it does not know: what is equal after parsing has exactly the declared ones.
        if (response !== "bytes") expect(response.parse(answer)).toEqual(answer);
        return answer;
      },
    ];
  });
  return Object.fromEntries(calls) as ReturnType<typeof createClient>;
}
