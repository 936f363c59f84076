/**
 * The packed SDK in a project of its own: ES modules, `require`, tsx, vitest, bundles.
 */
import { randomUUID } from "node:crypto";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildOptions, build } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Receiver, spanNamed, startReceiver } from "../../../packages/sdk/src/testing/receiver.ts";
import { CJS_PROGRAM, ESM_PROGRAM, expectProgramSpans } from "./programs.ts";
import { installedFile, installPacked, type Project } from "./project.ts";

let project: Project;
let receiver: Receiver;
let env: Record<string, string>;

beforeAll(async () => {
  project = await installPacked();
});
afterAll(() => project?.remove());
beforeEach(async () => {
  receiver = await startReceiver();
  env = { SIGHTLINE_URL: receiver.url };
});
afterEach(() => receiver.close());

test("a module imports it", async () => {
  await project.write({ "esm.mjs": ESM_PROGRAM });
  const { stdout, stderr } = await project.node(["esm.mjs"], env);
  expect(stderr).toBe("");
  expectProgramSpans(receiver, stdout);
});

test("a CommonJS program requires it", async () => {
  await project.write({ "cjs.cjs": CJS_PROGRAM });
  const { stdout, stderr } = await project.node(["cjs.cjs"], env);
  expect(stderr).toBe("");
  expectProgramSpans(receiver, stdout);
});

test("tsx runs a TypeScript module, and TypeScript that it compiles to require", async () => {
  // A project without "type": "module": what is written as import becomes require.
  await project.write({
    "module.mts": ESM_PROGRAM,
    "common.ts": ESM_PROGRAM.replace("await main();", "main();"),
  });
  const tsx = installedFile("tsx/dist/cli.mjs");
  const asModule = await project.node([tsx, "module.mts"], env);
  expectProgramSpans(receiver, asModule.stdout);
  await receiver.close();
  receiver = await startReceiver();
  const asCommonJs = await project.node([tsx, "common.ts"], { SIGHTLINE_URL: receiver.url });
  expectProgramSpans(receiver, asCommonJs.stdout);
});

test("a test under vitest is traced, and the trace is delivered when its process ends", async () => {
  await project.link("vitest");
  await project.write({
    "vitest/traced.test.ts": `
      import { test } from "vitest";
      ${ESM_PROGRAM.replace("await main();", "")}
      test("traced", main);
    `,
  });
  const vitest = await project.node(
    [installedFile("vitest/vitest.mjs"), "run", "--root", "vitest", "--reporter=verbose"],
    env,
  );
  expect(vitest.code, vitest.stdout + vitest.stderr).toBe(0);
  expectProgramSpans(receiver, vitest.stdout);
});

for (const format of ["esm", "cjs"] as const) {
  test(`esbuild bundles it for Node as one ${format} file`, async () => {
    const program = format === "esm" ? ESM_PROGRAM : ESM_PROGRAM.replace("await main();", "main();");
    const out = await bundle(program, { platform: "node", target: "node20", format });
    const { stdout, stderr } = await project.node([out], env);
    expect(stderr).toBe("");
    expectProgramSpans(receiver, stdout);
  });
}

test("required and imported, it is one module", async () => {
  await project.write({
    "both.mjs": `
      import { createRequire } from "node:module";
      import * as imported from "@sightline/sdk";
      console.log(createRequire(import.meta.url)("@sightline/sdk").trace === imported.trace);
    `,
  });
  expect((await project.node(["both.mjs"])).stdout).toBe("true\n");
});

test("two copies in a process are one: spans of one are parents in the other, and everything is sent once", async () => {
  await cp(join(project.dir, "node_modules"), join(project.dir, "other/node_modules"), { recursive: true });
  await project.write({
    "other/copy.mjs": 'export * from "@sightline/sdk";',
    "two.mjs": `
      import * as first from "@sightline/sdk";
      import * as second from "./other/copy.mjs";
      if (first.trace === second.trace) throw new Error("the copies are one module");
      first.init({ url: process.env.URL, experiment: "two" });
      second.init({ url: process.env.URL, experiment: "two" });
      await first.withSpan({ name: "outer" }, async (outer) => {
        if (second.getCurrentSpan() !== outer) throw new Error("the second copy does not see the span of the first");
        await second.withSpan({ name: "middle" }, async () => {
          second.updateCurrentTrace({ tags: { by: "second" } });
          await first.trace(async () => null, { name: "inner" })();
        });
      });
      console.log(JSON.stringify([first.stats().ended, second.stats().ended, await second.flush()]));
    `,
  });
  const { stdout, stderr } = await project.node(["two.mjs"], { URL: receiver.url });
  expect([stdout, stderr]).toEqual(["[3,3,true]\n", ""]);
  const sent = receiver.exports.flatMap(({ spans }) => spans.map(({ name }) => name));
  expect(sent.sort()).toEqual(["inner", "middle", "outer"]);
  const [outer, middle, inner] = ["outer", "middle", "inner"].map((name) => spanNamed(receiver.spans, name));
  expect([middle?.parentSpanId, inner?.parentSpanId]).toEqual([outer?.spanId, middle?.spanId]);
  expect(outer?.attributes["mlflow.traceTag.by"]).toBe("second");
});

test("a worker thread goes on with the trace of the main thread", async () => {
  await project.write({
    "worker.mjs": `
      import { isMainThread, Worker, workerData } from "node:worker_threads";
      import * as sightline from "@sightline/sdk";
      if (isMainThread) {
        await sightline.withSpan({ name: "main" }, () => new Promise((resolve) =>
          new Worker(new URL(import.meta.url), { workerData: sightline.workerContext() }).on("exit", resolve)));
      } else {
        await sightline.withWorkerContext(workerData, () => sightline.withSpan({ name: "worker" }, async () => null));
      }
    `,
  });
  expect((await project.node(["worker.mjs"], env)).stderr).toBe("");
  expect(spanNamed(receiver.spans, "worker").parentSpanId).toBe(spanNamed(receiver.spans, "main").spanId);
});

test("the parts for OpenTelemetry need nothing of it but its API", async () => {
  await project.write({
    "otel.mjs": `
      import { SightlineSpanProcessor, tracer } from "@sightline/sdk/opentelemetry";
      new SightlineSpanProcessor({ url: process.env.URL });
      tracer("library").startActiveSpan("generate", (span) => span.end());
    `,
  });
  expect((await project.node(["otel.mjs"], { URL: receiver.url })).stderr).toBe("");
  expect(spanNamed(receiver.spans, "generate").attributes["otel.scope.name"]).toBe("library");
});

test("a page that imports it says in a sentence that it is for servers", async () => {
  const out = await bundle(`import { trace } from "@sightline/sdk";\nexport const f = trace(() => 1);\n`, {
    platform: "browser",
    format: "esm",
  });
  const { code, stderr } = await project.node([out]);
  expect(code).toBe(1);
  expect(stderr).toContain(
    "Error: @sightline/sdk was imported in a browser. It traces programs on servers (Node, Bun, Deno)",
  );
});

/** Bundles a program of the project; a warning is a construct that bundlers do not understand, e.g. `import.meta` in CommonJS. */
async function bundle(program: string, options: BuildOptions): Promise<string> {
  const entry = join(project.dir, `entry-${randomUUID()}.js`);
  await writeFile(entry, program);
  const outfile = entry.replace("entry", "bundle").replace(/js$/, options.format === "cjs" ? "cjs" : "mjs");
  const { warnings } = await build({
    ...options,
    entryPoints: [entry],
    absWorkingDir: project.dir,
    outfile,
    bundle: true,
    // Not the identifiers: names of arguments are read from the source.
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: "silent",
  });
  expect(warnings).toEqual([]);
  return outfile;
}

test("importing it reads a bounded number of files, and none of zod, which only calls to the server need", async () => {
  await project.write({
    "count.mjs": `
      import { register } from "node:module";
      import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
      const { port1, port2 } = new MessageChannel();
      const hook = \`
        let port;
        export const initialize = (given) => { port = given; };
        export const load = (url, context, next) => {
          if (url.startsWith("file:")) port.postMessage(url);
          return next(url, context);
        };
      \`;
      register("data:text/javascript," + encodeURIComponent(hook), import.meta.url, { data: port2, transferList: [port2] });
      await import("@sightline/sdk");
      const files = [];
      for (let next; (next = receiveMessageOnPort(port1)); ) files.push(next.message);
      console.log(JSON.stringify(files));
      process.exit();
    `,
  });
  const files = JSON.parse((await project.node(["count.mjs"])).stdout) as string[];
  expect(files.filter((file) => file.includes("/zod/"))).toEqual([]);
  expect(files.some((file) => file.endsWith("@sightline/sdk/dist/index.js"))).toBe(true);
  // 112 when this was written. Each file costs a third of a millisecond (bench/import-cost).
  expect(files.length).toBeLessThan(130);
});

test("nothing native and nothing but three packages is installed with it", async () => {
  const { stdout } = await project.run("find", [
    "node_modules",
    "-name",
    "package.json",
    "-path",
    "*node_modules/*",
    "-not",
    "-path",
    "*/zod/*/package.json",
    "-not",
    "-path",
    "*/build/*",
  ]);
  const linked = /node_modules\/vitest/;
  const installed = stdout
    .trim()
    .split("\n")
    .filter((file) => !linked.test(file));
  expect(installed.sort()).toEqual([
    "node_modules/@opentelemetry/api/package.json",
    "node_modules/@sightline/sdk/package.json",
    "node_modules/@sightline/wire/package.json",
    "node_modules/zod/package.json",
  ]);
  const natives = await project.run("find", ["node_modules", "-name", "*.node"]);
  expect(natives.stdout).toBe("");
});
