import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const main = fileURLToPath(new URL("main.ts", import.meta.url));

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

function sightline(args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
  const argv = ["--import", "tsx", "--conditions=@sightline/source", main, ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

test("--help lists the commands, --version tells the version", async () => {
  const [help, none, version] = await Promise.all([sightline(["--help"]), sightline([]), sightline(["--version"])]);
  expect(help).toMatchObject({ code: 0, stderr: "" });
  expect(help.stdout).toContain("server          start the server");
  expect(help.stdout).toContain("backup verify   check that a backup is whole");
  expect(none).toEqual(help);
  expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

test("server --help lists every setting with its default", async () => {
  const { stdout, code } = await sightline(["server", "--help"]);
  expect(code).toBe(0);
  expect(stdout).toContain("SIGHTLINE_PORT (TCP port; default 5500)");
  expect(stdout).toContain("SIGHTLINE_DATABASE_URL");
});

test("schema prints the tables of a cluster, and refuses a name that could say more than a name", async () => {
  const [cluster, single, wrong] = await Promise.all([
    sightline(["schema", "--cluster", "main", "--database", "agents"]),
    sightline(["schema"]),
    sightline(["schema", "--database", "a; DROP DATABASE b"]),
  ]);
  expect(cluster).toMatchObject({ code: 0, stderr: "" });
  expect(cluster.stdout).toContain(
    "CREATE TABLE IF NOT EXISTS `agents`.`spans` ON CLUSTER 'main' AS `agents`.`spans_local`",
  );
  expect(single.stdout).toContain("CREATE TABLE IF NOT EXISTS `sightline`.`spans`");
  expect(single.stdout).not.toContain("CLUSTER");
  expect(wrong).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("cannot name a database") });
});

test("what is not understood is one sentence and exit code 1", async () => {
  const [command, option] = await Promise.all([sightline(["serve"]), sightline(["server", "--prot=1"])]);
  expect(command).toEqual({
    code: 1,
    stdout: "",
    stderr: 'There is no command "serve"; sightline --help lists them.\n',
  });
  expect(option).toMatchObject({
    code: 1,
    stderr: 'sightline server takes no "--prot=1"; see sightline server --help.\n',
  });
});

test("a wrong setting is one sentence and exit code 1; the stack comes with SIGHTLINE_DEBUG=1", async () => {
  const wrong = { SIGHTLINE_PORT: "http" };
  const [plain, debug] = await Promise.all([
    sightline(["server"], wrong),
    sightline(["server"], { ...wrong, SIGHTLINE_DEBUG: "1" }),
  ]);
  expect(plain).toEqual({
    code: 1,
    stdout: "",
    stderr: 'SIGHTLINE_PORT is "http"; set it to a whole number from 0 to 65535.\n',
  });
  expect(debug.code).toBe(1);
  expect(debug.stderr).toMatch(/\n\s+at /);
});

test("help of a command comes from its row, in three ways", async () => {
  const [first, second, third] = await Promise.all([
    sightline(["export", "--help"]),
    sightline(["help", "export"]),
    sightline(["backup", "verify", "-h"]),
  ]);
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expect(second).toEqual(first);
  expect(first.stdout).toContain("Usage: sightline export FILE [options]");
  expect(first.stdout).toContain("--filter FILTER");
  expect(third.stdout).toContain("Usage: sightline backup verify DIR");
});

test("a server that is not there is one sentence, with --json one object", async () => {
  const url = "http://127.0.0.1:9";
  const [plain, json] = await Promise.all([
    sightline(["export", "-", "--url", url]),
    sightline(["backup", "--json", `--url=${url}`]),
  ]);
  const message = `Sightline does not answer at ${url}. Check that the server runs.`;
  expect(plain).toEqual({ code: 1, stdout: "", stderr: `${message}\n` });
  expect(json).toMatchObject({ code: 1, stdout: "" });
  expect(JSON.parse(json.stderr)).toEqual({ error: { code: "SERVER_UNREACHABLE", message } });
});
