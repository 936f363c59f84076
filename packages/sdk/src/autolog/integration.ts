/**
 * The shape of an integration: which package, which methods, and what watches their calls.
 */

/** A call of a patched method, on its way. */
export interface InterceptedCall {
  /** `this` of the call, e.g. the client. */
  readonly target: object;
  readonly args: readonly unknown[];
  /** Calls the method as it was. To be called once, and its result given back. */
  proceed(): unknown;
}

export interface MethodPatch {
  /** Name of the method. */
  readonly method: string;
  /**
   * The prototype (or object) that has it, found in what the package exports or in a class that a user hands in; undefined if it
   * is not there.
   */
  findOwner(exported: unknown): object | undefined;
  /** Watches a call and returns what it gave. What `proceed` throws must be thrown on; nothing else may be thrown. */
  intercept(call: InterceptedCall): unknown;
}

export interface Integration {
  /** As in `sightline.<name>.autolog()`. */
  readonly name: string;
  /** The npm package. */
  readonly module: string;
  /** Versions it was tested with. */
  readonly versions: string;
  readonly methods: readonly MethodPatch[];
}
