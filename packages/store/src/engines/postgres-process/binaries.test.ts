import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findBinaries, hydrateSymlinks } from "./binaries.ts";

test("the programs of this platform run", async () => {
  const { initdb, postgres } = await findBinaries();
  for (const program of [initdb, postgres]) {
    expect(execFileSync(program, ["--version"], { encoding: "utf8" })).toMatch(/\(PostgreSQL\) 18\./);
  }
});

test("missing links are made once, relative to their folder, and are left alone afterwards", async () => {
  const directory = await mkdtemp(join(tmpdir(), "binaries-"));
  try {
    const native = join(directory, "native");
    await mkdir(join(native, "lib"), { recursive: true });
    await writeFile(join(native, "lib", "libpq.so.5.18"), "");
    const links = ["libpq.so", "libpq.so.5"].map((name) => ({
      source: "native/lib/libpq.so.5.18",
      target: `native/lib/${name}`,
    }));
    await writeFile(join(native, "pg-symlinks.json"), JSON.stringify(links));
    await Promise.all([hydrateSymlinks(native), hydrateSymlinks(native)]);
    expect(await readlink(join(native, "lib", "libpq.so.5"))).toBe("libpq.so.5.18");
    await chmod(join(native, "lib"), 0o555);
    await hydrateSymlinks(native);
  } finally {
    await chmod(join(directory, "native", "lib"), 0o755);
    await rm(directory, { recursive: true, force: true });
  }
});
