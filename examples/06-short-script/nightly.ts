/**
 * A script that ends at once, as cron starts it: nothing is awaited for tracing, and nothing is lost.
 *
 * Needs a Sightline server (`npm start`) and nothing else.
 */
import * as sightline from "@sightline/sdk";

sightline.init({
  url: process.env["SIGHTLINE_URL"] ?? "http://127.0.0.1:5500",
  experiment: process.env["SIGHTLINE_EXPERIMENT"] ?? "short-script",
  // What is not sent by then is counted and said. With `spool: true` the next run of the script sends it.
  exitTimeoutMs: 2000,
});

const summarize = sightline.trace(
  async (file: string) => {
    if (file.endsWith(".zip")) throw new Error(`${file} is no text`);
    return `${file}: nothing new`;
  },
  { name: "summarize", spanType: sightline.SpanType.TASK },
);

let failed = 0;
for (const file of ["monday.log", "tuesday.log", "backup.zip"]) {
  try {
    process.stdout.write(`${await summarize(file)}\n`);
  } catch (error) {
    failed += 1;
    process.stdout.write(`${(error as Error).message}\n`);
  }
}
// Also process.exit() and uncaught errors send what is left first.
process.exit(failed === 0 ? 0 : 3);
