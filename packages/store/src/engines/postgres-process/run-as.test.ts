import { once } from "node:events";
import { chown, cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { findBinaries } from "./binaries.ts";
import { chooseUser, spawnAs } from "./run-as.ts";

let directory: string | undefined;
afterEach(async () => {
  if (directory) await rm(directory, { recursive: true, force: true });
});

test.runIf(process.getuid?.() === 0)(
  "programs and data that lie below a folder of root's alone, as in a clone in `mktemp -d`, can be used",
  async () => {
    // mkdtemp makes the folder with mode 0700.
    directory = await mkdtemp(join(tmpdir(), "sightline-closed-"));
    const native = join(directory, "native");
    await cp(dirname(dirname((await findBinaries()).postgres)), native, { recursive: true, verbatimSymlinks: true });
    const dataDir = join(directory, "postgres");
    await mkdir(dataDir);

    const runAs = await chooseUser(dataDir, join(native, "bin", "postgres"));
    expect(runAs.capability).toBeDefined();
    if (!runAs.owner) expect.unreachable("root runs PostgreSQL as another user");
    await chown(dataDir, runAs.owner.uid, runAs.owner.gid);
    const initdb = spawnAs(runAs, join(native, "bin", "initdb"), ["-D", join(dataDir, "data"), "--no-sync"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    initdb.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const [code] = await once(initdb, "close");
    expect(said).not.toContain("Permission denied");
    expect(code).toBe(0);
    expect(await readFile(join(dataDir, "data", "PG_VERSION"), "utf8")).toBe("18\n");

    // The other capabilities of root are gone: the user may search and read, nothing more.
    const status = spawnAs(runAs, "/bin/cat", ["/proc/self/status"], { stdio: ["ignore", "pipe", "ignore"] });
    let text = "";
    status.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    await once(status, "close");
    const capabilities = /^CapEff:\s+([0-9a-f]+)$/m.exec(text)?.[1] ?? "";
    // One bit: CAP_DAC_OVERRIDE is 1, CAP_DAC_READ_SEARCH is 2 (linux/capability.h).
    expect([1n << 1n, 1n << 2n]).toContain(BigInt(`0x${capabilities}`));
  },
);
