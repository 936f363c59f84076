import { describe, expect, test } from "vitest";
import { type Config, type InitOptions, readConfig, resolveDestination, unknownOptions } from "./config.ts";

const SIGHTLINE = {
  SIGHTLINE_URL: "http://env:5500/",
  SIGHTLINE_EXPERIMENT: "from env",
  SIGHTLINE_API_KEY: "key",
};
const MLFLOW = { MLFLOW_TRACKING_URI: "http://mlflow:5000", MLFLOW_EXPERIMENT_NAME: "from mlflow" };

test("arguments come before SIGHTLINE_*, which come before MLFLOW_*", () => {
  expect(readConfig({ url: "https://arg/base/", experiment: "arg" }, { ...SIGHTLINE, ...MLFLOW })).toMatchObject({
    url: "https://arg/base",
    experiment: "arg",
    apiKey: "key",
  });
  expect(readConfig({}, { ...SIGHTLINE, ...MLFLOW })).toMatchObject({ url: "http://env:5500", experiment: "from env" });
  expect(readConfig({}, MLFLOW)).toMatchObject({ url: "http://mlflow:5000", experiment: "from mlflow" });
});

test("defaults are there, and empty texts count as not given", () => {
  expect(readConfig({ url: "http://a", experiment: " " }, { SIGHTLINE_EXPERIMENT: "" })).toEqual({
    url: "http://a",
    serviceName: expect.any(String),
    sampler: 1,
    attachments: true,
    maxQueueBytes: 64 * 1024 * 1024,
    exitTimeoutMs: 3_000,
    provider: "own",
    propagateTo: [],
    enabled: true,
  });
});

test("every option is taken", () => {
  const all = {
    url: "http://a",
    experiment: "e",
    apiKey: "k",
    serviceName: "s",
    version: "1.2",
    sampler: () => 0.5,
    mask: (value: unknown) => value,
    attachments: false,
    maxQueueBytes: 1,
    exitTimeoutMs: 0,
    spool: { dir: "/tmp/spool", maxBytes: 5 },
    overheadBudget: 0.05,
    provider: "global",
    propagateTo: ["https://api.example.com", /internal/],
    enabled: false,
  } as const;
  expect(readConfig(all, {})).toEqual(all);
  expect(unknownOptions({ ...all, experimnet: "e", sampling: 1 })).toEqual(["experimnet", "sampling"]);
});

test("sampling, spool and enabled come from the environment, after arguments", () => {
  const env = {
    SIGHTLINE_URL: "http://a",
    SIGHTLINE_SAMPLING: "0.25",
    SIGHTLINE_SPOOL: "1",
    SIGHTLINE_ENABLED: "false",
  };
  expect(readConfig({}, env)).toMatchObject({ sampler: 0.25, spool: true, enabled: false });
  expect(readConfig({ sampler: 0, spool: { maxBytes: 9 }, enabled: true }, env)).toMatchObject({
    sampler: 0,
    spool: { maxBytes: 9 },
    enabled: true,
  });
  expect(readConfig({ spool: false }, env)).not.toHaveProperty("spool");
  expect(readConfig({}, { ...env, SIGHTLINE_SPOOL: "/var/spool", SIGHTLINE_ENABLED: "ON" })).toMatchObject({
    spool: { dir: "/var/spool" },
    enabled: true,
  });
  expect(readConfig({}, { ...env, SIGHTLINE_SPOOL: "off" })).not.toHaveProperty("spool");
});

test("without an address there is no configuration", () => {
  expect(readConfig({ experiment: "x" }, {})).toBeUndefined();
});

describe("what cannot be used is said with the value and where it came from", () => {
  test.each([
    [{ url: "localhost:5500" }, {}, 'init({ url }) is "localhost:5500"'],
    [{}, { SIGHTLINE_URL: "not a url" }, 'SIGHTLINE_URL is "not a url"'],
    [{}, { MLFLOW_TRACKING_URI: "sqlite:///mlflow.db" }, 'MLFLOW_TRACKING_URI is "sqlite:///mlflow.db"'],
    [{ url: "http://a", maxQueueBytes: -1 }, {}, "init({ maxQueueBytes }) is -1"],
    [{ url: "http://a", exitTimeoutMs: Number.NaN }, {}, "init({ exitTimeoutMs }) is NaN"],
    [{ url: 7 }, {}, "init({ url }) is 7; give a text."],
    [{ url: "http://a", experiment: {} }, {}, "init({ experiment }) is {}; give a text."],
    [
      { url: "http://a", sampler: 1.5 },
      {},
      "init({ sampler }) is 1.5; give a number from 0 (no trace) to 1 (all), or a function.",
    ],
    [{ url: "http://a" }, { SIGHTLINE_SAMPLING: "half" }, 'SIGHTLINE_SAMPLING is "half"; give a number from 0'],
    [{ url: "http://a", mask: "secret" }, {}, 'init({ mask }) is "secret"; give a function.'],
    [{ url: "http://a", attachments: "false" }, {}, 'init({ attachments }) is "false"; give true or false.'],
    [{ url: "http://a", spool: "/tmp" }, {}, 'init({ spool }) is "/tmp"; give true, false or { dir, maxBytes }.'],
    [
      { url: "http://a", spool: { maxBytes: "1" } },
      {},
      'init({ spool: { maxBytes } }) is "1"; give a number from 0 on.',
    ],
    [
      { url: "http://a", overheadBudget: 5 },
      {},
      "init({ overheadBudget }) is 5; give a part of one core such as 0.05.",
    ],
    [{ url: "http://a", provider: "otel" }, {}, 'init({ provider }) is "otel"; give "own" or "global".'],
    [{ url: "http://a", propagateTo: ["api"] }, {}, 'init({ propagateTo }) is ["api"]; give a list of origins'],
    [{ url: "http://a" }, { SIGHTLINE_ENABLED: "maybe" }, 'SIGHTLINE_ENABLED is "maybe"; give true or false.'],
  ])("%j %j", (options, env, message) => {
    expect(() => readConfig(options as InitOptions, env)).toThrow(message);
  });
});

describe("a destination", () => {
  const config = readConfig({ url: "http://own", apiKey: "secret", experiment: "e" }, {}) as Config;

  test("is as the configuration where it says nothing", () => {
    expect(resolveDestination(config, { experiment: "other" })).toEqual({
      url: "http://own",
      apiKey: "secret",
      experiment: "other",
    });
    expect(resolveDestination(config, { apiKey: "k" })).toEqual({ url: "http://own", apiKey: "k", experiment: "e" });
  });

  test("at another server does not get the key", () => {
    expect(resolveDestination(config, { url: "http://other/" })).toEqual({ url: "http://other", experiment: "e" });
    expect(resolveDestination(config, { url: "http://own/" })).toMatchObject({ apiKey: "secret" });
  });

  test("that is no address is refused", () => {
    expect(() => resolveDestination(config, { url: "nowhere" })).toThrow('destination.url is "nowhere"');
  });
});
