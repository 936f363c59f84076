/**
 * Where the code of a child process or a worker thread lies, and which Node flags it needs.
 *
 * From source (tests, development) the entry is a .ts file that runs through tsx with the source export condition; from dist it is
 * plain .js. The extension of the caller's own URL tells which.
 */
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

export interface ChildEntry {
  /** Absolute path for `fork`. */
  readonly path: string;
  /** For `new Worker`. */
  readonly workerUrl: URL;
  /** Flags for `execArgv`. */
  readonly execArgv: readonly string[];
}

/**
 * @param callerUrl  `import.meta.url` of the caller
 * @param entry  the entry beside the caller without extension, like `./child`
 */
export function childEntry(callerUrl: string, entry: string): ChildEntry {
  const fromSource = callerUrl.endsWith(".ts");
  const url = new URL(`${entry}${fromSource ? ".ts" : ".js"}`, callerUrl);
  // An absolute URL for tsx: a bare name would be looked up from the working directory of the child.
  const execArgv = fromSource
    ? [
        "--import",
        pathToFileURL(createRequire(callerUrl).resolve("tsx")).href,
        "--conditions=@sightline/source",
        "--enable-source-maps",
      ]
    : [];
  return { path: fileURLToPath(url), workerUrl: fromSource ? workerFromSource(callerUrl, url) : url, execArgv };
}

/** tsx given as a flag does not reach worker threads (Node 20); registering it inside the worker does. */
function workerFromSource(callerUrl: string, url: URL): URL {
  // `require` resolves to the CommonJS twin, which does not find its loader.
  const tsx = pathToFileURL(
    createRequire(callerUrl)
      .resolve("tsx/esm/api")
      .replace(/\.cjs$/, ".mjs"),
  ).href;
  const code = `import { register } from ${JSON.stringify(tsx)}; register(); await import(${JSON.stringify(url.href)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}
