/**
 * What must be there before the project runs or is tested. Each function does nothing when its work is already done.
 *
 * Run by start.mjs, test.mjs and check.mjs before any package is installed: only Node's own modules may be used here.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, StepFailure } from "./progress.mjs";

/** The checkout's root folder. */
export const root = fileURLToPath(new URL("..", import.meta.url));
/** Things the scripts make and can make again: build stamps, the Python environment. */
export const cacheDir = join(root, ".cache");

/** vite 8 and loading ES modules with require(), which autologging needs, begin with 20.19. */
const MIN_NODE = [20, 19];
const MLFLOW_VERSION = "3.17.2";
const PYTHON_PACKAGES = [
  `mlflow==${MLFLOW_VERSION}`,
  "opentelemetry-sdk==1.45.2",
  "opentelemetry-exporter-otlp-proto-http==1.45.2",
];

/** Fails with one sentence when this Node is too old. */
export function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < MIN_NODE[0] || (major === MIN_NODE[0] && minor < MIN_NODE[1])) {
    throw new StepFailure(
      `Node ${process.versions.node} is too old: Sightline needs Node ${MIN_NODE.join(".")} or newer.`,
      "install a current Node from https://nodejs.org, then run the command again.",
    );
  }
  return `Node ${process.versions.node}, ${process.platform}-${process.arch}`;
}

/** Installs the packages of the lockfile into node_modules. */
export async function ensurePackages(report) {
  const stampFile = join(root, "node_modules", ".sightline-installed");
  const stamp = hash([readFileSync(join(root, "package-lock.json"), "utf8"), process.platform, process.arch]);
  if (readStamp(stampFile) === stamp) return "already installed";
  report("npm ci: downloading and unpacking (about 300 MB to fetch, most of it the embedded database engine)");
  const npm = process.env.npm_execpath;
  const [command, first] = npm ? [process.execPath, [npm]] : ["npm", []];
  // Install scripts are not run: none is needed (the engines ship as plain binaries), and what is not run cannot do harm.
  await run(
    command,
    [...first, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"],
    {
      cwd: root,
      // A parent npm hands its own settings down in the environment (npm_config_*, npm_package_*); `ci` must not obey e.g. --omit=dev.
      env: { ...process.env, NODE_ENV: "development", npm_config_omit: "" },
      onLine: report,
      advice: "check that the npm registry can be reached and that the disk has 2 GB free, then run the command again.",
    },
  );
  writeFileSync(stampFile, stamp);
  return "installed from package-lock.json";
}

/** Compiles the packages and the web UI. */
export async function ensureBuild(report) {
  const stampFile = join(cacheDir, "build-stamp");
  const stamp = hash(sourceFiles().map((file) => describeFile(file)));
  const outputs = ["packages/cli/dist/main.js", "packages/server/dist/web/index.html"];
  if (readStamp(stampFile) === stamp && outputs.every((file) => existsSync(join(root, file)))) return "up to date";
  rmSync(stampFile, { force: true });
  report("tsc: packages; vite: web UI");
  const advice = "this is a defect of the checkout: run `git status`, undo local changes, and try again.";
  await Promise.all([
    run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b"], { cwd: root, advice }),
    run(process.execPath, [packageFile("vite", "bin/vite.js"), "build", "--logLevel", "warn"], {
      cwd: join(root, "packages/web"),
      advice,
    }),
  ]);
  mkdirSync(cacheDir, { recursive: true });
  writeFileSync(stampFile, stamp);
  return "built";
}

/**
 * Finds Chromium, or installs Debian's when this is root on Debian.
 *
 * @returns {Promise<{ path: string } | { missing: string }>} the executable, or why there is none
 */
export async function ensureChromium(report) {
  const found = findExecutable(["chromium", "chromium-browser", "google-chrome"]);
  if (found) return { path: found };
  const refusal = aptRefusal();
  if (refusal) return { missing: `Chromium is not installed and ${refusal}` };
  await aptInstall(["chromium"], report);
  const installed = findExecutable(["chromium"]);
  return installed
    ? { path: installed }
    : { missing: "Debian's chromium package was installed but brought no chromium" };
}

/**
 * Finds curl, or installs Debian's: the first-run page's curl line is run as people paste it.
 *
 * @returns {Promise<{ path: string } | { missing: string }>} the executable, or why there is none
 */
export async function ensureCurl(report) {
  const found = findExecutable(["curl"]);
  if (found) return { path: found };
  const refusal = aptRefusal();
  if (refusal) return { missing: `curl is not installed and ${refusal}` };
  await aptInstall(["curl"], report);
  const installed = findExecutable(["curl"]);
  return installed ? { path: installed } : { missing: "Debian's curl package was installed but brought no curl" };
}

/**
 * A Python environment with the MLflow client and the OpenTelemetry SDK for the contract tests.
 *
 * @returns {Promise<{ path: string } | { missing: string }>} its python executable, or why there is none
 */
export async function ensurePython(report) {
  const dir = join(cacheDir, "python");
  const python = join(dir, "bin", "python");
  const stampFile = join(dir, ".sightline-installed");
  const stamp = hash(PYTHON_PACKAGES);
  if (readStamp(stampFile) === stamp && existsSync(python)) return { path: python };
  const system = findExecutable(["python3"]);
  if (!system) return { missing: "python3 is not installed" };
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(cacheDir, { recursive: true });
  report("python3 -m venv");
  try {
    await run(system, ["-c", "import ensurepip"]);
  } catch {
    // Debian ships Python without ensurepip; the package python3-venv brings it.
    const refusal = aptRefusal();
    if (refusal) return { missing: `Python's venv module is not installed and ${refusal}` };
    await aptInstall(["python3-venv"], report);
  }
  await run(system, ["-m", "venv", dir]);
  report(`pip install ${PYTHON_PACKAGES.join(" ")}`);
  await run(python, ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", ...PYTHON_PACKAGES], {
    onLine: (line) => report(`pip: ${line.slice(0, 100)}`),
    advice: "check that the Python package index can be reached, then run the command again.",
  });
  writeFileSync(stampFile, stamp);
  return { path: python };
}

/** A file of an installed package; npm may have put the package in the root's node_modules or in the web package's. */
export function packageFile(name, file) {
  const require = createRequire(join(root, "packages/web/package.json"));
  return join(dirname(require.resolve(`${name}/package.json`)), file);
}

/** Why Debian packages cannot be installed here; undefined when they can. */
function aptRefusal() {
  if (!findExecutable(["apt-get"])) return "this is not a Debian system";
  if (process.getuid?.() !== 0) return "installing Debian packages needs root";
  return undefined;
}

async function aptInstall(packages, report) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const advice = `install it by hand: apt-get install ${packages.join(" ")}`;
  report("apt-get update");
  await run("apt-get", ["update", "-qq"], { env, advice });
  report(`apt-get install ${packages.join(" ")}`);
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], {
    env,
    advice,
    onLine: (line) => report(`apt-get: ${line.slice(0, 100)}`),
  });
}

function findExecutable(names) {
  for (const name of names) {
    for (const dir of (process.env.PATH ?? "").split(delimiter)) {
      if (dir !== "" && existsSync(join(dir, name))) return join(dir, name);
    }
  }
  return undefined;
}

/** Every file the build reads, by path. */
function sourceFiles() {
  const files = ["package-lock.json", "tsconfig.base.json", "tsconfig.json"].map((name) => join(root, name));
  for (const group of ["packages", "examples"]) {
    for (const name of readdirSync(join(root, group))) walk(join(root, group, name), files);
  }
  return files.sort();
}

function walk(dir, files) {
  if (!statSync(dir).isDirectory()) return;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.name === "dist" || entry.name === "node_modules") continue;
    const path = join(dir, entry.name);
    if (entry.isDirectory()) walk(path, files);
    else files.push(path);
  }
}

function describeFile(path) {
  const { size, mtimeMs } = statSync(path);
  return `${path} ${size} ${mtimeMs}`;
}

function hash(parts) {
  return createHash("sha256").update(parts.join("\n")).digest("hex");
}

function readStamp(file) {
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}
