/**
 * An engine under the store, as its operator sees it.
 */
export interface EngineState {
  readonly engine: "clickhouse" | "postgres";
  /** A child process of this server, not a server elsewhere. */
  readonly isEmbedded: boolean;
  /** How often it died and was started again; always 0 for a server elsewhere. */
  restarts(): number;
  /** Undefined while it is not running, and for a server elsewhere. */
  pid(): number | undefined;
  /** Resolves if it answers; rejects with STORE_UNAVAILABLE. */
  ping(): Promise<void>;
}
