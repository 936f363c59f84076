/**
 * One API call as data. Server routes, the typed client, web hooks and the OpenAPI document read the same values.
 */
import type * as z from "zod/mini";
import type { ErrorCode } from "../errors.ts";

export type Schema = z.ZodMiniType;

export interface Endpoint {
  /** Unique, camelCase; the OpenAPI operationId and the client's method name. */
  readonly id: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `:name` stands for one path segment; it arrives percent-decoded in `params`. */
  readonly path: `/api/v1/${string}`;
  /** One sentence for the reference. */
  readonly summary: string;
  /** Object of the path parameters (strings). */
  readonly params?: Schema;
  /** Object of the query parameters (strings). */
  readonly query?: Schema;
  /** `bytes`: the body has any type and is a stream, not JSON. */
  readonly body?: Schema | "bytes";
  /** `bytes`: the answer has a type of its own and is a stream, not JSON. */
  readonly response: Schema | "bytes";
  /** Codes this call may answer beyond the ones every call may (BAD_REQUEST, INTERNAL_ERROR, STORE_UNAVAILABLE, …). */
  readonly errors: readonly ErrorCode[];
}

/** Declares an endpoint, keeping the exact types of its schemas. */
export function endpoint<const E extends Endpoint>(definition: E): E {
  return definition;
}

type InferOr<S, Fallback> = S extends z.ZodMiniType ? z.infer<S> : Fallback;
type InferBody<S> = S extends "bytes" ? AsyncIterable<Uint8Array> : InferOr<S, undefined>;
/** Path parameters, query and body of a call, merged into one input object `{ params, query, body }`. */
export interface EndpointInput<E extends Endpoint> {
  readonly params: InferOr<E["params"], Record<string, never>>;
  readonly query: InferOr<E["query"], Record<string, never>>;
  readonly body: InferBody<E["body"]>;
}
/** What a call answers; for `bytes` the answer itself, its body unread. */
export type EndpointOutput<E extends Endpoint> = E["response"] extends z.ZodMiniType
  ? z.infer<E["response"]>
  : Response;

/** The body of every error answer outside MLflow's routes. */
export interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly details?: Record<string, unknown>;
    readonly requestId: string;
  };
}
