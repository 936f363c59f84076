/**
 * Finds the application's own copy of a package and gives its exports, synchronously.
 *
 * A static `import` has run before any line of the program, so loader hooks come too late; but the module is shared: requiring
 * the file that `import` resolved gives the very same classes (Node ≥ 20.19). Packages with an ESM and a CommonJS build hold
 * their classes twice; both are looked after.
 */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import Module from "node:module";
import { dirname, join } from "node:path";

// For its `cache` and `main`, which are the process's, whatever file it is made for. Not `import.meta.url`: bundles in CommonJS have
// none. Not by its imported name, which webpack takes for something to bundle.
const require = Module.createRequire(process.execPath);

export interface AppModule {
  /** What the loaded copies export. */
  readonly loaded: readonly unknown[];
  /** Why nothing was found or loaded; a sentence without a full stop. */
  readonly problem?: string;
}

/**
 * The copies of package `name` that the program uses.
 *
 * @param onLate  called with the CommonJS copy's exports when it is required later
 */
export function findAppModule(name: string, onLate: (exported: unknown) => void): AppModule {
  const start = startFolders();
  const folder = start.map((from) => findPackage(name, from)).find((found) => found !== undefined);
  if (folder === undefined)
    return { loaded: [], problem: `no package ${name} in node_modules of ${start.join(" or ")}` };
  const files = entryFiles(folder);
  const loaded: unknown[] = [];
  const cached = files.cjs === undefined ? undefined : require.cache[files.cjs]?.exports;
  if (cached !== undefined) loaded.push(cached);
  else if (files.cjs !== undefined) onceRequired(name, files.cjs, onLate);
  // A CommonJS program that has its copy needs no other; loading one would cost it up to half a second.
  const isServed = cached !== undefined && require.main !== undefined;
  if (isServed || files.esm === undefined || files.esm === files.cjs) {
    return loaded.length > 0 || files.cjs !== undefined ? { loaded } : { loaded, problem: `${folder} has no entry` };
  }
  try {
    loaded.push(requireEsm(files.esm));
  } catch (error) {
    return { loaded, problem: `${files.esm} cannot be loaded (${String(error)})` };
  }
  return { loaded };
}

/**
 * The namespace that `import` gives for a file. Loaders that compile TypeScript as it is required (tsx) make another copy of what
 * goes through `require`; compiling the file as a module oneself reaches Node's own loader, which answers with the one there is.
 */
function requireEsm(file: string): unknown {
  const module = new Module(file) as NodeModule & { _compile(source: string, file: string, format: "module"): void };
  module.filename = file;
  module._compile(readFileSync(file, "utf8"), file, "module");
  return module.exports;
}

/** The main script's folder, as named and behind links, then the working directory. */
function startFolders(): string[] {
  const script = process.argv[1];
  const folders = script !== undefined && existsSync(script) ? [dirname(realpathSync(script)), dirname(script)] : [];
  return [...new Set([...folders, process.cwd()])];
}

/** Node's own walk: `node_modules/<name>` in the folder and all above it. */
function findPackage(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return realpathSync(candidate);
    if (folder === dirname(folder)) return undefined;
  }
}

interface EntryFiles {
  readonly esm?: string;
  readonly cjs?: string;
}

/**
 * The files behind `import "name"` and `require("name")`.
 *
 * `require.resolve` cannot tell: it refuses packages that are for `import` only, and knows one of the two.
 */
function entryFiles(folder: string): EntryFiles {
  const description = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, unknown>;
  const fallback = typeof description["main"] === "string" ? description["main"] : "index.js";
  const find = (condition: "import" | "require"): string | undefined => {
    const { exports } = description;
    const conditions = new Set(["node", condition, "module-sync", "default"]);
    const target = exports === undefined ? fallback : targetOf(exports, conditions);
    const file = target === undefined ? undefined : join(folder, target);
    return file !== undefined && existsSync(file) ? file : undefined;
  };
  const esm = find("import");
  const cjs = find("require");
  const isCommonJs = (file: string): boolean =>
    file.endsWith(".cjs") || (!file.endsWith(".mjs") && description["type"] !== "module");
  return {
    ...(esm !== undefined && { esm }),
    ...(cjs !== undefined && isCommonJs(cjs) && { cjs }),
  };
}

/** @see https://nodejs.org/api/packages.html#conditional-exports */
function targetOf(exports: unknown, conditions: ReadonlySet<string>): string | undefined {
  if (typeof exports === "string") return exports;
  if (Array.isArray(exports)) {
    return exports.map((item) => targetOf(item, conditions)).find((target) => target !== undefined);
  }
  if (typeof exports !== "object" || exports === null) return undefined;
  for (const [key, value] of Object.entries(exports)) {
    if (key !== "." && !conditions.has(key)) continue;
    const target = targetOf(value, conditions);
    if (target !== undefined) return target;
  }
  return undefined;
}

type Load = (request: string, parent: unknown, isMain: boolean) => unknown;
type ResolveFilename = (request: string, parent: unknown, isMain: boolean) => string;
// Not in the types, but what Node itself and every loader of the field go through.
const internals = Module as unknown as { _load: Load; _resolveFilename: ResolveFilename };

/** Calls back when `require(name)` first gives `file`. Nested copies of other packages are other files. */
function onceRequired(name: string, file: string, onLate: (exported: unknown) => void): void {
  const original = internals._load;
  let isDone = false;
  const load: Load = function (this: unknown, request, parent, isMain) {
    const exported = Reflect.apply(original, this, [request, parent, isMain]);
    if (!isDone && request === name && internals._resolveFilename(request, parent, isMain) === file) {
      isDone = true;
      // Another hook may have been put over this one; then it stays, and does nothing more.
      if (internals._load === load) internals._load = original;
      onLate(exported);
    }
    return exported;
  };
  internals._load = load;
}
