/**
 * The data directory of PostgreSQL and its password.
 *
 * `initdb` works in a folder beside and the result is renamed, so that a directory named `data` is always a whole one.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, chown, mkdir, open, readdir, readFile, rename, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SightlineError } from "@sightline/wire/errors";
import type { PostgresBinaries } from "./binaries.ts";
import { type RunAs, spawnAs } from "./run-as.ts";

export const superuser = "sightline";

/** Major version of the programs; a directory of another one cannot be opened. */
const majorVersion = "18";

/** A new cluster has 39 MB; its log and first checkpoints need some more. */
const clusterBytes = 60_000_000;

/**
 * Makes the directory if it is not there.
 *
 * @param dataDir  folder of ours; the cluster is its subfolder `data`
 * @returns whether it was made now
 * @throws STORE_UNAVAILABLE if it is of another major version or `initdb` fails; DATA_DIR_UNUSABLE if the disk is full
 */
export async function ensureCluster(
  dataDir: string,
  binaries: PostgresBinaries,
  runAs: RunAs,
  password: string,
): Promise<boolean> {
  for (const name of await readdir(dataDir)) {
    // Left by a start that was killed; the caller holds the lock of the folder. Its initdb may still be writing there.
    if (name.startsWith("initdb-")) await rm(join(dataDir, name), { recursive: true, force: true, maxRetries: 20 });
  }
  const data = join(dataDir, "data");
  const version = await readFile(join(data, "PG_VERSION"), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (version !== undefined) {
    if (version.trim() === majorVersion) return false;
    throw new SightlineError(
      "STORE_UNAVAILABLE",
      `${data} was written by PostgreSQL ${version.trim()}, this Sightline brings ${majorVersion}. ` +
        "Export it with the Sightline that wrote it, or choose another SIGHTLINE_DATA_DIR.",
    );
  }
  await initialize(dataDir, data, binaries, runAs, password);
  return true;
}

async function initialize(
  dataDir: string,
  data: string,
  binaries: PostgresBinaries,
  runAs: RunAs,
  password: string,
): Promise<void> {
  const disk = await statfs(dataDir);
  if (disk.bavail * disk.bsize < clusterBytes) throw diskFull(dataDir);
  const work = join(dataDir, `initdb-${process.pid}`);
  const passwordFile = join(work, "password");
  await mkdir(work, { mode: 0o700 });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (runAs.owner) {
    for (const path of [work, passwordFile]) await chown(path, runAs.owner.uid, runAs.owner.gid);
  }
  const output = await runInitdb(binaries.initdb, runAs, [
    `--pgdata=${join(work, "data")}`,
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // The same sort order on every machine, and no dependency on installed locales.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    "--no-instructions",
  ]);
  if (output !== undefined) {
    await rm(work, { recursive: true, force: true });
    if (/No space left on device/.test(output)) throw diskFull(dataDir);
    throw new SightlineError(
      "STORE_UNAVAILABLE",
      `PostgreSQL could not make its directory in ${dataDir}: ${reasonOf(output)}`,
    );
  }
  await rename(join(work, "data"), data);
  await syncDirectory(dataDir);
  await rm(work, { recursive: true, force: true });
}

function diskFull(dataDir: string): SightlineError {
  return new SightlineError(
    "DATA_DIR_UNUSABLE",
    `The disk of ${dataDir} is full: PostgreSQL needs ${clusterBytes / 1e6} MB to begin with. ` +
      "Free some space, or choose another directory with SIGHTLINE_DATA_DIR.",
  );
}

/** The last line that names an error; initdb goes on to say what it cleans up. */
function reasonOf(output: string): string {
  const lines = output.trim().split("\n");
  return lines.findLast((line) => /error:|ERROR|FATAL|PANIC/.test(line)) ?? lines.at(-1) ?? "";
}

/** @returns what it said if it failed */
async function runInitdb(initdb: string, runAs: RunAs, args: readonly string[]): Promise<string | undefined> {
  const child = spawnAs(runAs, initdb, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  try {
    const [code] = await once(child, "close");
    return code === 0 ? undefined : output || "it said nothing";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A new name is on disk when its folder is (fsync(2)). */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * The password of the superuser, from a file that only this process's user can read; made if there is none.
 *
 * It is written before the cluster is made, so a cluster never exists without it.
 */
export async function ensurePassword(dataDir: string): Promise<string> {
  const file = join(dataDir, "password");
  const known = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  if (known.trim() !== "") return known.trim();
  const password = randomBytes(24).toString("base64url");
  await writeFile(`${file}.new`, password, { mode: 0o600, flush: true });
  await chmod(`${file}.new`, 0o600);
  await rename(`${file}.new`, file);
  await syncDirectory(dataDir);
  return password;
}
