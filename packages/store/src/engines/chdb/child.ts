/**
 * Entry of the process that owns the chDB directory.
 *
 * Speaks ClickHouse's HTTP interface on 127.0.0.1. The supervisor tells it when to start and when to stop; Ctrl+C and SIGTERM reach
 * the whole process group, so they are left to the supervisor. When the channel to the supervisor breaks, its process is gone and
 * this one ends too, so that the next start finds the directory free.
 */
import { mkdirSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Engine } from "./engine.ts";
import { createFront } from "./http-front.ts";
import { keepMemoryLow } from "./memory-keeper.ts";
import type { FromChild, StartMessage, ToChild } from "./messages.ts";
import { writeOwner } from "./owner-file.ts";
import { writeServerConfig } from "./server-config.ts";

/** Bodies of the store are below 12 MB; 64 MiB leaves room for single spans with large payloads. */
const maxBodyBytes = 64 * 1024 * 1024;
const maxBodiesBytes = 256 * 1024 * 1024;

/** An orphan has less time: a new server may be waiting for the directory. */
const drainLimitMs = { shutdown: 5000, orphaned: 1500 } as const;

let stop: ((reason: keyof typeof drainLimitMs) => void) | undefined;
let stopReason: keyof typeof drainLimitMs | undefined;

function requestStop(reason: keyof typeof drainLimitMs): void {
  stopReason ??= reason;
  stop?.(stopReason);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    // Left to the supervisor, see above.
  });
}
process.on("disconnect", () => requestStop("orphaned"));
process.on("message", (message: ToChild) => {
  if (message.type === "shutdown") requestStop("shutdown");
  else void start(message);
});

function tell(message: FromChild): void {
  if (process.connected) process.send?.(message);
}

async function start(message: StartMessage): Promise<void> {
  try {
    const engine = openDirectory(message);
    const server = createFront({
      engine,
      user: message.user,
      password: message.password,
      maxBodyBytes,
      maxBodiesBytes,
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(message.port, "127.0.0.1", resolve);
    });
    const stopKeeping = keepMemoryLow(engine, message.memoryLimitBytes);
    stop = (reason) => {
      stop = () => undefined;
      stopKeeping();
      server.close();
      void end(engine, drainLimitMs[reason]);
    };
    if (stopReason) stop(stopReason);
    // A server that listens on TCP has an AddressInfo.
    else tell({ type: "listening", port: (server.address() as AddressInfo).port });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
    const reason = error instanceof Error ? error.message : String(error);
    process.send?.({ type: "failed", message: reason, code } satisfies FromChild, () => process.exit(1));
  }
}

function openDirectory({ dataDir, memoryLimitBytes }: StartMessage): Engine {
  const path = join(dataDir, "engine");
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const configFile = writeServerConfig(join(dataDir, "config"), memoryLimitBytes);
  const engine = new Engine({ path, configFile });
  writeOwner(dataDir);
  return engine;
}

/**
 * What runs is cancelled and waited for, then the process ends by a SIGKILL of its own: exit handlers of the engine hang or crash
 * while one of its threads is busy. Nothing is lost by it, since everything acknowledged is on disk.
 */
async function end(engine: Engine, limitMs: number): Promise<void> {
  const kill = () => process.kill(process.pid, "SIGKILL");
  setTimeout(kill, limitMs);
  await engine.close().finally(kill);
}
