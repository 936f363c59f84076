/**
 * A project that has the SDK installed as users have it: from packed tarballs, outside of this checkout, without the network.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const run = promisify(execFile);

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Project {
  /** Its folder. */
  readonly dir: string;
  /** Writes files, named by their path in the project. */
  write(files: Readonly<Record<string, string>>): Promise<void>;
  /** Makes packages of this checkout's node_modules importable, as if they were installed too. */
  link(...names: readonly string[]): Promise<void>;
  /** Installs packages from the registry, named with their versions. */
  install(...packages: readonly string[]): Promise<void>;
  /** Runs a command in the project's folder to its end, whatever its exit code. */
  run(command: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  /** Runs Node in the project's folder. */
  node(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  remove(): Promise<void>;
}

/** A file of a package that is installed in this checkout, e.g. the script of a tool. */
export function installedFile(name: string): string {
  return join(root, "node_modules", name);
}

/**
 * Builds, packs and installs `@sightline/sdk` and what it needs.
 *
 * The packages it depends on are packed from this checkout's node_modules: the test needs neither the network nor npm's cache.
 */
export async function installPacked(): Promise<Project> {
  const dir = await mkdtemp(join(tmpdir(), "sightline-packed-"));
  const tarballs = join(dir, "tarballs");
  await mkdir(tarballs);
  await mustRun(process.execPath, [installedFile("typescript/bin/tsc"), "-b", "packages/sdk"], root);
  const sources = ["packages/wire", "packages/sdk", "node_modules/zod", "node_modules/@opentelemetry/api"];
  const folders = sources.map((source) => join(root, source));
  await npm(["pack", ...folders, "--pack-destination", tarballs, "--ignore-scripts"], dir);
  await writeFile(join(dir, "package.json"), JSON.stringify({ name: "user-program", private: true, version: "1.0.0" }));
  const files = (await readdir(tarballs)).map((file) => `./tarballs/${file}`);
  await npm(["install", "--offline", "--ignore-scripts", ...files], dir);
  return projectAt(dir);
}

function projectAt(dir: string): Project {
  const runHere: Project["run"] = async (command, args, env = {}) => {
    const options = { cwd: dir, env: { ...bareEnvironment(), ...env }, maxBuffer: 64 * 1024 * 1024 };
    try {
      return { code: 0, ...(await run(command, args, options)) };
    } catch (error) {
      const { code, stdout, stderr } = error as Partial<Ended>;
      // A program that could not be started has a text here, e.g. ENOENT.
      if (typeof code !== "number") throw error;
      return { code, stdout: stdout ?? "", stderr: stderr ?? "" };
    }
  };
  return {
    dir,
    async write(files) {
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(dir, name)), { recursive: true });
        await writeFile(join(dir, name), text);
      }
    },
    async link(...names) {
      for (const name of names) {
        await mkdir(dirname(join(dir, "node_modules", name)), { recursive: true });
        await symlink(installedFile(name), join(dir, "node_modules", name));
      }
    },
    install: (...packages) => npm(["install", "--ignore-scripts", ...packages], dir),
    run: runHere,
    node: (args, env) => runHere(process.execPath, args, env),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

/** npm without the settings that a surrounding `npm run` hands down. */
async function npm(args: readonly string[], cwd: string): Promise<void> {
  await mustRun("npm", [...args, "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"], cwd);
}

/** Runs a command; fails with what it printed, since compilers and npm say there what is wrong. */
async function mustRun(command: string, args: readonly string[], cwd: string): Promise<void> {
  try {
    await run(command, args, { cwd, env: bareEnvironment() });
  } catch (error) {
    const { stdout, stderr } = error as Partial<Ended>;
    throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

/** This process's environment without what is about tracing, testing and npm. */
function bareEnvironment(): Record<string, string | undefined> {
  const foreign = /^(SIGHTLINE|MLFLOW|OTEL|VITEST|NODE_OPTIONS|NODE_ENV|TEST$|npm_)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}
