/**
 * `npm run reference`: writes docs/reference/sdk, the reference of the SDK's public names, from their types and docstrings.
 *
 * With `--check`, a step of `npm run check`, nothing is written: it fails when the reference is not what the sources give. A public
 * name without a docstring fails both.
 */
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Application } from "typedoc";
import { load } from "typedoc-plugin-markdown";
import { print, runMain, StepFailure } from "./progress.mjs";
import { root } from "./setup.mjs";

const target = join(root, "docs/reference/sdk");
const sdk = join(root, "packages/sdk");

const options = {
  name: "Reference of @sightline/sdk",
  entryPoints: [join(sdk, "src/index.ts"), join(sdk, "src/opentelemetry/index.ts")],
  tsconfig: join(sdk, "tsconfig.json"),
  readme: "none",
  logLevel: "Warn",
  entryFileName: "README",
  // Line numbers would make every edit of a source a change of the reference.
  disableSources: true,
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  hideBreadcrumbs: true,
  hidePageHeader: true,
  useCodeBlocks: true,
  parametersFormat: "table",
  propertiesFormat: "table",
  typeDeclarationFormat: "table",
  tableColumnSettings: { hideModifiers: true, hideInherited: true },
  // Members are documented where they are not said by their name; what one imports always is.
  requiredToBeDocumented: ["Class", "Function", "Interface", "Method", "TypeAlias", "Variable"],
  validation: {
    notExported: true,
    notDocumented: true,
    invalidLink: true,
    rewrittenLink: true,
    unusedMergeModuleWith: true,
  },
  // They say no more to users than their names.
  intentionallyNotExported: ["AnyFunction", "Scope"],
  treatWarningsAsErrors: true,
};

/** Writes the reference into a folder. */
async function generate(out) {
  const app = await Application.bootstrapWithPlugins({ ...options, out, plugin: [load] });
  const project = await app.convert();
  if (project === undefined) throw new StepFailure("the SDK does not compile.", "mend what is named above.");
  app.validate(project);
  const hasComplaints = () => app.logger.hasErrors() || app.logger.hasWarnings();
  if (!hasComplaints()) await app.generateOutputs(project);
  if (hasComplaints()) {
    throw new StepFailure(
      "the reference is not whole: see the names above.",
      "give each a docstring, and export the types that public names refer to.",
    );
  }
}

/** Path → text of all files below a folder; empty when it is not there. */
async function textsIn(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8")));
  return new Map(files.map((file, index) => [file.slice(folder.length + 1), texts[index]]));
}

async function main({ isCheck }) {
  const fresh = await mkdtemp(join(tmpdir(), "sightline-reference-"));
  try {
    await generate(fresh);
    if (!isCheck) {
      await rm(target, { recursive: true, force: true });
      await cp(fresh, target, { recursive: true });
      print(`Wrote ${(await textsIn(target)).size} pages to docs/reference/sdk.`);
      return;
    }
    const [wanted, found] = await Promise.all([textsIn(fresh), textsIn(target)]);
    const stale = [...new Set([...wanted.keys(), ...found.keys()])].filter(
      (file) => wanted.get(file) !== found.get(file),
    );
    if (stale.length > 0) {
      throw new StepFailure(
        `docs/reference/sdk is not what the sources give: ${stale.sort().slice(0, 10).join(", ")}${stale.length > 10 ? ` and ${stale.length - 10} more` : ""}.`,
        "npm run reference, and commit what it writes.",
      );
    }
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(() => main({ isCheck: process.argv.includes("--check") }));
}
