import { defineConfig } from "vitest/config";

// Sources are run as they are: the workspace packages resolve to src/*.ts through the export condition, no build needed.
// Without "import": vitest hands conditions to Node, where it would give ES modules to the `require` calls of packages such as pg.
const source = { conditions: ["@sightline/source", "node"] };
const base = {
  resolve: source,
  ssr: { resolve: { conditions: source.conditions, externalConditions: ["@sightline/source"] } },
};

/** Run before the tests of every file. */
const setupFiles = ["tests/harness/property-seed.ts"];

/** Files that need an engine, a server or a browser; everything else is a unit test. */
const storeFiles = ["packages/store/src/**/*.test.ts"];
const contractFiles = ["tests/contract/**/*.test.ts"];
const e2eFiles = ["tests/e2e/**/*.test.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        ...base,
        test: {
          name: "unit",
          include: [
            "packages/*/src/**/*.test.ts",
            "packages/*/src/**/*.test.tsx",
            "tests/golden/**/*.test.ts",
            "tests/docs/**/*.test.ts",
            "scripts/**/*.test.ts",
          ],
          exclude: storeFiles,
          setupFiles,
          testTimeout: 20_000,
        },
      },
      {
        ...base,
        test: {
          name: "store",
          include: storeFiles,
          setupFiles,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        ...base,
        test: {
          name: "contract",
          include: contractFiles,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      // Downloads the runtimes: `npm run test:runtimes`, no part of `npm test`.
      {
        ...base,
        test: {
          name: "runtimes",
          include: ["tests/runtimes/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        ...base,
        test: { name: "e2e", include: e2eFiles, testTimeout: 120_000, hookTimeout: 180_000, fileParallelism: false },
      },
    ],
  },
});
