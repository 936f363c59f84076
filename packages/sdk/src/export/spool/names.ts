/**
 * Names of the files in a spool folder: what a process must know of a spool before it opens it.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Owner, ownerText, parseOwner } from "./owner.ts";

export interface SpoolName {
  readonly instanceId: string;
  /** 12 hex digits: who gets it. */
  readonly server: string;
  readonly owner: Owner;
}

/** Where the state file of a spool is. */
export function statePath(dir: string, { instanceId, server, owner }: SpoolName): string {
  return join(dir, `${instanceId}~${server}~${ownerText(owner)}.spool`);
}

/** The spools in a folder. Other files are left out. */
export function spoolsIn(dir: string): SpoolName[] {
  const found: SpoolName[] = [];
  for (const file of readdirSync(dir)) {
    const [, instanceId, server, text = ""] = /^([0-9a-f-]{36})~([0-9a-f]{12})~(.+)\.spool$/.exec(file) ?? [];
    const owner = parseOwner(text);
    if (instanceId !== undefined && server !== undefined && owner !== undefined) {
      found.push({ instanceId, server, owner });
    }
  }
  return found;
}

/** Where a segment of a spool is. */
export function segmentPath(dir: string, instanceId: string, number: number): string {
  return join(dir, `${instanceId}.${number}.spans`);
}

/** The segments of a spool, oldest first. */
export function segmentFiles(dir: string, instanceId: string): { readonly number: number; readonly path: string }[] {
  const prefix = `${instanceId}.`;
  return readdirSync(dir)
    .filter((file) => file.startsWith(prefix) && file.endsWith(".spans"))
    .map((file) => Number(file.slice(prefix.length, -".spans".length)))
    .sort((a, b) => a - b)
    .map((number) => ({ number, path: segmentPath(dir, instanceId, number) }));
}
