import { describe, expect, test } from "vitest";
import { readConfig } from "./config.ts";

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
    maxQueueBytes: 64 * 1024 * 1024,
    exitTimeoutMs: 3_000,
    sampler: 1,
  });
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
  ])("%j %j", (options, env, message) => {
    expect(() => readConfig(options, env)).toThrow(message);
  });
});
