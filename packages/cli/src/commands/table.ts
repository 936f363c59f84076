/**
 * The command table: a row a command.
 */
import type { Command, Option } from "../command.ts";

const url: Option = {
  value: "URL",
  sentence: "the server; default SIGHTLINE_URL, else http://127.0.0.1 and SIGHTLINE_PORT (5500)",
};
const json: Option = { sentence: "the result as one JSON object on standard output, no progress" };

/** All commands, in the order of the help. */
export const commands: Readonly<Record<string, Command>> = {
  server: {
    summary: "start the server: UI, API and ingest",
    load: async () => {
      const { runServer, serverHelp } = await import("./server.ts");
      return { run: () => runServer(), help: serverHelp };
    },
  },
  export: {
    summary: "write traces to a file",
    args: "FILE",
    options: {
      experiment: { value: "NAME", many: true, sentence: "only this experiment (name or id)" },
      filter: { value: "FILTER", sentence: "only traces that match, e.g. \"status = 'ERROR'\"" },
      from: { value: "TIME", sentence: "only traces that start then or later (RFC 3339)" },
      to: { value: "TIME", sentence: "only traces that start before" },
      format: { value: "FORMAT", sentence: "jsonl (one trace a line) or parquet; default by the name of the file" },
      table: { value: "TABLE", sentence: "of Parquet: spans (default) or traces" },
      "no-attachments": { sentence: "of JSONL: without the bytes of attachments; traces still list them" },
      force: { sentence: "replace the file if there is one" },
      url,
      json,
    },
    notes: [
      "FILE may be - for standard output. A name that ends in .gz is written as gzip, one in .parquet as Parquet.",
    ],
    load: async () => ({ run: (await import("./export.ts")).runExport }),
  },
  import: {
    summary: "take traces from files into a server",
    args: "FILE…",
    options: {
      experiment: { value: "NAME", sentence: "into this experiment; default: that of each trace" },
      url,
      json,
    },
    notes: [
      "Files are exports of Sightline (JSONL, also as gzip, or Parquet with a row a span), or OTLP JSON as the file exporter of the",
      "OpenTelemetry collector writes it. FILE may be - for standard input. Importing twice doubles nothing.",
      "Exit code 2: all is done, but some lines were refused; they are listed.",
    ],
    load: async () => ({ run: (await import("./import.ts")).runImport }),
  },
  backup: {
    summary: "back up everything, while the server runs",
    options: {
      to: { value: "DIR", sentence: "a folder that does not exist yet; default: stays on the server" },
      name: { value: "NAME", sentence: "name on the server; default: the time" },
      keep: { sentence: "with --to: leave the server's own copy there" },
      url,
      json,
    },
    notes: ["The server writes it into SIGHTLINE_BACKUP_DIR first; with --to it is then copied from there."],
    load: async () => ({ run: (await import("./backup.ts")).runBackup }),
  },
  "backup verify": {
    summary: "check that a backup is whole and unharmed",
    args: "DIR",
    options: { json },
    load: async () => ({ run: (await import("./backup-verify.ts")).runBackupVerify }),
  },
  restore: {
    summary: "make a data directory from a backup, without a server",
    options: {
      from: { value: "DIR", sentence: "the backup" },
      "data-dir": { value: "DIR", sentence: "a data directory that is empty or does not exist yet" },
      json,
    },
    notes: [
      "With SIGHTLINE_CLICKHOUSE_URL or SIGHTLINE_DATABASE_URL it goes into that engine, which must be empty.",
      "Afterwards: SIGHTLINE_DATA_DIR=DIR sightline server",
    ],
    load: async () => ({ run: (await import("./restore.ts")).runRestore }),
  },
  schema: {
    summary: "print the SQL that makes the ClickHouse schema",
    options: {
      cluster: { value: "NAME", sentence: "for a cluster of this name; default: for one server" },
      database: { value: "NAME", sentence: "where the tables are; default sightline" },
    },
    notes: ["A server makes its schema itself; this is for clusters and for servers that may not create tables."],
    load: async () => ({ run: (await import("./schema.ts")).runSchema }),
  },
};
