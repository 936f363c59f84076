/**
 * A PostgreSQL for a peer: Debian's if its programs are there, else the one that Sightline embeds. Default settings.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync } from "node:fs";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { startPostgres } from "@sightline/store/engines/embedded-postgres";
import { freePort } from "../systems/processes.ts";

export interface PostgresServer {
  /** `postgresql://…`. */
  readonly url: string;
  /** The postmaster. */
  readonly pid: number;
  readonly dataDir: string;
  stop(): Promise<void>;
}

const debian = findDebian();

/** E.g. `15.9`; the version that {@link startPostgresServer} starts. */
export function postgresVersion(): string {
  if (!debian) return "embedded";
  return /\d+(\.\d+)?/.exec(execFileSync(join(debian, "postgres"), ["--version"], { encoding: "utf8" }))?.[0] ?? "?";
}

/** Starts a server on a cluster in `folder`, which is made if it is not there. */
export async function startPostgresServer(folder: string): Promise<PostgresServer> {
  return debian ? startDebian(debian, folder) : startEmbedded(folder);
}

async function startDebian(bin: string, folder: string): Promise<PostgresServer> {
  const dataDir = join(folder, "postgres");
  const ids = unprivileged();
  // The server's user must be able to pass through the folders above its own.
  chmodSync(folder, 0o755);
  if (!existsSync(dataDir)) {
    mkdirSync(dataDir, { mode: 0o700 });
    if (ids) chownSync(dataDir, ids.uid, ids.gid);
    execFileSync(join(bin, "initdb"), ["-D", dataDir, "-U", "bench", "-A", "trust", "-E", "UTF8"], {
      ...ids,
      cwd: "/",
      stdio: ["ignore", "ignore", "inherit"],
    });
  }
  const port = await freePort();
  // -k "": no socket file; everything goes over TCP on loopback.
  const child = spawn(join(bin, "postgres"), ["-D", dataDir, "-p", String(port), "-h", "127.0.0.1", "-k", ""], {
    ...ids,
    cwd: "/",
    detached: true,
    stdio: "ignore",
  });
  const { pid } = child;
  if (pid === undefined) throw new Error("postgres could not be spawned");
  const exited = once(child, "exit");
  await untilListening(port, () => child.exitCode);
  return {
    url: `postgresql://bench@127.0.0.1:${port}/postgres`,
    pid,
    dataDir,
    stop: async () => {
      // SIGINT: fast shutdown, with a checkpoint. ESRCH: it was killed by the benchmark.
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGINT");
      await exited;
    },
  };
}

async function startEmbedded(folder: string): Promise<PostgresServer> {
  const dataDir = join(folder, "postgres");
  mkdirSync(dataDir, { recursive: true });
  const server = await startPostgres({ dataDir });
  const pid = server.pid();
  if (pid === undefined) throw new Error("the embedded PostgreSQL ended right after its start");
  // MLflow's SQLAlchemy knows the long name of the scheme only.
  const url = server.url.replace(/^postgres:/, "postgresql:");
  return { url, pid, dataDir, stop: () => server.close() };
}

async function untilListening(port: number, exitCode: () => number | null): Promise<void> {
  for (;;) {
    if (exitCode() !== null) throw new Error(`postgres ended with ${exitCode()} before it listened`);
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      socket.destroy();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** The folder of Debian's PostgreSQL programs, or of those on the PATH; undefined if there are none. */
function findDebian(): string | undefined {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .find((folder) => ["postgres", "initdb"].every((program) => existsSync(join(folder, program))));
}

/** PostgreSQL refuses to run as root: the ids of an ordinary user, if this is root. */
function unprivileged(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    try {
      const id = (option: string) => Number(execFileSync("id", [option, name], { encoding: "utf8", stdio: "pipe" }));
      return { uid: id("-u"), gid: id("-g") };
    } catch (error) {
      // `id` ends with 1 when there is no such user.
      if ((error as { status?: number }).status !== 1) throw error;
    }
  }
  return { uid: 65_534, gid: 65_534 };
}
