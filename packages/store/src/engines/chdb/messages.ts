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

/** Why the directory cannot be opened. */
export type OpenFailure =
  | { readonly kind: "in-use"; readonly pid: number | undefined }
  | { readonly kind: "not-writable"; readonly message: string }
  | { readonly kind: "no-space"; readonly message: string }
  | { readonly kind: "port-taken"; readonly message: string }
  | { readonly kind: "other"; readonly message: string };

export type FromChild =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "failed"; readonly failure: OpenFailure };
