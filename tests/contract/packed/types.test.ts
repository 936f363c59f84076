/**
 * TypeScript programs that use the packed SDK: every way of resolving modules that can see ES modules, libraries checked too.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { installedFile, installPacked, type Project } from "./project.ts";

const MODULE = `
import * as sightline from "@sightline/sdk";
import { SpanType, trace, withSpan } from "@sightline/sdk";
import { SightlineSpanProcessor, tracer } from "@sightline/sdk/opentelemetry";
import type { Tracer } from "@opentelemetry/api";

const add = trace((left: number, right: number): number => left + right, { spanType: SpanType.TOOL });
export const sum: number = add(1, 2);
export const answer: Promise<string> = withSpan({ name: "agent" }, async (span) => {
  span.setAttribute("sum", sum);
  return "done";
});
// @ts-expect-error the types of the arguments are kept
add("1", 2);

export class Agent {
  @trace({ spanType: SpanType.AGENT })
  async answer(question: string): Promise<string> {
    return question;
  }
}

export const found = sightline.searchTraces({ maxResults: 1 });
export const ended: number = sightline.stats().ended;

export const carried: Promise<Response> = fetch("http://127.0.0.1", { headers: sightline.getTraceHeaders() });
export const served: number = sightline.withTraceHeaders(new Headers(), () => 1);
export const bound: (left: number) => string = sightline.bind((left: number) => String(left));
export const library: Tracer = tracer("library");
export const processor = new SightlineSpanProcessor({ filter: (span) => span.name !== "health" });
`;

let project: Project;

beforeAll(async () => {
  project = await installPacked();
  await project.write({ "consumer.mts": MODULE, "consumer.cts": MODULE });
});
afterAll(() => project?.remove());

/** What the compiler says about a file of the project under some options; "" = nothing to complain about. */
async function compile(file: string, options: Readonly<Record<string, unknown>>): Promise<string> {
  const compilerOptions = {
    target: "es2022",
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    types: [],
    lib: ["es2022", "dom"],
    ...options,
  };
  await project.write({ "tsconfig.json": JSON.stringify({ compilerOptions, files: [file] }) });
  return (await project.node([installedFile("typescript/bin/tsc"), "-p", "tsconfig.json"])).stdout;
}

test.for([
  { module: "node16", moduleResolution: "node16" },
  { module: "nodenext", moduleResolution: "nodenext" },
  { module: "esnext", moduleResolution: "bundler" },
  {
    module: "nodenext",
    moduleResolution: "nodenext",
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
  },
  { module: "nodenext", moduleResolution: "nodenext", experimentalDecorators: true },
])("a module compiles under %o, without Node's types", async (options) => {
  expect(await compile("consumer.mts", options)).toBe("");
});

test("a module compiles beside Node's types, with and without those of the browser", async () => {
  await project.link("@types/node", "undici-types");
  for (const lib of [["es2022"], ["esnext", "dom", "dom.iterable"]]) {
    expect(await compile("consumer.mts", { module: "nodenext", types: ["node"], lib })).toBe("");
  }
});

test.for(["nodenext", "node20"])("a CommonJS file compiles under module %s", async (module) => {
  expect(await compile("consumer.cts", { module })).toBe("");
});
