/**
 * `npm start`: from a fresh clone to a running server with a real agent's trace in it.
 *
 * Installs, builds, starts the server in this process and, when the data directory is new, runs the sample agent against it.
 * Set SIGHTLINE_DEMO=off to start without the agent. Only Node's own modules may be imported before step 2 is done.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { print, runMain, StepFailure, seconds, stepper } from "./progress.mjs";
import { checkNode, ensureBuild, ensurePackages, root } from "./setup.mjs";

const started = performance.now();

await runMain(async () => {
  const step = stepper(3);
  await step("Check Node", async () => checkNode());
  await step("Install packages", ensurePackages);
  await step("Build", ensureBuild);
  const { runServer } = await import(pathToFileURL(join(root, "packages/cli/dist/commands/server.js")).href);
  return runServer({
    print,
    onReady: async (server, { freshDataDir }) => {
      const address = server.url.replace(/\/$/, "");
      const page = freshDataDir && process.env.SIGHTLINE_DEMO !== "off" ? await runSampleAgent(address) : `${address}/`;
      print("");
      print(`  Sightline is ready in ${seconds(started)}`);
      print(`  Open ${page}`);
      print("  Stop with Ctrl+C");
      print("");
    },
  });
});

/**
 * Runs examples/01-weather-agent against this server and the project's own scripted model endpoint.
 *
 * @param {string} serverUrl  without a slash at the end
 * @returns {Promise<string>} the address of the page that shows its trace
 */
async function runSampleAgent(serverUrl) {
  const agent = join(root, "examples/01-weather-agent/dist/agent.js");
  const { startScriptedEndpoint } = await import(pathToFileURL(join(root, "packages/eval/dist/index.js")).href);
  const began = performance.now();
  print(
    "Sample agent: examples/01-weather-agent, model: the project's own scripted endpoint (no real model, no key needed) …",
  );
  const model = await startScriptedEndpoint();
  try {
    const output = await runAgent(agent, {
      ...process.env,
      SIGHTLINE_URL: serverUrl,
      SIGHTLINE_EXPERIMENT: "weather-agent",
      OPENAI_BASE_URL: model.url,
      OPENAI_API_KEY: "scripted-endpoint-needs-no-key",
    });
    const traceId = /tr-[0-9a-f]{32}/.exec(output)?.[0];
    if (!traceId) throw new StepFailure(`The sample agent printed no trace id:\n${output}`, advice);
    const found = await fetch(`${serverUrl}/api/v1/traces/${traceId}`);
    if (!found.ok)
      throw new StepFailure(`The sample agent's trace ${traceId} did not arrive (HTTP ${found.status}).`, advice);
    for (const line of output.trim().split("\n")) print(`    ${line}`);
    const { trace } = await found.json();
    print(`Sample agent: done (${seconds(began)}), ${trace.spans.length} spans recorded`);
    return `${serverUrl}/t/${traceId}`;
  } finally {
    await model.close();
  }
}

const advice = "start without the sample agent: SIGHTLINE_DEMO=off npm start.";

function runAgent(file, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], { env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const take = (chunk) => {
      output += chunk;
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    child.on("error", (cause) => reject(new StepFailure(`The sample agent did not start: ${cause.message}`, advice)));
    child.on("close", (code) => {
      if (code === 0) resolve(output);
      else reject(new StepFailure(`The sample agent ended with code ${code}:\n${output}`, advice));
    });
  });
}
