/**
 * Endpoint tables → routes: parses what comes in by the endpoint's schemas, answers with JSON.
 */
import { check } from "@sightline/wire/api/check";
import type { Endpoint, EndpointInput, EndpointOutput, Schema } from "@sightline/wire/api/endpoint";
import { SightlineError } from "@sightline/wire/errors";
import { parseExactJson } from "@sightline/wire/exact-json";
import type { Context, Hono } from "hono";
import { readBody } from "./body.ts";
import { readRawBody } from "./raw-body.ts";
import { replyJson } from "./reply.ts";
import { nameRoute } from "./route-names.ts";

/** Answers one endpoint. `signal` is aborted when the client goes away; `request` is for what bytes need of its headers. */
export type Handler<E extends Endpoint> = (
  input: EndpointInput<E>,
  call: { readonly signal: AbortSignal; readonly request: Request },
) => Promise<EndpointOutput<E>>;

/** A handler for each endpoint of a registry. */
export type Handlers<Registry extends Readonly<Record<string, Endpoint>>> = {
  readonly [Id in keyof Registry]: Handler<Registry[Id]>;
};

/** Bodies of our own endpoints are questions, not data: 1 MiB is far above the longest filter. */
const MAX_BODY_BYTES = 1024 * 1024;

/** Adds a route for each endpoint, and 405 for the methods that its path does not take. */
export function addEndpoints<Registry extends Readonly<Record<string, Endpoint>>>(
  app: Hono,
  endpoints: Registry,
  handlers: Handlers<Registry>,
): void {
  const methodsOf = new Map<string, string[]>();
  // Hono takes the first route that fits: `/traces/search` has to come before `/traces/:traceId`.
  const entries = Object.entries(endpoints).sort(([, a], [, b]) => countParams(a.path) - countParams(b.path));
  for (const [, endpoint] of entries) {
    methodsOf.set(endpoint.path, [...(methodsOf.get(endpoint.path) ?? []), endpoint.method]);
  }
  for (const [path, methods] of methodsOf) {
    for (const [id, endpoint] of entries) {
      // `handlers` has the handler of `endpoint` under the same id; the map's type lost the connection.
      const handler = handlers[id] as unknown as Handler<Endpoint>;
      if (endpoint.path === path) app.on(endpoint.method, path, (context) => answer(endpoint, handler, context));
    }
    refuseOtherMethods(app, path, methods);
  }
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** Answers METHOD_NOT_ALLOWED to the other methods of a path; `details.allow` becomes the Allow header. */
export function refuseOtherMethods(app: Hono, path: string, allowed: readonly string[]): void {
  const allow = allowed.flatMap((name) => (name === "GET" ? ["GET", "HEAD"] : [name])).join(", ");
  const others = METHODS.filter((method) => !allowed.includes(method));
  // Not `app.all`: a request that two routes fit takes Hono's slow way through its middleware chain.
  app.on(others, path, ({ req }) => {
    const message = `This address does not take ${req.method}; it takes ${allow}.`;
    throw new SightlineError("METHOD_NOT_ALLOWED", message, { details: { allow } });
  });
}

function countParams(path: string): number {
  return path.split("/:").length - 1;
}

async function answer(endpoint: Endpoint, handler: Handler<Endpoint>, context: Context): Promise<Response> {
  nameRoute(context.req.raw, endpoint.path);
  const request = context.req.raw;
  const input = {
    params: checkInput(endpoint.params, context.req.param(), "path parameter"),
    query: checkInput(endpoint.query, context.req.query(), "query parameter"),
    body: endpoint.body && (await readInput(endpoint.body, request)),
  };
  const output = await handler(input as Parameters<typeof handler>[0], { signal: request.signal, request });
  // A handler of bytes makes its answer itself.
  return output instanceof Response ? output : replyJson(200, output);
}

async function readInput(schema: Schema | "bytes", request: Request): Promise<unknown> {
  return schema === "bytes" ? readRawBody(request) : checkInput(schema, await readJson(request), "field");
}

/**
 * The body as JSON. Only `application/json` is taken: a form of a foreign page cannot send it without asking first (CORS).
 *
 * @throws UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, BAD_REQUEST
 */
export async function readJson(request: Request): Promise<unknown> {
  const type = mediaType(request);
  if (type !== "application/json") {
    throw new SightlineError(
      "UNSUPPORTED_MEDIA_TYPE",
      `Content-Type is "${type}"; send JSON with Content-Type: application/json.`,
    );
  }
  const text = new TextDecoder().decode(await readBody(request, { maxBytes: MAX_BODY_BYTES }));
  try {
    // Values of assessments are any JSON: their integers keep all digits.
    return parseExactJson(text);
  } catch (cause) {
    throw new SightlineError("BAD_REQUEST", "The body is not JSON.", { cause });
  }
}

/** The media type of a request, lower case, without parameters; "" when it has none. */
export function mediaType(request: Request): string {
  const header = request.headers.get("content-type") ?? "";
  const end = header.indexOf(";");
  return (end === -1 ? header : header.slice(0, end)).trim().toLowerCase();
}

/**
 * What came in as the schema gives it; `{}` without a schema.
 *
 * @param what  what a part of it is called in the sentence of an error
 * @throws INVALID_PARAMETER with the problems as details
 */
export function checkInput(
  schema: Schema | undefined,
  value: unknown,
  what: "field" | "path parameter" | "query parameter",
): unknown {
  if (!schema) return {};
  const result = check(schema, value);
  if (result.ok) return result.value;
  const [first] = result.problems;
  const place = first?.path
    ? `The ${what} "${first.path}" is wrong`
    : `The ${what === "field" ? "body" : `${what}s`} cannot be used`;
  throw new SightlineError("INVALID_PARAMETER", `${place}: ${first?.message ?? "it does not fit"}.`, {
    details: { problems: result.problems.slice(0, 10) },
  });
}
