import { expect, test } from "vitest";
import { errorTable } from "../errors.ts";
import type { Endpoint } from "./endpoint.ts";
import { openApiDocument } from "./openapi.ts";
import { endpoints } from "./registry.ts";

interface Operation {
  operationId: string;
  summary: string;
  parameters: { name: string; in: string; required: boolean; schema: object }[];
  requestBody?: { content: { "application/json": { schema: { type: string; properties: object } }; "*/*"?: object } };
  responses: Record<
    string,
    { description: string; content: { "application/json": { schema: object }; "*/*"?: object } }
  >;
}

const document = openApiDocument();
// The document is plain JSON: what is tested is what goes over the wire.
const plain = JSON.parse(JSON.stringify(document)) as typeof document;
const operations = Object.entries(plain.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    path,
    method,
    operation: operation as unknown as Operation,
  })),
);

test("every endpoint is an operation, under its id", () => {
  expect(operations.map(({ operation }) => operation.operationId).sort()).toEqual(Object.keys(endpoints).sort());
});

test("every parameter of a path is declared and required", () => {
  for (const { path, operation } of operations) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const declared = operation.parameters.filter((parameter) => parameter.in === "path");
    expect(declared.map((parameter) => parameter.name).sort()).toEqual(named.sort());
    expect(declared.every((parameter) => parameter.required)).toBe(true);
    expect(path).not.toContain(":");
  }
});

test("every operation describes its body, its answer and its errors", () => {
  for (const { operation } of operations) {
    const endpoint: Endpoint = endpoints[operation.operationId as keyof typeof endpoints];
    expect(operation.requestBody !== undefined).toBe(endpoint.body !== undefined);
    const [body, answer] = [operation.requestBody?.content, operation.responses[200]?.content];
    if (endpoint.body === "bytes") expect(body).toEqual({ "*/*": {} });
    else if (body) expect(body["application/json"].schema.type).toBe("object");
    if (endpoint.response === "bytes") expect(answer).toEqual({ "*/*": {} });
    else expect(answer?.["application/json"].schema).toMatchObject({ type: "object" });
    for (const code of endpoint.errors) {
      expect(operation.responses[errorTable[code].status]?.description).toContain(code);
    }
  }
});

test("what has a default may be left out of the body", () => {
  const search = operations.find(({ operation }) => operation.operationId === "searchTraces");
  const schema = search?.operation.requestBody?.content["application/json"].schema;
  expect(schema).toMatchObject({ properties: { maxResults: { default: 100, minimum: 1, maximum: 1000 } } });
  expect(schema).not.toHaveProperty("required");
});

test("every reference in the document leads somewhere", () => {
  const text = JSON.stringify(document);
  for (const [, pointer = ""] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    const target = pointer.split("/").reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], plain);
    expect(target).toBeTypeOf("object");
  }
});
