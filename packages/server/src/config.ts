/**
 * Every setting of the server: its environment name, default, unit and sentence. `docs/reference` is made from this table.
 */
import { isIP } from "node:net";
import { resolve } from "node:path";
import { DISK_POLICIES } from "@sightline/wire/api/storage";
import { SightlineError } from "@sightline/wire/errors";

interface Setting<Value> {
  /** Environment variable. */
  readonly env: string;
  /** What an absent or empty variable means, written as one would set it; "" = nothing. */
  readonly default: string;
  readonly unit: string;
  /** One sentence for the reference. */
  readonly sentence: string;
  /** Reads the text; a string in `wrong` says what is expected instead. */
  readonly read: (text: string) => { readonly value: Value } | { readonly wrong: string };
  /** The value may hold a password and is never printed. */
  readonly secret?: true;
}

const MIB = 1024 * 1024;

/** The table of settings, in the order of the reference page. */
export const settings = {
  port: {
    env: "SIGHTLINE_PORT",
    default: "5500",
    unit: "TCP port",
    sentence: "Where the UI and the API listen; 0 takes any free port.",
    read: integer(0, 65_535),
  },
  host: {
    env: "SIGHTLINE_HOST",
    default: "127.0.0.1",
    unit: "address",
    sentence:
      "The address to listen on; anything but loopback needs SIGHTLINE_INSECURE=1 while there is no authentication.",
    read: (text) => (/^[\w.:-]+$/.test(text) ? { value: text } : { wrong: "an IP address or host name" }),
  },
  insecure: {
    env: "SIGHTLINE_INSECURE",
    default: "0",
    unit: "0 or 1",
    sentence: "1 lets everyone who can reach the address read and delete traces.",
    read: (text) => (/^[01]$/.test(text) ? { value: text === "1" } : { wrong: "0 or 1" }),
  },
  allowedHosts: {
    env: "SIGHTLINE_ALLOWED_HOSTS",
    default: "",
    unit: "host names, separated by commas",
    sentence: "Names under which browsers may open this server besides loopback, e.g. behind a proxy.",
    read: hostNames,
  },
  dataDir: {
    env: "SIGHTLINE_DATA_DIR",
    default: "./.sightline",
    unit: "folder",
    sentence: "Where the embedded engines keep their data; made when it is not there.",
    read: (text) => ({ value: resolve(text) }),
  },
  backupDir: {
    env: "SIGHTLINE_BACKUP_DIR",
    default: "",
    unit: "folder",
    sentence: "Where backups are written; default: backups in the data directory. Another disk is better.",
    read: (text): { value: string | undefined } => ({ value: text === "" ? undefined : resolve(text) }),
  },
  clickhouseUrl: {
    env: "SIGHTLINE_CLICKHOUSE_URL",
    default: "",
    unit: "http://user:password@host:8123/database",
    sentence: "A ClickHouse server to use instead of the embedded engine.",
    read: url("http:", "https:"),
    secret: true,
  },
  databaseUrl: {
    env: "SIGHTLINE_DATABASE_URL",
    default: "",
    unit: "postgres://user:password@host:5432/database",
    sentence: "A PostgreSQL server to use instead of the embedded engine.",
    read: url("postgres:", "postgresql:"),
    secret: true,
  },
  maxBodyBytes: {
    env: "SIGHTLINE_MAX_BODY_BYTES",
    default: String(64 * MIB),
    unit: "bytes",
    sentence: "The largest body of POST /v1/traces, as sent and again after decompression.",
    read: integer(1024, 512 * MIB),
  },
  ingestBufferBytes: {
    env: "SIGHTLINE_INGEST_BUFFER_BYTES",
    // Decoded spans take about three times their bytes: 64 MiB here is about 200 MB of memory at worst.
    default: String(64 * MIB),
    unit: "bytes",
    sentence: "How many bytes of spans may wait to be written; above it, writes get 429 with Retry-After.",
    read: integer(1, 4096 * MIB),
  },
  journalBytes: {
    env: "SIGHTLINE_JOURNAL_BYTES",
    // A minute of spans as fast as they are taken: what comes while the telemetry engine restarts or its disk is changed.
    default: String(1024 * MIB),
    unit: "bytes",
    sentence:
      "How many bytes of acknowledged spans the journal may hold while the telemetry engine cannot take them; above it, writes get 429.",
    read: integer(MIB, 1024 * 1024 * MIB),
  },
  minFreeDiskBytes: {
    env: "SIGHTLINE_MIN_FREE_DISK_BYTES",
    // Merges of the telemetry engine write a part anew before they drop the old one.
    default: String(500_000_000),
    unit: "bytes",
    sentence:
      "With less free space than this on the disk of the data directory, the server does not start and takes no spans (503).",
    read: integer(0, Number.MAX_SAFE_INTEGER),
  },
  maxDiskBytes: {
    env: "SIGHTLINE_MAX_DISK_BYTES",
    default: "",
    unit: "bytes",
    sentence:
      "Most bytes that all data may take on disk; absent = as many as there are. SIGHTLINE_DISK_POLICY says what then happens.",
    read: (text) => (text === "" ? { value: undefined } : integer(MIB, Number.MAX_SAFE_INTEGER)(text)),
  },
  diskPolicy: {
    env: "SIGHTLINE_DISK_POLICY",
    default: "delete-oldest",
    unit: "delete-oldest or refuse",
    sentence:
      "Near SIGHTLINE_MAX_DISK_BYTES: delete the oldest traces, or take no spans (503) until somebody makes room. At the limit no spans are taken under either.",
    read: oneOf(...DISK_POLICIES),
  },
} satisfies Record<string, Setting<unknown>>;

type Settings = typeof settings;
/** The values of all settings. `dataDir` is absolute. */
export type Config = {
  readonly [Name in keyof Settings]: Extract<ReturnType<Settings[Name]["read"]>, { value: unknown }>["value"];
};

/**
 * Reads the settings from environment variables.
 *
 * @throws BAD_SETTING with a sentence that names the variable, the value and what is expected
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const values = Object.entries(settings as Record<string, Setting<unknown>>).map(([name, setting]) => {
    const text = env[setting.env]?.trim() || setting.default;
    const result = setting.read(text);
    if ("wrong" in result) {
      const shown = setting.secret ? "is not usable" : `is "${text}"`;
      throw new SightlineError("BAD_SETTING", `${setting.env} ${shown}; set it to ${result.wrong}.`);
    }
    return [name, result.value];
  });
  // Each value comes from the reader of its own row.
  const config = Object.fromEntries(values) as Config;
  if (!isLoopback(config.host) && !config.insecure) {
    throw new SightlineError(
      "BAD_SETTING",
      `SIGHTLINE_HOST is "${config.host}", which other machines can reach, and no authentication is set up; ` +
        "use 127.0.0.1, or set SIGHTLINE_INSECURE=1 to let everyone in.",
    );
  }
  return config;
}

/** Whether only this machine can reach `host`: `localhost`, `127.0.0.0/8` or `::1`. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function integer(min: number, max: number) {
  return (text: string): { value: number } | { wrong: string } => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? { value } : { wrong: `a whole number from ${min} to ${max}` };
  };
}

function oneOf<const Choice extends string>(...choices: readonly Choice[]) {
  return (text: string): { value: Choice } | { wrong: string } => {
    const value = choices.find((choice) => choice === text);
    return value === undefined ? { wrong: choices.join(" or ") } : { value };
  };
}

function url(...protocols: string[]) {
  return (text: string): { value: string | undefined } | { wrong: string } => {
    if (text === "") return { value: undefined };
    if (URL.canParse(text) && protocols.includes(new URL(text).protocol)) return { value: text };
    return { wrong: `a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}` };
  };
}

function hostNames(text: string): { value: readonly string[] } | { wrong: string } {
  const names = text.split(",").flatMap((name) => name.trim().toLowerCase() || []);
  const bad = names.find((name) => !/^[\w.-]+$/.test(name));
  return bad === undefined ? { value: names } : { wrong: `host names without scheme and port ("${bad}" is none)` };
}
