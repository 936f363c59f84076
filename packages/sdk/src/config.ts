/**
 * Where spans go: arguments of `init()` before environment variables before defaults.
 */
import { basename } from "node:path";
import { SightlineError } from "@sightline/wire/errors";
import type { Sampler } from "./tracing/sampling.ts";

export interface InitOptions {
  /** Address of the Sightline server, e.g. `http://127.0.0.1:5500`. Environment: SIGHTLINE_URL, MLFLOW_TRACKING_URI. */
  readonly url?: string | undefined;
  /** Name of the experiment, made on first use; default `Default`. Environment: SIGHTLINE_EXPERIMENT, MLFLOW_EXPERIMENT_NAME. */
  readonly experiment?: string | undefined;
  /** Sent as a bearer token. Environment: SIGHTLINE_API_KEY. */
  readonly apiKey?: string | undefined;
  /** Name of this program on its spans; default OTEL_SERVICE_NAME, else the name of the main script. */
  readonly serviceName?: string | undefined;
  /** Most bytes of spans that wait to be sent; beyond it the oldest are dropped and counted. Default 64 MiB. */
  readonly maxQueueBytes?: number | undefined;
  /** Longest wait in milliseconds for unsent spans when the program ends; 0 = do not wait. Default 3,000. */
  readonly exitTimeoutMs?: number | undefined;
}

export interface Config {
  /** `http(s)://…` without a slash at the end. */
  readonly url: string;
  /** Absent = the server's default experiment. */
  readonly experiment?: string;
  readonly apiKey?: string;
  readonly serviceName: string;
  readonly maxQueueBytes: number;
  readonly exitTimeoutMs: number;
  readonly sampler: Sampler;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Options that have environment variables, in order of precedence. */
const variables = {
  url: ["SIGHTLINE_URL", "MLFLOW_TRACKING_URI"],
  experiment: ["SIGHTLINE_EXPERIMENT", "MLFLOW_EXPERIMENT_NAME"],
  apiKey: ["SIGHTLINE_API_KEY"],
  serviceName: ["OTEL_SERVICE_NAME"],
} as const;

/**
 * Puts the settings together.
 *
 * @returns undefined when nothing says where the server is
 * @throws BAD_SETTING when an address is not `http://…` or `https://…`, or a limit is not a number from 0 on
 */
export function readConfig(options: InitOptions, env: Environment): Config | undefined {
  const url = pick("url", options, env);
  if (url === undefined) return undefined;
  const experiment = pick("experiment", options, env)?.value;
  const apiKey = pick("apiKey", options, env)?.value;
  return {
    url: checkUrl(url),
    ...(experiment !== undefined && { experiment }),
    ...(apiKey !== undefined && { apiKey }),
    serviceName: pick("serviceName", options, env)?.value ?? basename(process.argv[1] ?? "node"),
    maxQueueBytes: checkNumber("maxQueueBytes", options.maxQueueBytes ?? 64 * 1024 * 1024),
    exitTimeoutMs: checkNumber("exitTimeoutMs", options.exitTimeoutMs ?? 3_000),
    sampler: 1,
  };
}

interface Setting {
  readonly value: string;
  /** Who said it, for messages. */
  readonly from: string;
}

function pick(name: keyof typeof variables, options: InitOptions, env: Environment): Setting | undefined {
  const given = options[name]?.trim();
  if (given) return { value: given, from: `init({ ${name} })` };
  for (const variable of variables[name]) {
    const value = env[variable]?.trim();
    if (value) return { value, from: variable };
  }
  return undefined;
}

function checkUrl({ value, from }: Setting): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:")
    return url.href.replace(/[?#].*$/, "").replace(/\/+$/, "");
  throw new SightlineError(
    "BAD_SETTING",
    `${from} is "${value}"; give the address of a Sightline server, e.g. http://127.0.0.1:5500. Nothing is traced.`,
  );
}

function checkNumber(name: "maxQueueBytes" | "exitTimeoutMs", value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw new SightlineError("BAD_SETTING", `init({ ${name} }) is ${value}; give a number from 0 on. Nothing is traced.`);
}
