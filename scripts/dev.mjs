/**
 * `npm run dev`: the server from source, restarted on change, and the web UI with hot reload beside it.
 *
 * Uses the data directory of `npm start` unless SIGHTLINE_DATA_DIR says otherwise.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { print, runMain, stepper } from "./progress.mjs";
import { checkNode, ensurePackages, packageFile, root } from "./setup.mjs";

const UI_PORT = 5173;

await runMain(async () => {
  const step = stepper(2);
  await step("Check Node", async () => checkNode());
  await step("Install packages", ensurePackages);
  const serverUrl = `http://127.0.0.1:${process.env.SIGHTLINE_PORT ?? 5500}`;
  print(`Server from source on ${serverUrl}; UI with hot reload on http://127.0.0.1:${UI_PORT}; stop with Ctrl+C`);
  const children = [
    start(
      join(root, "node_modules/tsx/dist/cli.mjs"),
      ["watch", "--conditions=@sightline/source", "packages/cli/src/main.ts", "server"],
      root,
    ),
    start(packageFile("vite", "bin/vite.js"), ["--port", String(UI_PORT), "--strictPort"], join(root, "packages/web"), {
      SIGHTLINE_URL: serverUrl,
    }),
  ];
  // Ctrl+C reaches the children through the process group; this process only waits for them.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => undefined);
  const codes = await Promise.all(children);
  return codes.find((code) => code !== 0) ?? 0;
});

function start(file, args, cwd, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: "inherit",
    });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 0));
  });
}
