/**
 * What the benchmark needs of a tracing SDK, set up as its documentation says for manual tracing.
 */

/** The work that is traced: takes the inputs, gives the outputs. */
export type Work = (request: unknown) => Promise<unknown>;

/** What an SDK says became of its spans. */
export interface Accounts {
  readonly ended: number;
  readonly sent: number;
  readonly dropped: number;
  readonly queued: number;
  readonly queuedBytes: number;
}

export interface Tracer {
  /** A function whose every call is a span with its argument and its result. */
  trace(work: Work): Work;
  /** Resolves when everything that ended was delivered, or when the SDK gives up. */
  flush(): Promise<unknown>;
  /** Only SDKs that count what they lose. */
  accounts?(): Accounts;
}

export interface TracerOptions {
  /** Base address of the receiver. */
  readonly url: string;
  /** Imports a package of the tracer; `T` is the part of it that is used. */
  readonly load: <T>(specifier: string) => Promise<T>;
}
