import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { descendantsOf } from "./child-processes.ts";

test("descendants are children and their children, nobody else's", () => {
  const processes = [
    { pid: 1, parent: 0 },
    { pid: 10, parent: 1 },
    { pid: 11, parent: 10 },
    { pid: 12, parent: 11 },
    { pid: 13, parent: 10 },
    { pid: 20, parent: 1 },
  ];
  expect(descendantsOf(10, processes).sort()).toEqual([11, 12, 13]);
  expect(descendantsOf(20, processes)).toEqual([]);
});

test("killChildProcesses ends children that ignore signals, and their children", async () => {
  const stubborn = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000);';
  const middle = `const { spawn } = require("node:child_process");
    const child = spawn(process.execPath, ["-e", ${JSON.stringify(stubborn)}]);
    child.on("spawn", () => console.log(child.pid));
    ${stubborn}`;
  const top = `import { spawn } from "node:child_process";
    import { once } from "node:events";
    import { killChildProcesses } from ${JSON.stringify(new URL("child-processes.ts", import.meta.url).href)};
    const child = spawn(process.execPath, ["-e", ${JSON.stringify(middle)}]);
    const [grandchild] = await once(child.stdout, "data");
    killChildProcesses();
    await once(child, "exit");
    console.log(child.pid, String(grandchild).trim(), child.signalCode);`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--import", "tsx", "--conditions=@sightline/source", "--input-type=module", "-e", top],
    { cwd: fileURLToPath(new URL("..", import.meta.url)) },
  );
  const [child = "", grandchild = "", signal] = stdout.trim().split(" ");
  expect(signal).toBe("SIGKILL");
  expect(() => process.kill(Number(child), 0)).toThrow("ESRCH");
  await gone(Number(grandchild));
});

/** The grandchild is an orphan now: whoever takes orphans reaps it, which may take a moment. */
async function gone(pid: number): Promise<void> {
  const waiter = spawn("tail", [`--pid=${pid}`, "-f", "/dev/null"]);
  await once(waiter, "exit");
}
