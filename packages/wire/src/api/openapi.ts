/**
 * The endpoint tables as an OpenAPI document, served at `/api/v1/openapi.json`.
 *
 * @see https://spec.openapis.org/oas/v3.1.0
 */
import * as z from "zod/mini";
import { type ErrorCode, errorTable } from "../errors.ts";
import type { Endpoint, Schema } from "./endpoint.ts";
import { endpoints } from "./registry.ts";

/** Codes that every call may answer, beyond those of its own row. */
const COMMON_ERRORS: readonly ErrorCode[] = [
  "BAD_REQUEST",
  "FORBIDDEN_ORIGIN",
  "INTERNAL_ERROR",
  "STORE_UNAVAILABLE",
  "SHUTTING_DOWN",
];
/** Codes that every call with a body may answer. */
const BODY_ERRORS: readonly ErrorCode[] = ["INVALID_PARAMETER", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"];

type Json = Record<string, unknown>;

export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  /** Path with `{name}` for parameters → lower-case method → operation. */
  readonly paths: Record<string, Record<string, Json>>;
  readonly components: Json;
}

/** The document of all own endpoints; built anew at each call, so keep it. */
export function openApiDocument(): OpenApiDocument {
  const paths: Record<string, Record<string, Json>> = {};
  for (const endpoint of Object.values(endpoints) as Endpoint[]) {
    const path = endpoint.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Sightline",
      version: "1",
      description:
        "The query API. Spans are written with OTLP (POST /v1/traces). Errors are { error: { code, message, details?, requestId } }.",
    },
    paths,
    components: { schemas: { Error: errorSchema } },
  };
}

function operation(endpoint: Endpoint): Json {
  return {
    operationId: endpoint.id,
    summary: endpoint.summary,
    parameters: [...parameters(endpoint.params, "path"), ...parameters(endpoint.query, "query")],
    ...(endpoint.body && { requestBody: { required: true, content: content(endpoint.body, "input") } }),
    responses: {
      200: { description: "Done.", content: content(endpoint.response, "output") },
      ...errorResponses([...endpoint.errors, ...(endpoint.body ? BODY_ERRORS : []), ...COMMON_ERRORS]),
    },
  };
}

/** Bytes of any type have no schema of their own (OpenAPI 3.1, "Considerations for File Uploads"). */
function content(schema: Schema | "bytes", io: "input" | "output"): Json {
  return schema === "bytes" ? { "*/*": {} } : { "application/json": { schema: jsonSchema(schema, io) } };
}

function parameters(schema: Schema | undefined, place: "path" | "query"): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = jsonSchema(schema, "input") as { properties?: Json; required?: string[] };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    schema: property,
  }));
}

/** One response for each status; its description lists the codes. */
function errorResponses(codes: readonly ErrorCode[]): Record<string, Json> {
  const byStatus = new Map<number, string[]>();
  for (const code of new Set(codes)) {
    const { status, sentence } = errorTable[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), `${code}: ${sentence}`]);
  }
  const responses: Record<string, Json> = {};
  for (const [status, lines] of byStatus) {
    responses[status] = {
      description: lines.join(" "),
      content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
    };
  }
  return responses;
}

function jsonSchema(schema: Schema, io: "input" | "output"): Json {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io,
    target: "draft-2020-12",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema: json }) => {
      // How integers arrive that a double does not hold (exact-json.ts).
      if (zodSchema._zod.def.type === "bigint") json.type = "integer";
    },
  });
  return rest;
}

const errorSchema = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "message", "requestId"],
      properties: {
        code: { type: "string", enum: Object.keys(errorTable) },
        message: { type: "string" },
        details: { type: "object" },
        requestId: { type: "string" },
      },
    },
  },
} as const;
