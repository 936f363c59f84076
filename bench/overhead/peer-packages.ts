/**
 * Packages of the peers, installed by the benchmark itself with exact versions and kept between runs, a folder for each.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Outside of the checkout, so that several checkouts share them and nothing here depends on them. */
const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "sightline-bench", "sdk-peers");

/** Resolves packages from where it lies. */
const LOADER = "export const load = (specifier) => import(specifier);\n";

/**
 * Installs exactly these packages for `name`, if they are not there. Scripts of packages do not run.
 *
 * @returns their folder; undefined without packages
 * @throws if npm fails
 */
export function ensurePackages(name: string, packages: readonly string[]): string | undefined {
  if (packages.length === 0) return undefined;
  const folder = join(cache, name);
  const stamp = join(folder, "packages.txt");
  const wanted = `${packages.join("\n")}\n`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return folder;
  process.stdout.write(`${name}: npm install ${packages.join(" ")} into ${folder}\n`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ name: `bench-${name}`, private: true })}\n`);
  writeFileSync(join(folder, "load.mjs"), LOADER);
  const options = ["--save-exact", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  execFileSync("npm", ["install", ...options, ...packages], { cwd: folder, stdio: "inherit" });
  // Written last: an interrupted installation is made anew.
  writeFileSync(stamp, wanted);
  return folder;
}
