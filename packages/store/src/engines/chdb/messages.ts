/** What the supervisor and the chDB process say to each other over the IPC channel. */

export interface StartMessage {
  readonly type: "start";
  readonly dataDir: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly memoryLimitBytes: number;
}

export type ToChild = StartMessage | { readonly type: "shutdown" };

export type FromChild =
  | { readonly type: "listening"; readonly port: number }
  /** `code` is that of a system error, like `EACCES`. What the engine itself says stands on stderr only. */
  | { readonly type: "failed"; readonly message: string; readonly code: string | undefined };
