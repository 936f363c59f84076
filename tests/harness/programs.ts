/**
 * Programs that tests run as processes of their own, as a user would from a shell.
 */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);

/** Runs a TypeScript file of the checkout from source; returns what it printed. Rejects if it ends with another code than 0. */
export async function runTypeScript(file: string, env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await run(process.execPath, ["--import", "tsx", "--conditions=@sightline/source", file], {
    cwd: root,
    env: { ...process.env, ...env },
  });
  return stdout;
}

/** Runs a pasted TypeScript program: its imports resolve as in a project that has the SDK installed. */
export async function runPastedTypeScript(code: string): Promise<string> {
  const folder = join(root, "node_modules", ".cache", "pasted");
  await mkdir(folder, { recursive: true });
  const file = join(folder, `pasted-${process.pid}-${Date.now()}.mts`);
  await writeFile(file, code);
  return runTypeScript(file);
}

/** Runs a pasted shell command. */
export async function runPastedShell(command: string): Promise<string> {
  const { stdout } = await run("sh", ["-c", command]);
  return stdout;
}
