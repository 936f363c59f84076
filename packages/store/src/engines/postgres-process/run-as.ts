/**
 * As which user of the system PostgreSQL runs.
 *
 * PostgreSQL refuses to run as root, so a root server runs it as an unprivileged user. That user can often not reach the programs or the
 * data, because they lie below a folder that is root's alone (`mktemp -d`, /root). It then gets the one capability that lets it
 * pass: to search folders, or in containers that lack this one, to override permissions.
 */
import { type ChildProcess, execFile, type SpawnOptions, spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { SightlineError } from "@sightline/wire/errors";

const run = promisify(execFile);

export interface RunAs {
  /** Owner of the data directory; undefined = this process's own user. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Capability that the user needs to pass the folders above; undefined = none. */
  readonly capability: string | undefined;
}

/** Tried in this order. */
const capabilities = [undefined, "dac_read_search", "dac_override"] as const;

/** Starts a program as that user. */
export function spawnAs(runAs: RunAs, program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const [command, commandArgs, ids] = commandAs(runAs, program, args);
  // The caller's own folder may be closed to the user.
  return spawn(command, [...commandArgs], { ...options, ...ids, cwd: "/", env: environment() });
}

/**
 * Chooses the user, making one if there is none, and the capability it needs.
 *
 * @param dataDir  exists, and is owned by root if this process is root's
 * @throws DATA_DIR_UNUSABLE if no user can be made to reach `dataDir` and the programs
 */
export async function chooseUser(dataDir: string, program: string): Promise<RunAs> {
  if (process.getuid?.() !== 0) return { owner: undefined, capability: undefined };
  const owner = (await ownerOf(join(dataDir, "data"))) ?? (await unprivilegedUser());
  let cause: unknown;
  for (const capability of capabilities) {
    const runAs: RunAs = { owner, capability };
    try {
      await probe(runAs, dataDir, program);
      return runAs;
    } catch (error) {
      cause = error;
    }
  }
  throw new SightlineError(
    "DATA_DIR_UNUSABLE",
    `PostgreSQL does not run as root, and the user with id ${owner.uid}, as which it would run, cannot reach ${dataDir} or ${program}. ` +
      "Choose a SIGHTLINE_DATA_DIR that every user can reach (like /var/lib/sightline), start Sightline as another user, or set SIGHTLINE_DATABASE_URL.",
    { cause },
  );
}

/** Who owns the cluster that is there; undefined if there is none, or if it is root's. */
async function ownerOf(path: string): Promise<{ uid: number; gid: number } | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return found && found.uid !== 0 ? { uid: found.uid, gid: found.gid } : undefined;
}

/** Can the user enter the folder and run the program? */
async function probe(runAs: RunAs, dataDir: string, program: string): Promise<void> {
  const script = 'cd "$1" && exec "$2" --version';
  const [command, args, ids] = commandAs(runAs, "/bin/sh", ["-c", script, "sh", dataDir, program]);
  await run(command, [...args], { ...ids, cwd: "/", env: environment() });
}

type Command = readonly [command: string, args: readonly string[], ids: { uid?: number; gid?: number }];

function commandAs({ owner, capability }: RunAs, program: string, args: readonly string[]): Command {
  if (!owner) return [program, args, {}];
  if (capability === undefined) return [program, args, { uid: owner.uid, gid: owner.gid }];
  // setpriv (util-linux) replaces itself by the program, so the process id is the program's.
  const switches = [
    `--reuid=${owner.uid}`,
    `--regid=${owner.gid}`,
    "--clear-groups",
    // PostgreSQL looks for its own programs with access(2), which for users other than root disregards capabilities, unless this
    // bit is set (Linux fs/open.c, access_override_creds). The capabilities stay the same: all others end with the exec.
    "--securebits=+no_setuid_fixup",
    `--inh-caps=+${capability}`,
    `--ambient-caps=+${capability}`,
  ];
  return ["setpriv", [...switches, program, ...args], {}];
}

/** Nothing of the server's own environment: it may hold keys, and LC_* or PG* would change how PostgreSQL behaves. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LANG: "C", LC_ALL: "C" };
}

async function unprivilegedUser(): Promise<{ uid: number; gid: number }> {
  const known = (await userIds("postgres")) ?? (await userIds("sightline"));
  if (known) return known;
  try {
    await run("useradd", ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "sightline"]);
  } catch (cause) {
    const nobody = await userIds("nobody");
    if (nobody) return nobody;
    throw new SightlineError(
      "DATA_DIR_UNUSABLE",
      "PostgreSQL does not run as root, and there is no user postgres, sightline or nobody to run it as. " +
        "Start Sightline as another user, or set SIGHTLINE_DATABASE_URL.",
      { cause },
    );
  }
  return (await userIds("sightline")) ?? { uid: 65534, gid: 65534 };
}

async function userIds(name: string): Promise<{ uid: number; gid: number } | undefined> {
  try {
    const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    // `id` fails if there is no such user.
    return undefined;
  }
}
