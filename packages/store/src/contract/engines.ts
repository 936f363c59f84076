/**
 * The engines that the contract suites run on: the embedded ones always, external ones when their URL is given.
 *
 * A new engine joins by one row.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clickHouseAddress } from "../clickhouse/address.ts";
import { openClickHouseTelemetryStore, type TelemetryStoreOptions } from "../clickhouse/clickhouse-telemetry-store.ts";
import { startChdb } from "../engines/chdb/supervisor.ts";
import { connectClickHouse } from "../engines/clickhouse.ts";
import { startPostgres } from "../engines/embedded-postgres.ts";
import { connectPostgres } from "../engines/postgres.ts";
import type { TelemetryStore } from "../telemetry-store.ts";

/** A running engine with a database for one test file. */
export interface RunningEngine {
  readonly url: string;
  /** Removes what the tests made and stops the engine. */
  stop(): Promise<void>;
}

export interface Engine {
  readonly name: string;
  start(): Promise<RunningEngine>;
}

/** Starts an engine in a new directory; when it stops, or does not start, the directory is removed. */
async function inFreshDirectory(start: (directory: string) => Promise<RunningEngine>): Promise<RunningEngine> {
  const directory = await mkdtemp(join(tmpdir(), "sightline-store-"));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    const engine = await start(directory);
    return { url: engine.url, stop: () => engine.stop().finally(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}

const embeddedClickHouse: Engine = {
  name: "embedded chDB",
  start: () =>
    inFreshDirectory(async (dataDir) => {
      const chdb = await startChdb({ dataDir });
      return { url: chdb.url, stop: () => chdb.close() };
    }),
};

const embeddedPostgres: Engine = {
  name: "embedded PostgreSQL",
  start: () =>
    inFreshDirectory(async (dataDir) => {
      const postgres = await startPostgres({ dataDir });
      return { url: postgres.url, stop: () => postgres.close() };
    }),
};

/** A database of its own on a server that is there. */
function externalClickHouse(serverUrl: string): Engine {
  return {
    name: "external ClickHouse",
    async start() {
      const url = new URL(serverUrl);
      const database = `sightline_test_${crypto.randomUUID().slice(0, 8)}`;
      url.pathname = `/${database}`;
      return {
        url: url.href,
        async stop() {
          const client = connectClickHouse(serverUrl);
          await client.command({ query: `DROP DATABASE IF EXISTS ${database}` });
          await client.close();
        },
      };
    },
  };
}

/** A database of its own on a server that is there. */
function externalPostgres(serverUrl: string): Engine {
  return {
    name: "external PostgreSQL",
    async start() {
      const url = new URL(serverUrl);
      const database = `sightline_test_${crypto.randomUUID().slice(0, 8)}`;
      const admin = connectPostgres(serverUrl);
      await admin.query(`CREATE DATABASE ${database}`);
      url.pathname = `/${database}`;
      return {
        url: url.href,
        async stop() {
          await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
          await admin.end();
        },
      };
    },
  };
}

const { SIGHTLINE_TEST_CLICKHOUSE_URL, SIGHTLINE_TEST_DATABASE_URL } = process.env;

export const clickHouseEngines: readonly Engine[] = [
  embeddedClickHouse,
  ...(SIGHTLINE_TEST_CLICKHOUSE_URL ? [externalClickHouse(SIGHTLINE_TEST_CLICKHOUSE_URL)] : []),
];

export const postgresEngines: readonly Engine[] = [
  embeddedPostgres,
  ...(SIGHTLINE_TEST_DATABASE_URL ? [externalPostgres(SIGHTLINE_TEST_DATABASE_URL)] : []),
];

/** Opens a telemetry store on a running engine. */
export async function openTelemetryStore(
  url: string,
  options: Pick<TelemetryStoreOptions, "rememberedSpans" | "rememberedTraces"> = {},
): Promise<TelemetryStore> {
  const { serverUrl, database } = clickHouseAddress(url);
  return await openClickHouseTelemetryStore({ client: connectClickHouse(serverUrl), database, ...options });
}
