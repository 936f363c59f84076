/** What the main thread of the child and its stream threads say to each other. */

export interface StreamJob {
  readonly path: string;
  readonly configFile: string;
  /** Statements for the new Session: USE, SET. */
  readonly before: readonly string[];
  readonly sql: string;
  readonly format: string;
}

export type ToStreamThread =
  | { readonly type: "run"; readonly job: StreamJob }
  /** The receiver has room for one more chunk. */
  | { readonly type: "more" }
  | { readonly type: "stop" };

export type FromStreamThread =
  | { readonly type: "chunk"; readonly bytes: Uint8Array<ArrayBuffer>; readonly rows: number }
  | { readonly type: "end" }
  | { readonly type: "error"; readonly message: string };
