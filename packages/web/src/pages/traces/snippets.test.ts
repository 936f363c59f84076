import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { snippets } from "./snippets.ts";

const run = promisify(execFile);
// Set by `npm test` when they are there; without them these tests are skipped and `npm test` says so.
const python = process.env["SIGHTLINE_TEST_PYTHON"];
const curl = process.env["SIGHTLINE_TEST_CURL"];
const names = ["support-bot", `it's "mine" $HOME \`x\` \\ {`, "客服"];
const snippet = (id: string, name: string, url = "http://127.0.0.1:5500") => {
  const found = snippets({ url, experiment: { experimentId: "7", name } }).find((candidate) => candidate.id === id);
  if (!found) throw new Error(`there is no snippet ${id}`);
  return found.code;
};

test.skipIf(curl === undefined).each(names)(
  "the curl line, run by sh, sends one span with fresh ids to experiment %s",
  async (name) => {
    const requests: { headers: IncomingHttpHeaders; body: string }[] = [];
    const server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      request.on("end", () => {
        requests.push({ headers: request.headers, body });
        response.end("{}");
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const code = snippet("curl", name, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await run("sh", ["-c", code]);
    await run("sh", ["-c", code]);
    server.close();

    const spans = requests.map(({ body }) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans[0]);
    expect(spans[0]).toMatchObject({ name: "greet" });
    expect(spans[0].traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(spans[0].spanId).toMatch(/^[0-9a-f]{16}$/);
    expect(spans[0].traceId).not.toBe(spans[1].traceId);
    expect(BigInt(spans[0].endTimeUnixNano)).toBeGreaterThan(BigInt(spans[0].startTimeUnixNano));
    const { headers } = requests[0]!;
    if (name === "客服") expect(headers["x-mlflow-experiment-id"]).toBe("7");
    else expect(headers["x-sightline-experiment"]).toBe(name);
  },
);

test("the TypeScript program names server and experiment, whatever characters they hold", () => {
  for (const name of names) {
    const literal = /experiment: (".*") \}/.exec(snippet("typescript", name))?.[1] ?? "";
    expect(JSON.parse(literal)).toBe(name);
  }
  expect(snippet("typescript", "support-bot")).toMatchInlineSnapshot(`
    "import * as sightline from "@sightline/sdk";

    sightline.init({ url: "http://127.0.0.1:5500", experiment: "support-bot" });

    const greet = sightline.trace(async (name: string) => \`Hello \${name}\`, {
      name: "greet",
      spanType: "CHAIN",
    });

    await greet("world");
    await sightline.flush();
    "
  `);
});

test.skipIf(python === undefined).each(names)("the Python program is Python, for experiment %s", async (name) => {
  await run(String(python), ["-c", "import ast, sys; ast.parse(sys.argv[1])", snippet("python", name)]);
});
