/**
 * A new user: the first-run page, the pasted snippets, and the list that appears by itself.
 */
import { join } from "node:path";
import { startScriptedEndpoint } from "@sightline/eval";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, launchBrowser, openWatchedPage } from "../harness/browser.ts";
import { runPastedShell, runPastedTypeScript, runTypeScript } from "../harness/programs.ts";
import { removeDataDir, type SightlineProcess, startSightline } from "../harness/sightline-process.ts";

describe.skipIf(chromiumPath === undefined)("first run", () => {
  let browser: Browser;
  const servers: SightlineProcess[] = [];
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
    for (const server of servers) {
      await server.stop();
      await removeDataDir(server.dataDir);
    }
  });

  async function freshServer(): Promise<SightlineProcess> {
    const server = await startSightline();
    servers.push(server);
    return server;
  }

  test("the page shows the real URL and turns into the list, without reload, when the sample agent runs", async () => {
    const server = await freshServer();
    const { page, problems } = await openWatchedPage(browser, server.url);
    await page.goto(server.url);
    await page.getByRole("heading", { name: "Waiting for the first trace" }).waitFor();
    expect(await page.getByTestId("snippet").innerText()).toContain(`url: "${server.url}"`);
    // A mark on the document: it is gone if the page was loaded again.
    await page.evaluate("document.documentElement.dataset.loadedOnce = 'yes'");

    const model = await startScriptedEndpoint();
    await runTypeScript(join("examples", "01-weather-agent", "agent.ts"), {
      SIGHTLINE_URL: server.url,
      SIGHTLINE_EXPERIMENT: "Default",
      OPENAI_BASE_URL: model.url,
      OPENAI_API_KEY: "none",
    });
    await model.close();

    const row = page.getByTestId("trace-row").first();
    await row.waitFor();
    expect(await row.innerText()).toContain("What's the weather like in Paris today?");
    expect(await row.innerText()).toContain("It is rainy in Paris today");
    expect(await page.evaluate("document.documentElement.dataset.loadedOnce")).toBe("yes");
    expect(problems).toEqual([]);
  });

  for (const [tab, paste] of [
    ["TypeScript", runPastedTypeScript],
    ["OTLP with curl", runPastedShell],
  ] as const) {
    // `npm test` sets the variable when curl is there, else it says what was skipped.
    const hasProgram = tab !== "OTLP with curl" || process.env.SIGHTLINE_TEST_CURL !== undefined;
    test.skipIf(!hasProgram)(`the ${tab} snippet, pasted and run, sends a trace`, async () => {
      const server = await freshServer();
      const { page, problems } = await openWatchedPage(browser, server.url);
      await page.goto(server.url);
      await page.getByRole("tab", { name: tab }).click();
      await paste(await page.getByTestId("snippet").innerText());
      const row = page.getByTestId("trace-row").first();
      await row.waitFor();
      expect(await row.innerText()).toContain("greet");
      expect(await row.innerText()).toContain("Hello world");
      expect(problems).toEqual([]);
    });
  }
});
