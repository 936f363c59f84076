/**
 * A pair of URLs → an open store: connects to external engines, or starts the embedded ones in the data directory.
 */
import { join } from "node:path";
import type { ClickHouseClient } from "@clickhouse/client";
import { SightlineError } from "@sightline/wire/errors";
import type { Pool } from "pg";
import { AttachmentStore } from "./attachments/attachment-store.ts";
import type { BackupSource } from "./backup-source.ts";
import { openFolderBlobStore } from "./blobs/folder-blob-store.ts";
import { clickHouseAddress } from "./clickhouse/address.ts";
import { openClickHouseTelemetryStore, type TelemetryStoreOptions } from "./clickhouse/clickhouse-telemetry-store.ts";
import { MAINTENANCE_TIMEOUT_MS } from "./clickhouse/maintenance.ts";
import { Queries } from "./clickhouse/queries.ts";
import { createBackupSource } from "./create-backup-source.ts";
import type { EngineState } from "./engine-state.ts";
import { type EmbeddedClickHouse, startChdb } from "./engines/chdb/supervisor.ts";
import { connectClickHouse } from "./engines/clickhouse.ts";
import { type EmbeddedPostgres, startPostgres } from "./engines/embedded-postgres.ts";
import { connectPostgres } from "./engines/postgres.ts";
import type { EntityStore } from "./entity-store.ts";
import { migratePostgres } from "./postgres/migrate-postgres.ts";
import { openPostgresEntityStore } from "./postgres/postgres-entity-store.ts";
import type { TelemetryStore } from "./telemetry-store.ts";

export interface StoreOptions {
  /** Folder of the embedded engines; must exist and be writable. Not touched when both URLs are given. */
  readonly dataDir: string;
  /** `http://user:password@host:8123/database`; absent = embedded chDB. */
  readonly clickhouseUrl?: string;
  /** `postgres://user:password@host:5432/database`; absent = embedded PostgreSQL. */
  readonly databaseUrl?: string;
  /** Called with one sentence at each step of starting and when an engine was restarted. */
  readonly onProgress?: (sentence: string) => void;
  /** Milliseconds since the epoch, for what happens to old attachments; default: the machine's. */
  readonly now?: () => number;
}

export interface Store {
  readonly telemetry: TelemetryStore;
  readonly entities: EntityStore;
  readonly attachments: AttachmentStore;
  /** Everything that is stored, for backups. */
  readonly backup: BackupSource;
  /** What is under it, for those who watch. */
  readonly engines: readonly EngineState[];
  /** Finishes writes, then stops the engines; afterwards none of their processes is left. */
  close(): Promise<void>;
}

/** What is open so far, to be closed in the reverse order. */
class Opened {
  readonly engines: EngineState[] = [];
  readonly #closers: (() => Promise<void>)[] = [];
  #closing: Promise<void> | undefined;

  /** Has `close` called when the store is closed or cannot be opened. */
  onClose(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  /** Closes everything, once; a failure does not keep the rest open and is thrown at the end. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#closers.toReversed()) {
      await close().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** Both engines, running and reached; nobody has looked at what is in them. */
export interface OpenEngines extends ClickHouseDatabase {
  readonly pool: Pool;
  readonly entities: EntityStore;
  readonly engines: readonly EngineState[];
  /** Has `close` called before what was opened until now is closed. */
  onClose(close: () => Promise<void>): void;
  close(): Promise<void>;
}

/**
 * Starts or reaches both engines at the same time. On failure everything that was opened is closed again.
 *
 * @throws STORE_UNAVAILABLE with the address and the reason, if an engine does not start or answer
 */
export async function openEngines(options: StoreOptions): Promise<OpenEngines> {
  const opened = new Opened();
  const [clickhouse, postgres] = await Promise.allSettled([
    reachClickHouse(options, opened),
    reachPostgres(options, opened),
  ]);
  if (clickhouse.status === "rejected" || postgres.status === "rejected") {
    await closeAfterFailure(opened, options);
    throw clickhouse.status === "rejected" ? clickhouse.reason : (postgres as PromiseRejectedResult).reason;
  }
  return {
    ...clickhouse.value,
    ...postgres.value,
    engines: opened.engines,
    onClose: (close) => opened.onClose(close),
    close: () => opened.close(),
  };
}

/**
 * Opens the store: starts or reaches both engines at the same time, brings their schemas up to date, repairs what a crash left.
 *
 * On failure everything that was opened is closed again.
 *
 * @throws STORE_UNAVAILABLE with the address and the reason, if an engine does not start or answer, or the data is of a newer version
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const engines = await openEngines(options);
  try {
    const { pool, entities, close } = engines;
    const telemetry = await openTelemetry(engines, eventsOf(options));
    options.onProgress?.("The store is open.");
    const attachments = openAttachments(entities, options);
    const backup = createBackupSource({ queries: new Queries(engines.client, engines.database), pool, attachments });
    return { telemetry, entities, attachments, backup, engines: engines.engines, close };
  } catch (error) {
    await closeAfterFailure(engines, options);
    throw error;
  }
}

/** Attachments lie in the data directory; with two external engines there is none. */
export function openAttachments(
  entities: EntityStore,
  { dataDir, clickhouseUrl, databaseUrl, now }: StoreOptions,
): AttachmentStore {
  const hasDirectory = clickhouseUrl === undefined || databaseUrl === undefined;
  return new AttachmentStore({
    records: entities,
    blobs: hasDirectory ? openFolderBlobStore(join(dataDir, "blobs")) : undefined,
    ...(now !== undefined && { now }),
  });
}

/** Migrates both engines and opens what they hold; it is closed with the engines. */
export async function openTelemetry(
  engines: OpenEngines,
  options: Pick<TelemetryStoreOptions, "onEvent" | "repairSince">,
): Promise<TelemetryStore> {
  const { client, maintenanceClient, database } = engines;
  // ClickHouse has no lock that a client could hold while it migrates, so PostgreSQL's is held.
  const telemetry = await migratePostgres(engines.pool, () =>
    openClickHouseTelemetryStore({ client, maintenanceClient, database, ...options }),
  );
  engines.onClose(() => telemetry.close());
  return telemetry;
}

/** What failed first is what the user must hear. */
async function closeAfterFailure(opened: { close(): Promise<void> }, { onProgress }: StoreOptions): Promise<void> {
  await opened.close().catch((closing: unknown) => onProgress?.(`Closing failed too: ${String(closing)}`));
}

interface ClickHouseDatabase {
  readonly client: ClickHouseClient;
  readonly maintenanceClient: ClickHouseClient;
  readonly database: string;
}

async function reachClickHouse(options: StoreOptions, opened: Opened): Promise<ClickHouseDatabase> {
  let url = options.clickhouseUrl;
  let engine: EmbeddedClickHouse | undefined;
  if (url === undefined) {
    options.onProgress?.("Starting the embedded ClickHouse.");
    engine = await startChdb({ dataDir: join(options.dataDir, "chdb"), ...eventsOf(options) });
    opened.onClose(engine.close.bind(engine));
    url = engine.url;
  } else {
    options.onProgress?.(`Connecting to ClickHouse at ${withoutSecrets(url)}.`);
  }
  const { serverUrl, database } = clickHouseAddress(url);
  const client = connectClickHouse(serverUrl);
  opened.onClose(() => client.close());
  const maintenanceClient = connectClickHouse(serverUrl, {
    requestTimeoutMs: MAINTENANCE_TIMEOUT_MS,
    maxConnections: 4,
  });
  opened.onClose(() => maintenanceClient.close());
  const answer = await client.ping({ select: true });
  if (!answer.success) throw outOfReach("ClickHouse", url, "SIGHTLINE_CLICKHOUSE_URL", answer.error);
  const ping = async () => {
    const { success, ...failure } = await client.ping();
    if (!success) throw outOfReach("ClickHouse", serverUrl, "SIGHTLINE_CLICKHOUSE_URL", failure);
  };
  opened.engines.push({ engine: "clickhouse", ...childState(engine), ping });
  return { client, maintenanceClient, database };
}

async function reachPostgres(
  options: StoreOptions,
  opened: Opened,
): Promise<{ readonly entities: EntityStore; readonly pool: Pool }> {
  let url = options.databaseUrl;
  let engine: EmbeddedPostgres | undefined;
  if (url === undefined) {
    options.onProgress?.("Starting the embedded PostgreSQL.");
    engine = await startPostgres({ dataDir: join(options.dataDir, "postgres"), ...eventsOf(options) });
    opened.onClose(engine.close.bind(engine));
    url = engine.url;
  } else {
    options.onProgress?.(`Connecting to PostgreSQL at ${withoutSecrets(url)}.`);
  }
  const pool = connectPostgres(url);
  const entities = openPostgresEntityStore(pool);
  opened.onClose(() => entities.close());
  try {
    await entities.ping();
  } catch (error) {
    throw outOfReach("PostgreSQL", url, "SIGHTLINE_DATABASE_URL", error);
  }
  opened.engines.push({ engine: "postgres", ...childState(engine), ping: () => entities.ping() });
  return { entities, pool };
}

/** What is known of an engine that is a child process; nothing of one elsewhere. */
function childState(child: EmbeddedClickHouse | EmbeddedPostgres | undefined): Omit<EngineState, "engine" | "ping"> {
  let restarts = 0;
  child?.onRestart(() => {
    restarts += 1;
  });
  return { isEmbedded: child !== undefined, restarts: () => restarts, pid: () => child?.pid() };
}

function eventsOf({ onProgress }: StoreOptions): { onEvent?: (sentence: string) => void } {
  return onProgress === undefined ? {} : { onEvent: onProgress };
}

function outOfReach(engine: string, url: string, setting: string, cause: unknown): SightlineError {
  const reason = cause instanceof Error && cause.message !== "" ? cause.message : String(cause);
  return new SightlineError(
    "STORE_UNAVAILABLE",
    `${engine} at ${withoutSecrets(url)} does not answer: ${reason}. Check ${setting}, or leave it out to use the embedded engine.`,
    { cause },
  );
}

/**
 * A URL as it may be shown and logged.
 *
 * @throws BAD_SETTING if it is none
 */
function withoutSecrets(url: string): string {
  if (!URL.canParse(url)) {
    // Not repeated in the message: it may hold a password.
    throw new SightlineError(
      "BAD_SETTING",
      "A database URL cannot be read. Write it as scheme://user:password@host:port/database.",
    );
  }
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  return shown.href;
}
