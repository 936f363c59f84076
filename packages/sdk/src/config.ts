/**
 * What is traced and where it goes: arguments of `init()` before environment variables before defaults.
 */
import { basename } from "node:path";
import { SightlineError } from "@sightline/wire/errors";
import type { Mask } from "./capture/mask.ts";
import type { SpoolSetting } from "./export/spool/spooling.ts";
import type { Destination } from "./tracing/live-span.ts";
import type { OriginPattern } from "./tracing/outgoing.ts";
import type { Sampler } from "./tracing/sampling.ts";

/** What `init()` takes. What is absent comes from the environment, then from the default; an argument counts before a variable. */
export interface InitOptions {
  /** Address of the Sightline server, e.g. `http://127.0.0.1:5500`. Environment: SIGHTLINE_URL, MLFLOW_TRACKING_URI. */
  readonly url?: string | undefined;
  /** Name of the experiment, made on first use; default `Default`. Environment: SIGHTLINE_EXPERIMENT, MLFLOW_EXPERIMENT_NAME. */
  readonly experiment?: string | undefined;
  /** Sent as a bearer token. Environment: SIGHTLINE_API_KEY. */
  readonly apiKey?: string | undefined;
  /** Name of this program on its spans; default OTEL_SERVICE_NAME, else the name of the main script. */
  readonly serviceName?: string | undefined;
  /** Version of this program, e.g. a commit: traces can be compared by it. */
  readonly version?: string | undefined;
  /**
   * Which traces are recorded: a part of them from 0 to 1 (decided by the trace id, alike in all processes), or a function that
   * answers `true`, `false` or a part for each trace that begins. Children go with their root, over process borders too.
   * Default 1. Environment: SIGHTLINE_SAMPLING.
   */
  readonly sampler?: Sampler | undefined;
  /**
   * Called with everything before it leaves the process (inputs, outputs, attributes, events, errors, tags, files), away from the
   * user's path; what it returns is sent. When it throws, the value is sent as `[masking failed]`.
   */
  readonly mask?: Mask | undefined;
  /** Whether images, audio and files are taken out of inputs and outputs and uploaded by themselves. Default true. */
  readonly attachments?: boolean | undefined;
  /** Most bytes of spans that wait to be sent; beyond it the oldest are dropped and counted. Default 64 MiB. */
  readonly maxQueueBytes?: number | undefined;
  /** Longest wait in milliseconds for unsent spans when the program ends; 0 = do not wait. Default 3,000. */
  readonly exitTimeoutMs?: number | undefined;
  /**
   * Keeps ended spans on disk until the server has them: after a crash the next process sends them. `true`, or where and how much.
   * Default false. Environment: SIGHTLINE_SPOOL, `1` or a folder.
   */
  readonly spool?: boolean | Exclude<SpoolSetting, boolean> | undefined;
  /**
   * Most of one core that tracing may take on the program's path, e.g. 0.05: beyond it inputs and outputs are cut to 1 KB, then
   * one trace in ten is recorded, until it is calm again. Default: no bound.
   */
  readonly overheadBudget?: number | undefined;
  /**
   * `own` (default): apart from the program's OpenTelemetry set-up. `global`: our spans are spans of the provider that is
   * registered globally too, one tree with those of its instrumentations.
   */
  readonly provider?: "own" | "global" | undefined;
  /** Servers that get `traceparent` headers by themselves: origins such as `https://api.example.com`, or patterns. Default: none. */
  readonly propagateTo?: readonly OriginPattern[] | undefined;
  /** `false` turns tracing off until `enable()`. Default true. Environment: SIGHTLINE_ENABLED. */
  readonly enabled?: boolean | undefined;
}

export interface Config {
  /** `http(s)://…` without a slash at the end. */
  readonly url: string;
  /** Absent = the server's default experiment. */
  readonly experiment?: string;
  readonly apiKey?: string;
  readonly serviceName: string;
  readonly version?: string;
  readonly sampler: Sampler;
  readonly mask?: Mask;
  readonly attachments: boolean;
  readonly maxQueueBytes: number;
  readonly exitTimeoutMs: number;
  /** Absent = none. */
  readonly spool?: SpoolSetting;
  readonly overheadBudget?: number;
  readonly provider: "own" | "global";
  readonly propagateTo: readonly OriginPattern[];
  readonly enabled: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Options that have environment variables, in order of precedence. */
const variables = {
  url: ["SIGHTLINE_URL", "MLFLOW_TRACKING_URI"],
  experiment: ["SIGHTLINE_EXPERIMENT", "MLFLOW_EXPERIMENT_NAME"],
  apiKey: ["SIGHTLINE_API_KEY"],
  serviceName: ["OTEL_SERVICE_NAME"],
  sampler: ["SIGHTLINE_SAMPLING"],
  spool: ["SIGHTLINE_SPOOL"],
  enabled: ["SIGHTLINE_ENABLED"],
} as const satisfies Partial<Record<keyof InitOptions, readonly string[]>>;

/**
 * Puts the settings together.
 *
 * @returns undefined when nothing says where the server is
 * @throws BAD_SETTING with the setting, its value and what is wanted
 */
export function readConfig(options: InitOptions, env: Environment): Config | undefined {
  const read = <K extends keyof InitOptions>(name: K): Setting => find(name, options, env);
  const url = checkText(read("url"));
  if (url === undefined) return undefined;
  const { mask, overheadBudget, provider = "own", propagateTo = [] } = options;
  return withoutUndefined({
    url: checkUrl(url, read("url").from),
    experiment: checkText(read("experiment")),
    apiKey: checkText(read("apiKey")),
    serviceName: checkText(read("serviceName")) ?? basename(process.argv[1] ?? "node"),
    version: checkText(read("version")),
    sampler: checkSampler(read("sampler")),
    mask: check(mask, "mask", "a function", (value) => value === undefined || typeof value === "function"),
    attachments: checkSwitch(read("attachments"), true),
    maxQueueBytes: checkNumber(read("maxQueueBytes"), 64 * 1024 * 1024),
    exitTimeoutMs: checkNumber(read("exitTimeoutMs"), 3_000),
    spool: checkSpool(read("spool")),
    overheadBudget: check(overheadBudget, "overheadBudget", "a part of one core such as 0.05", isBudget),
    provider: check(provider, "provider", '"own" or "global"', (value) => value === "own" || value === "global"),
    propagateTo: check(
      propagateTo,
      "propagateTo",
      "a list of origins such as https://api.example.com, or patterns",
      isOrigins,
    ),
    enabled: checkSwitch(read("enabled"), true),
  });
}

/** Names in `options` that are no options: mostly typing errors. */
export function unknownOptions(options: object): string[] {
  return Object.keys(options).filter((name) => !Object.hasOwn(known, name));
}

/** Every option, for {@link unknownOptions}; the type sees to it that none is missing. */
const known: Readonly<Record<keyof InitOptions, true>> = {
  url: true,
  experiment: true,
  apiKey: true,
  serviceName: true,
  version: true,
  sampler: true,
  mask: true,
  attachments: true,
  maxQueueBytes: true,
  exitTimeoutMs: true,
  spool: true,
  overheadBudget: true,
  provider: true,
  propagateTo: true,
  enabled: true,
};

/**
 * A destination in full: what it does not say is as in `config`. The key of `config` goes to the server of `config` alone.
 *
 * @throws BAD_SETTING when the address is none
 */
export function resolveDestination(
  config: Config,
  destination: Destination,
): Pick<Config, "url" | "apiKey" | "experiment"> {
  const read = (name: keyof Destination): string | undefined =>
    checkText({ value: destination[name], from: `destination.${name}` });
  const given = read("url");
  const url = given === undefined ? config.url : checkUrl(given, "destination.url");
  return withoutUndefined({
    url,
    apiKey: read("apiKey") ?? (url === config.url ? config.apiKey : undefined),
    experiment: read("experiment") ?? config.experiment,
  });
}

interface Setting {
  /** Undefined = not given. */
  readonly value: unknown;
  /** Who said it, for messages. */
  readonly from: string;
}

function find(name: keyof InitOptions, options: InitOptions, env: Environment): Setting {
  const from = `init({ ${name} })`;
  const given = options[name];
  const isEmpty = given === undefined || (typeof given === "string" && given.trim() === "");
  if (!isEmpty) return { value: given, from };
  for (const variable of Object.hasOwn(variables, name) ? variables[name as keyof typeof variables] : []) {
    const value = env[variable]?.trim();
    if (value) return { value, from: variable };
  }
  return { value: undefined, from };
}

function checkText({ value, from }: Setting): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string") throw bad(from, value, "a text");
  return value.trim() || undefined;
}

function checkUrl(value: string, from: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:")
    return url.href.replace(/[?#].*$/, "").replace(/\/+$/, "");
  throw bad(from, value, "the address of a Sightline server, e.g. http://127.0.0.1:5500");
}

function checkNumber({ value, from }: Setting, byDefault: number): number {
  if (value === undefined) return byDefault;
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw bad(from, value, "a number from 0 on");
}

function checkSampler({ value, from }: Setting): Sampler {
  if (value === undefined) return 1;
  if (typeof value === "function") return value as Sampler;
  const rate = typeof value === "string" ? Number(value) : value;
  if (typeof rate === "number" && rate >= 0 && rate <= 1) return rate;
  const wanted = "a number from 0 (no trace) to 1 (all)";
  throw bad(from, value, from === "SIGHTLINE_SAMPLING" ? wanted : `${wanted}, or a function`);
}

const ON = new Set(["1", "true", "on", "yes"]);
const OFF = new Set(["0", "false", "off", "no"]);

function checkSwitch({ value, from }: Setting, byDefault: boolean): boolean {
  if (value === undefined) return byDefault;
  if (typeof value === "boolean") return value;
  // Environment variables are texts; an argument is a boolean or wrong.
  const text = from.startsWith("init(") ? "" : String(value).toLowerCase();
  if (ON.has(text)) return true;
  if (OFF.has(text)) return false;
  throw bad(from, value, "true or false");
}

function checkSpool({ value, from }: Setting): SpoolSetting | undefined {
  if (value === undefined || value === false) return undefined;
  if (value === true) return true;
  if (typeof value === "string" && !from.startsWith("init(")) {
    const text = value.toLowerCase();
    if (OFF.has(text)) return undefined;
    return ON.has(text) ? true : { dir: value };
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const { dir, maxBytes } = value as { dir?: unknown; maxBytes?: unknown };
    const folder = checkText({ value: dir, from: "init({ spool: { dir } })" });
    const bytes =
      maxBytes === undefined ? undefined : checkNumber({ value: maxBytes, from: "init({ spool: { maxBytes } })" }, 0);
    return withoutUndefined({ dir: folder, maxBytes: bytes });
  }
  throw bad(from, value, "true, false or { dir, maxBytes }");
}

function isBudget(value: unknown): boolean {
  return value === undefined || (typeof value === "number" && value > 0 && value <= 1);
}

function isOrigins(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  return value.every((origin) => origin instanceof RegExp || (typeof origin === "string" && isHttpOrigin(origin)));
}

function isHttpOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function check<T>(value: T, name: keyof InitOptions, wanted: string, isGood: (value: unknown) => boolean): T {
  if (isGood(value)) return value;
  throw bad(`init({ ${name} })`, value, wanted);
}

function bad(from: string, value: unknown, wanted: string): SightlineError {
  const shown = typeof value === "string" ? `"${value}"` : describe(value);
  const effect = from.startsWith("destination.") ? "Its traces are not recorded." : "Tracing stays as it was.";
  return new SightlineError("BAD_SETTING", `${from} is ${shown}; give ${wanted}. ${effect}`);
}

function describe(value: unknown): string {
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

/** Members that are undefined are left out: the type says "absent". */
function withoutUndefined<T extends object>(members: T): Present<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Present<T>;
}

type Present<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };
