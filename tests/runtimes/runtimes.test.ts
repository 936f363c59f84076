/**
 * The packed SDK under other runtimes and bundlers: Bun, Deno, webpack, Next.js.
 *
 * They are downloaded (some 600 MB), so these tests are no part of `npm test`: `npm run test:runtimes`.
 */
import { spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Receiver, spanNamed, startReceiver } from "../../packages/sdk/src/testing/receiver.ts";
import { CJS_PROGRAM, ESM_PROGRAM, expectProgramSpans } from "../contract/packed/programs.ts";
import { installPacked, type Project } from "../contract/packed/project.ts";
import { freePort } from "../harness/sightline-process.ts";

const PACKAGES = ["bun@1.4.5", "deno@2.9.6", "webpack@5.112.2", "next@16.4.6", "react@19.3.1", "react-dom@19.3.1"];

/** Ends without a flush, in three ways. */
const ENDINGS = {
  "the end of the program": "",
  "process.exit": "process.exit(0);",
  SIGTERM: 'setTimeout(() => undefined, 60_000); process.kill(process.pid, "SIGTERM");',
};

const PROPAGATION = `
  import { createServer, request } from "node:http";
  import * as sightline from "@sightline/sdk";
  const server = createServer((incoming, response) =>
    sightline.withTraceHeaders(incoming.headers, () =>
      sightline.withSpan({ name: incoming.url }, async () => void response.end("served")),
    ),
  );
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = "http://127.0.0.1:" + server.address().port;
  sightline.init({ propagateTo: [origin] });
  await sightline.withSpan({ name: "caller" }, async () => {
    const headers = sightline.getTraceHeaders();
    await (await fetch(origin + "/fetch", { headers })).text();
    await new Promise((resolve) =>
      request(origin + "/http", (response) => response.resume().on("end", resolve)).end());
  });
  server.close();
  server.closeAllConnections();
  await sightline.flush();
`;

const PAGE = `
  import * as sightline from "@sightline/sdk";
  export const dynamic = "force-dynamic";
  const load = sightline.trace(async (city) => {
    await null;
    return city + " is rainy";
  }, { name: "load" });
  export default async function Page() {
    return <p>{await sightline.withSpan({ name: "page" }, () => load("Paris"))}</p>;
  }
`;

const ROUTE = `
  import * as sightline from "@sightline/sdk";
  export const GET = (request) =>
    sightline.withTraceHeaders(request.headers, () =>
      sightline.withSpan({ name: "route" }, async () => Response.json(sightline.getLastActiveTraceId())));
`;

const CLIENT_PAGE = `
  "use client";
  import { useEffect } from "react";
  import { flush } from "@sightline/sdk";
  export default function Page() {
    useEffect(() => void flush());
    return <p>in the browser</p>;
  }
`;

let project: Project;
let receiver: Receiver;
let env: Record<string, string>;

beforeAll(async () => {
  project = await installPacked();
  await project.install(...PACKAGES);
  await project.write({ "esm.mjs": ESM_PROGRAM, "esm.mts": ESM_PROGRAM, "cjs.cjs": CJS_PROGRAM });
});
afterAll(() => project?.remove());
beforeEach(async () => {
  receiver = await startReceiver();
  env = { SIGHTLINE_URL: receiver.url, NEXT_TELEMETRY_DISABLED: "1" };
});
afterEach(() => receiver.close());

// The binaries themselves: the packages' install scripts, which would put them in place, are not run.
const runtimes = {
  Bun: { scope: "@oven", binary: "bin/bun", args: ["run"] },
  Deno: { scope: "@deno", binary: "deno", args: ["run", "-A", "--node-modules-dir=manual"] },
};

for (const [name, { scope, binary, args }] of Object.entries(runtimes)) {
  const runFile = async (file: string) => {
    const folder = join(project.dir, "node_modules", scope);
    const [platform] = await readdir(folder);
    return project.run(join(folder, platform ?? "none for this machine", binary), [...args, file], env);
  };

  test.for(["esm.mjs", "esm.mts", "cjs.cjs"])(`${name} runs %s`, async (file) => {
    const { stdout, stderr } = await runFile(file);
    expectProgramSpans(receiver, stdout);
    expect(stderr).toBe("");
  });

  test.for(Object.entries(ENDINGS))(`${name} delivers at %s`, async ([ending, code]) => {
    await project.write({
      "end.mjs": `
        import * as sightline from "@sightline/sdk";
        await sightline.withSpan({ name: ${JSON.stringify(ending)} }, async () => null);
        ${code}
      `,
    });
    const { stderr } = await runFile("end.mjs").catch((error: { signal: string }) => {
      expect(error.signal).toBe("SIGTERM");
      return { stderr: "" };
    });
    expect(stderr).toBe("");
    expect(spanNamed(receiver.spans, ending).statusCode).toBe(1);
  });

  test(`${name} carries a trace over HTTP`, async () => {
    await project.write({ "http.mjs": PROPAGATION });
    expect((await runFile("http.mjs")).stderr).toBe("");
    const caller = spanNamed(receiver.spans, "caller");
    expect(spanNamed(receiver.spans, "/fetch").parentSpanId).toBe(caller.spanId);
    expect(spanNamed(receiver.spans, "/http").parentSpanId).toBe(caller.spanId);
  });
}

test("webpack bundles it for Node", async () => {
  await project.write({
    "webpack/entry.mjs": ESM_PROGRAM,
    "webpack/build.cjs": `
      const webpack = require("webpack");
      const options = { mode: "production", target: "node20", context: __dirname, entry: "./entry.mjs",
        // Names of arguments are read from the source.
        optimization: { minimize: false },
        output: { path: __dirname, filename: "out.cjs" } };
      webpack(options, (error, stats) => {
        const { errors, warnings } = stats?.toJson({ all: false, errors: true, warnings: true }) ?? {};
        console.log(JSON.stringify(error ?? [...errors, ...warnings]));
      });
    `,
  });
  const built = await project.node(["webpack/build.cjs"]);
  expect(built).toMatchObject({ stdout: "[]\n", stderr: "" });
  const { stdout } = await project.node(["webpack/out.cjs"], env);
  expectProgramSpans(receiver, stdout);
});

test.for(["--turbopack", "--webpack"])("a Next.js program built with %s is traced on its server", async (bundler) => {
  await project.write({
    "app/layout.js": "export default ({ children }) => <html><body>{children}</body></html>;",
    "app/page.js": PAGE,
    "app/client/page.js": CLIENT_PAGE,
    "app/api/run/route.js": ROUTE,
  });
  const next = join(project.dir, "node_modules/next/dist/bin/next");
  const built = await project.node([next, "build", bundler], env);
  expect(built.code, built.stdout + built.stderr).toBe(0);
  const port = await freePort();
  const server = spawn(process.execPath, [next, "start", "--port", String(port)], {
    cwd: project.dir,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    for await (const line of server.stdout) if (String(line).includes("Ready")) break;
    const html = await (await fetch(`http://127.0.0.1:${port}/`)).text();
    expect(html).toContain("Paris is rainy");
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const answer = await fetch(`http://127.0.0.1:${port}/api/run`, { headers: { traceparent } });
    expect(await answer.json()).toBe(`tr-${"a".repeat(32)}`);
    expect((await receiver.waitForSpanNamed("route")).parentSpanId).toBe("b".repeat(16));
    const load = await receiver.waitForSpanNamed("load");
    expect(load.parentSpanId).toBe((await receiver.waitForSpanNamed("page")).spanId);
  } finally {
    server.kill();
  }
  expect(await textOfFolder(join(project.dir, ".next/static"))).toContain("@sightline/sdk was imported in a browser.");
});

/** All JavaScript below a folder. */
async function textOfFolder(folder: string): Promise<string> {
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".js"));
  return (await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")))).join("\n");
}
