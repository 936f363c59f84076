/**
 * `npm run check`: the inner loop, under two minutes. Formatting, types, import rules, dead code, size, unit tests.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, runMain, stepper } from "./progress.mjs";
import { checkNode, ensurePackages, root } from "./setup.mjs";

/** Command-line entries of the tools, run with this very Node. */
const tools = {
  biome: ["node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings", "."],
  types: ["node_modules/typescript/bin/tsc", "-b"],
  "test types": ["node_modules/typescript/bin/tsc", "-p", "tsconfig.tests.json"],
  boundaries: [
    "node_modules/dependency-cruiser/bin/dependency-cruise.mjs",
    "--config",
    ".dependency-cruiser.cjs",
    "packages",
    "examples",
  ],
  reference: ["scripts/reference.mjs", "--check"],
  "dead code": ["node_modules/knip/bin/knip.js", "--treat-config-hints-as-errors"],
  size: ["node_modules/size-limit/bin.js"],
};

/** The static checks, each as a step. Also run by test.mjs. */
export const checkSteps = [
  ["Format and lint (biome)", () => tool("biome")],
  ["Types (tsc)", () => tool("types").then(() => tool("test types"))],
  ["Import rules (dependency-cruiser)", () => tool("boundaries")],
  ["Dead code (knip)", () => tool("dead code")],
  ["Reference of the SDK (typedoc)", () => tool("reference")],
  // Of what the type check has written to dist.
  ["Size of the SDK (size-limit)", () => tool("size")],
];

function tool(name) {
  const [file, ...args] = tools[name];
  return run(process.execPath, [join(root, file), ...args], { cwd: root, advice: "mend what is named above." });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    const step = stepper(3 + checkSteps.length);
    await step("Check Node", async () => checkNode());
    await step("Install packages", ensurePackages);
    for (const [title, work] of checkSteps) await step(title, work);
    await step("Unit tests (vitest)", () =>
      run(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", "--project", "unit"], { cwd: root }),
    );
  });
}
