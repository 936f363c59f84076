/**
 * A pair of URLs → an open store: connects to external engines, or starts the embedded ones in the data directory.
 */
import type { EntityStore } from "./entity-store.ts";
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
}

export interface Store {
  readonly telemetry: TelemetryStore;
  readonly entities: EntityStore;
  /** Finishes writes, then stops the engines; afterwards none of their processes is left. */
  close(): Promise<void>;
}
