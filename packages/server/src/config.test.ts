import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SightlineError } from "@sightline/wire/errors";
import { expect, test } from "vitest";
import { isLoopback, readConfig, settings } from "./config.ts";

function failure(env: Record<string, string>): string {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof SightlineError && error.code === "BAD_SETTING") return error.message;
    throw error;
  }
  throw new Error("the settings were accepted");
}

test("an empty environment gives the documented defaults", () => {
  expect(readConfig({})).toEqual({
    port: 5500,
    host: "127.0.0.1",
    insecure: false,
    allowedHosts: [],
    dataDir: join(process.cwd(), ".sightline"),
    clickhouseUrl: undefined,
    databaseUrl: undefined,
    maxBodyBytes: 67_108_864,
    ingestBufferBytes: 67_108_864,
    journalBytes: 1_073_741_824,
    backupDir: undefined,
    minFreeDiskBytes: 500_000_000,
    maxDiskBytes: undefined,
    diskPolicy: "delete-oldest",
  });
});

test("an empty variable is an absent one", () => {
  expect(readConfig({ SIGHTLINE_PORT: "", SIGHTLINE_HOST: "  " })).toMatchObject({ port: 5500, host: "127.0.0.1" });
});

test("every setting is read from its variable", () => {
  const config = readConfig({
    SIGHTLINE_PORT: "0",
    SIGHTLINE_HOST: "0.0.0.0",
    SIGHTLINE_INSECURE: "1",
    SIGHTLINE_ALLOWED_HOSTS: "Obs.example.com, traces.local",
    SIGHTLINE_DATA_DIR: "/srv/sightline",
    SIGHTLINE_CLICKHOUSE_URL: "https://u:p@ch:8443/app",
    SIGHTLINE_DATABASE_URL: "postgres://u:p@pg/app",
    SIGHTLINE_MAX_BODY_BYTES: "2048",
    SIGHTLINE_INGEST_BUFFER_BYTES: "1",
    SIGHTLINE_JOURNAL_BYTES: "1048576",
    SIGHTLINE_BACKUP_DIR: "/srv/backups",
    SIGHTLINE_MIN_FREE_DISK_BYTES: "0",
    SIGHTLINE_MAX_DISK_BYTES: "2000000000",
    SIGHTLINE_DISK_POLICY: "refuse",
  });
  expect(config).toEqual({
    port: 0,
    host: "0.0.0.0",
    insecure: true,
    allowedHosts: ["obs.example.com", "traces.local"],
    dataDir: "/srv/sightline",
    clickhouseUrl: "https://u:p@ch:8443/app",
    databaseUrl: "postgres://u:p@pg/app",
    maxBodyBytes: 2048,
    ingestBufferBytes: 1,
    journalBytes: 1_048_576,
    backupDir: "/srv/backups",
    minFreeDiskBytes: 0,
    maxDiskBytes: 2_000_000_000,
    diskPolicy: "refuse",
  });
});

test("a wrong value is told with variable, value and what is expected", () => {
  expect(failure({ SIGHTLINE_PORT: "http" })).toMatchInlineSnapshot(
    `"SIGHTLINE_PORT is "http"; set it to a whole number from 0 to 65535."`,
  );
  expect(failure({ SIGHTLINE_INSECURE: "yes" })).toMatchInlineSnapshot(
    `"SIGHTLINE_INSECURE is "yes"; set it to 0 or 1."`,
  );
  expect(failure({ SIGHTLINE_ALLOWED_HOSTS: "https://a.example" })).toMatchInlineSnapshot(
    `"SIGHTLINE_ALLOWED_HOSTS is "https://a.example"; set it to host names without scheme and port ("https://a.example" is none)."`,
  );
});

test("a cap on the disk is a size that a store can have, and its policy one of two", () => {
  expect(failure({ SIGHTLINE_MAX_DISK_BYTES: "10GB" })).toMatchInlineSnapshot(
    `"SIGHTLINE_MAX_DISK_BYTES is "10GB"; set it to a whole number from 1048576 to 9007199254740991."`,
  );
  expect(failure({ SIGHTLINE_DISK_POLICY: "panic" })).toMatchInlineSnapshot(
    `"SIGHTLINE_DISK_POLICY is "panic"; set it to delete-oldest or refuse."`,
  );
});

test("a wrong URL is told without its password", () => {
  const message = failure({ SIGHTLINE_CLICKHOUSE_URL: "ftp://user:hunter2@host" });
  expect(message).toMatchInlineSnapshot(
    `"SIGHTLINE_CLICKHOUSE_URL is not usable; set it to a URL that starts with http:// or https://."`,
  );
});

test("an address that others can reach is refused until SIGHTLINE_INSECURE=1", () => {
  expect(failure({ SIGHTLINE_HOST: "0.0.0.0" })).toMatchInlineSnapshot(
    `"SIGHTLINE_HOST is "0.0.0.0", which other machines can reach, and no authentication is set up; use 127.0.0.1, or set SIGHTLINE_INSECURE=1 to let everyone in."`,
  );
  expect(readConfig({ SIGHTLINE_HOST: "0.0.0.0", SIGHTLINE_INSECURE: "1" }).host).toBe("0.0.0.0");
});

test("loopback is localhost, 127.0.0.0/8 and ::1", () => {
  expect(["localhost", "127.0.0.1", "127.9.9.9", "::1"].filter(isLoopback)).toHaveLength(4);
  expect(["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example", "localhost.example"].filter(isLoopback)).toEqual([]);
});

test("every setting has a variable of ours, a unit and a sentence", () => {
  for (const setting of Object.values(settings)) {
    expect(setting.env).toMatch(/^SIGHTLINE_[A-Z_]+$/);
    expect(setting.unit).not.toBe("");
    expect(setting.sentence).toMatch(/^.+\.$/);
  }
});

test("the README's table of settings says what the code does", () => {
  // The formatter pads the cells of tables.
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8").replaceAll(/ +/g, " ");
  for (const { env, default: value, sentence } of Object.values(settings)) {
    expect(readme).toContain(`| \`${env}\` |${value === "" ? "" : ` \`${value}\``} | ${sentence} |`);
  }
});
