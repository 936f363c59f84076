/**
 * `npm run bench -- NAME [options]`: runs bench/NAME.ts from source. Without a name: lists them.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const dir = import.meta.dirname;
const [name, ...rest] = process.argv.slice(2);

if (name === undefined || !existsSync(join(dir, `${name}.ts`))) {
  if (name !== undefined) process.stderr.write(`There is no benchmark "${name}".\n`);
  process.stderr.write("Usage: npm run bench -- NAME [options]\n\n");
  for (const file of readdirSync(dir).filter((entry) => entry.endsWith(".ts"))) {
    const purpose = /\/\*\*\s*\n \* (.+)/.exec(readFileSync(join(dir, file), "utf8"))?.[1] ?? "";
    process.stderr.write(`  ${file.replace(/\.ts$/, "").padEnd(16)} ${purpose}\n`);
  }
  process.exitCode = 2;
} else {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "--conditions=@sightline/source", join(dir, `${name}.ts`), ...rest],
    { stdio: "inherit" },
  );
  child.on("close", (code) => {
    process.exitCode = code ?? 1;
  });
}
