/**
 * postmaster.pid: which process serves a data directory, where it listens and how far it is.
 *
 * @see PostgreSQL 18, src/include/utils/pidfile.h
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface PostmasterFile {
  readonly pid: number;
  readonly dataDir: string;
  readonly port: number;
  readonly status: "starting" | "stopping" | "ready" | "standby" | "unknown";
}

/** Undefined if the file is not there or not whole. */
export async function readPostmasterFile(data: string): Promise<PostmasterFile | undefined> {
  let lines: string[];
  try {
    lines = (await readFile(join(data, "postmaster.pid"), "utf8")).split("\n");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  const [pid = "", dataDir = "", , port = "", , , , status = ""] = lines.map((line) => line.trim());
  if (!/^\d+$/.test(pid) || dataDir === "") return undefined;
  const known = (["starting", "stopping", "ready", "standby"] as const).find((name) => name === status);
  return { pid: Number(pid), dataDir, port: Number(port) || 0, status: known ?? "unknown" };
}
