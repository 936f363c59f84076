/**
 * One line after the imports reaches the program's own copy of the library, whatever the program is made of.
 */
import { startScriptedEndpoint } from "@sightline/eval";
import { test as base, describe, expect } from "vitest";
import { type ProgramOptions, runProgram } from "../testing/program.ts";
import { startReceiver } from "../testing/receiver.ts";

// A receiver and a model for each test, so that they can run side by side: most of their time is the start of a process.
const test = base.extend<{ spansOf: (text: string, options?: ProgramOptions) => Promise<string[]> }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest wants a pattern here
  spansOf: async ({}, use) => {
    const receiver = await startReceiver();
    const endpoint = await startScriptedEndpoint();
    await use(async (text, options = {}) => {
      const env = { SIGHTLINE_URL: receiver.url, OPENAI_BASE_URL: endpoint.url, OPENAI_API_KEY: "k" };
      const end = await runProgram(text, { ...options, env });
      expect(end).toMatchObject({ code: 0, stderr: "" });
      return receiver.spans.map(({ name }) => name);
    });
    await endpoint.close();
    await receiver.close();
  },
});

const ask = `client.chat.completions.create({ model: "m", messages: [{ role: "user", content: "Hi" }] })`;

describe.concurrent("an ES module", () => {
  const esm = `
    import OpenAI from "openai";
    import * as sightline from "@sightline/sdk";
    const client = new OpenAI();
    sightline.openai.autolog();
    await ${ask};
  `;

  test("is traced by a client made before autolog()", async ({ spansOf }) => {
    expect(await spansOf(esm)).toEqual(["chat m"]);
  });

  test("is traced when the SDK is imported first, and by autolog() for all", async ({ spansOf }) => {
    const names = await spansOf(`
      import { autolog } from "@sightline/sdk";
      import OpenAI from "openai";
      console.log(autolog());
      const client = new OpenAI();
      await ${ask};
    `);
    expect(names).toEqual(["chat m"]);
  });

  test("that requires the CommonJS copy later is traced", async ({ spansOf }) => {
    const names = await spansOf(`
      import * as sightline from "@sightline/sdk";
      import { createRequire } from "node:module";
      sightline.openai.autolog();
      const OpenAI = createRequire(import.meta.url)("openai");
      const client = new OpenAI();
      await ${ask};
    `);
    expect(names).toEqual(["chat m"]);
  });

  test("that hands the class or a client in is traced", async ({ spansOf }) => {
    const names = await spansOf(`
      import { OpenAI } from "openai";
      import * as sightline from "@sightline/sdk";
      const client = sightline.openai.wrap(new OpenAI());
      await ${ask};
      sightline.openai.autolog({ module: OpenAI });
      { const client = new OpenAI(); await ${ask}; }
    `);
    expect(names).toEqual(["chat m", "chat m"]);
  });
});

describe.concurrent("a CommonJS program", () => {
  const cjs: ProgramOptions = { extension: "cjs" };

  test("is traced when it required the library before", async ({ spansOf }) => {
    const names = await spansOf(
      `
      const OpenAI = require("openai");
      const sightline = require("@sightline/sdk");
      const client = new OpenAI();
      sightline.openai.autolog();
      ${ask};
    `,
      cjs,
    );
    expect(names).toEqual(["chat m"]);
  });

  test("is traced when it requires the library later", async ({ spansOf }) => {
    const names = await spansOf(
      `
      const sightline = require("@sightline/sdk");
      sightline.openai.autolog();
      const { OpenAI } = require("openai");
      const client = new OpenAI();
      ${ask};
    `,
      cjs,
    );
    expect(names).toEqual(["chat m"]);
  });

  test("is traced when it imports the library", async ({ spansOf }) => {
    const names = await spansOf(
      `
      import("@sightline/sdk").then(async (sightline) => {
        const { default: OpenAI } = await import("openai");
        sightline.openai.autolog();
        const client = new OpenAI();
        await ${ask};
      });
    `,
      cjs,
    );
    expect(names).toEqual(["chat m"]);
  });
});

test("without the library, autolog() says so, and the program goes on", async () => {
  const end = await runProgram(
    `
    import * as sightline from "@sightline/sdk";
    process.argv[1] = "/nowhere/main.js";
    process.chdir("/");
    console.log(sightline.openai.autolog(), sightline.autolog(), sightline.openai.autolog({ module: {} }));
  `,
    { env: { SIGHTLINE_URL: "http://127.0.0.1:1" } },
  );
  expect(end).toMatchObject({ code: 0, stdout: "0 [] 0\n" });
  expect(end.stderr).toContain(
    "SightlineWarning: sightline.openai.autolog() traces nothing: no package openai in node_modules of /.",
  );
});
