/**
 * Virtual environments for the peers, made by the benchmark itself with pinned versions and kept between runs.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Outside of the checkout, so that several checkouts share them. */
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "sightline-bench");

/**
 * Makes the environment `name` with exactly these requirements, if it is not there.
 *
 * @returns the folder with its programs
 * @throws if python3 or its venv module is missing, or pip fails
 */
export function ensurePython(name: string, requirements: readonly string[]): string {
  const folder = join(cache, name);
  const bin = join(folder, "bin");
  const stamp = join(folder, "requirements.txt");
  const wanted = `${requirements.join("\n")}\n`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return bin;
  process.stdout.write(`${name}: pip install ${requirements.join(" ")} into ${folder} (some minutes)\n`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  execFileSync("python3", ["-m", "venv", folder], { stdio: "inherit" });
  execFileSync(
    join(bin, "python"),
    ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...requirements],
    {
      stdio: "inherit",
    },
  );
  // Written last: an interrupted installation is made anew.
  writeFileSync(stamp, wanted);
  return bin;
}
