/**
 * `npm test`: sets up whatever the tests need, then runs all of them.
 *
 * What cannot be had on this machine is skipped and said at the end; with CI set, nothing may be skipped.
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { checkSteps } from "./check.mjs";
import { print, run, runMain, StepFailure, seconds, stepper } from "./progress.mjs";
import {
  cacheDir,
  checkNode,
  ensureBuild,
  ensureChromium,
  ensureCurl,
  ensurePackages,
  ensurePython,
  root,
} from "./setup.mjs";

/** vitest projects in order of cost, and what each needs from the machine beyond Node. */
const suites = [
  { project: "unit", title: "Unit tests", needs: ["python", "curl"] },
  { project: "store", title: "Store tests on the embedded engines", needs: ["python"] },
  { project: "contract", title: "Contract tests: server, official exporters, Python clients", needs: ["python"] },
  { project: "e2e", title: "Browser tests in Chromium", needs: ["chromium", "curl"] },
];

const started = performance.now();
const inCi = process.env.CI !== undefined && process.env.CI !== "" && process.env.CI !== "false";

await runMain(async () => {
  const step = stepper(4 + checkSteps.length + suites.length);
  const env = { ...process.env };
  const missing = {};
  const provide = (need, variable, found) => {
    if ("path" in found) {
      env[variable] = found.path;
      return found.path;
    }
    if (inCi) throw new StepFailure(`${found.missing}; in CI nothing may be skipped.`, "install it on the CI machine.");
    missing[need] = found.missing;
    return `not here: ${found.missing}`;
  };

  await step("Check Node", async () => checkNode());
  await step("Install packages", ensurePackages);
  // The two big downloads and the compiler wait on different things: together they take as long as the slowest.
  const python = settle(ensurePython(() => undefined));
  await step("Build", ensureBuild);
  await step("Set up Chromium, curl and Python", async (report) => {
    report("Chromium (Debian package)");
    const chromium = provide("chromium", "SIGHTLINE_TEST_CHROMIUM", await ensureChromium(report));
    const curl = provide("curl", "SIGHTLINE_TEST_CURL", await ensureCurl(report));
    report("Python packages (mlflow, opentelemetry)");
    return `${chromium}; ${curl}; ${provide("python", "SIGHTLINE_TEST_PYTHON", await python())}`;
  });
  for (const [title, work] of checkSteps) await step(title, work);

  const totals = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  const skippedFor = [];
  for (const suite of suites) {
    await step(suite.title, async (report) => {
      const result = await runSuite(suite.project, env, report);
      for (const key of Object.keys(totals)) totals[key] += result[key];
      if (result.skipped > 0) {
        const why = suite.needs.filter((need) => need in missing).map((need) => missing[need]);
        skippedFor.push(
          `${suite.title}: ${result.skipped} skipped (${why.join("; ") || "see the test's own condition"})`,
        );
      }
      if (!result.ok) failures.push(suite.title);
      return `${result.ok ? "passed" : "FAILED"}: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped`;
    });
  }

  print("");
  for (const line of skippedFor) print(`Skipped: ${line}`);
  print(`Took ${seconds(started)}`);
  print(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
  if (failures.length > 0) throw new StepFailure(`${failures.join("; ")} failed.`, "read the output above.");
  if (inCi && totals.skipped > 0) throw new StepFailure("Tests were skipped in CI.", "see the lines above.");
  if (totals.passed === 0) throw new StepFailure("No test ran.", "see the lines above.");
});

/** Lets a promise run on in the background without an unhandled rejection; the returned function awaits it. */
function settle(promise) {
  const outcome = promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  );
  return async () => {
    const { value, error } = await outcome;
    if (error) throw error;
    return value;
  };
}

/** Runs one vitest project; its report is read from JSON so that counts are exact. */
async function runSuite(project, env, report) {
  const file = join(cacheDir, "test-results", `${project}.json`);
  mkdirSync(join(cacheDir, "test-results"), { recursive: true });
  rmSync(file, { force: true });
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const args = ["run", "--project", project, "--reporter=dot", "--reporter=json", `--outputFile.json=${file}`];
  report(`vitest --project ${project}`);
  let ok = true;
  try {
    await run(process.execPath, [vitest, ...args], { cwd: root, env, show: true });
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    ok = false;
  }
  const result = JSON.parse(readFileSync(file, "utf8"));
  return {
    ok: ok && result.success,
    passed: result.numPassedTests,
    failed: result.numFailedTests + (result.success || result.numFailedTests > 0 ? 0 : 1),
    skipped: result.numPendingTests + (result.numTodoTests ?? 0),
  };
}
