/**
 * The packed SDK in a project of its own: ES modules, `require`, tsx, vitest, bundles.
 */
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildOptions, build } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../../../packages/sdk/src/testing/receiver.ts";
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
