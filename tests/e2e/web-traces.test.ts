/**
 * The list of traces: filter, address, live arrival, keys, server restart.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accessibilityViolations } from "../harness/accessibility.ts";
import { chromiumPath, launchBrowser, openWatchedPage } from "../harness/browser.ts";
import { exportRequestJson, newSpanId, newTraceId, postSpans } from "../harness/otlp-json.ts";
import { removeDataDir, type SightlineProcess, startSightline } from "../harness/sightline-process.ts";

/** Polls until it holds; the machine may be busy. */
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 20_000 });

describe.skipIf(chromiumPath === undefined)("list of traces", () => {
  let browser: Browser;
  let server: SightlineProcess;

  beforeAll(async () => {
    browser = await launchBrowser();
    server = await startSightline();
    for (let index = 0; index < 40; index++) {
      await send("seeded", `question ${index}`, {
        env: index % 2 === 0 ? "prod" : "staging",
        ...(index % 10 === 0 && { error: `failure ${index}` }),
      });
    }
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
    await removeDataDir(server.dataDir);
  });

  /** Sends one trace of one span; gives its id. */
  async function send(
    experiment: string,
    question: string,
    { env, error }: { env?: string; error?: string } = {},
  ): Promise<string> {
    const traceId = newTraceId();
    const attributes = {
      "mlflow.spanType": "AGENT",
      "mlflow.spanInputs": JSON.stringify({ question }),
      "mlflow.spanOutputs": JSON.stringify({ answer: `answer to ${question}` }),
      ...(env !== undefined && { "mlflow.traceTag.env": env }),
    };
    const span = { name: "agent", spanId: newSpanId(), attributes, ...(error !== undefined && { error }) };
    const answer = await postSpans(server.url, exportRequestJson(traceId, [span]), experiment);
    expect(answer.status).toBe(200);
    return `tr-${traceId}`;
  }

  const open = async (path: string) => {
    const watched = await openWatchedPage(browser, server.url);
    await watched.page.goto(`${server.url}${path}`);
    return watched;
  };
  const count = (page: Page) => page.getByTestId("trace-count");
  const rows = (page: Page) => page.getByTestId("trace-row");

  test("a filter typed and run with Enter stands in the address; Back takes it away; a reload shows the same", async () => {
    const { page, problems } = await open("/e/seeded/traces");
    await count(page).getByText("40").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("tags.env = 'prod' AND status = 'ERROR'");
    await page.keyboard.press("Enter");
    await eventually(() => count(page).innerText()).toBe("4 of 40");
    expect(new URL(page.url()).searchParams.get("q")).toBe("tags.env = 'prod' AND status = 'ERROR'");
    await eventually(() => rows(page).count()).toBe(4);
    const shown = await rows(page).allInnerTexts();
    await page.reload();
    await eventually(() => rows(page).allInnerTexts()).toEqual(shown);
    await page.goBack();
    await eventually(() => count(page).innerText()).toBe("40 traces");
    expect(await page.getByLabel("Filter").inputValue()).toBe("");
    expect(problems).toEqual([]);
  });

  test("a wrong filter is told where it is wrong, the last result stays, the correction is one click", async () => {
    const { page, problems } = await open("/e/seeded/traces?q=tags.env+%3D+'prod'");
    await eventually(() => rows(page).count()).toBe(20);
    await page.getByLabel("Filter").fill("staus = 'ERROR'");
    await page.keyboard.press("Enter");
    const problem = page.getByTestId("filter-error");
    expect(await problem.innerText()).toContain("There is no field staus. Did you mean status?");
    expect(await page.getByLabel("Filter").getAttribute("aria-invalid")).toBe("true");
    expect(await rows(page).count()).toBe(20);
    await problem.getByRole("button", { name: "Use status" }).click();
    await eventually(() => count(page).innerText()).toBe("4 of 40");
    expect(await problem.count()).toBe(0);
    await page.keyboard.press("/");
    await page.keyboard.press("Escape");
    await eventually(() => count(page).innerText()).toBe("40 traces");
    expect(problems).toEqual([]);
  });

  test("the quick views edit the text of the filter and keep the rest of it", async () => {
    const { page, problems } = await open("/e/seeded/traces?q=tags.env+%3D+'prod'");
    const errors = page.getByRole("button", { name: /^Errors/ });
    await errors.click();
    expect(await page.getByLabel("Filter").inputValue()).toBe("tags.env = 'prod' AND status = 'ERROR'");
    expect(await errors.getAttribute("aria-pressed")).toBe("true");
    await eventually(() => errors.innerText()).toContain("4");
    await page.getByRole("button", { name: /^All/ }).click();
    expect(await page.getByLabel("Filter").inputValue()).toBe("tags.env = 'prod'");
    expect(problems).toEqual([]);
  });

  test("a filter without a match offers the term whose removal gives results", async () => {
    const { page, problems } = await open("/e/seeded/traces?q=tags.env+%3D+'qa'+AND+status+%3D+'ERROR'");
    await page.getByRole("button", { name: "without tags.env = 'qa': 4" }).click();
    await eventually(() => rows(page).count()).toBe(4);
    expect(problems).toEqual([]);
  });

  test("an empty time range says so and widens; a range in words is kept in the address", async () => {
    const { page, problems } = await open("/e/seeded/traces?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z");
    await page.getByRole("button", { name: "All time: 40" }).click();
    await eventually(() => count(page).innerText()).toBe("40 traces");
    await page.keyboard.press("t");
    await page.getByRole("textbox", { name: "From" }).fill("3h");
    await page.keyboard.press("Enter");
    await eventually(() => page.getByTestId("time-range").innerText()).toBe("Last 3 hours");
    expect(new URL(page.url()).searchParams.get("from")).toBe("3h");
    expect(problems).toEqual([]);
  });

  test("a parameter that cannot be used is told and kept, an unknown one is kept", async () => {
    const { page, problems } = await open("/e/seeded/traces?sort=sideways&mine=1");
    await page.getByText("The address holds a value that cannot be used for “sort”").waitFor();
    await page.getByRole("button", { name: /^Errors/ }).click();
    await eventually(() => count(page).innerText()).toBe("4 of 40");
    expect(new URL(page.url()).searchParams.get("mine")).toBe("1");
    expect(problems).toEqual([]);
  });

  test("sorting by duration is a click on the head and stands in the address", async () => {
    const { page, problems } = await open("/e/seeded/traces");
    await rows(page).first().waitFor();
    await page.getByRole("button", { name: "Duration" }).click();
    expect(await page.getByRole("columnheader", { name: "Duration" }).getAttribute("aria-sort")).toBe("descending");
    expect(new URL(page.url()).searchParams.get("sort")).toBe("-duration");
    await rows(page).first().waitFor();
    expect(problems).toEqual([]);
  });

  test("new traces come on top at the top of the list, and wait behind a button when one reads further down", async () => {
    for (let index = 0; index < 120; index++) await send("live", `old ${index}`);
    const { page, problems } = await open("/e/live/traces");
    await rows(page).first().waitFor();
    await send("live", "first new");
    await eventually(() => rows(page).first().innerText()).toContain("first new");
    await eventually(() => count(page).innerText()).toBe("121 traces");

    const grid = page.getByTestId("trace-grid");
    await grid.evaluate((element) => element.scrollTo({ top: 1400 }));
    const readRow = rows(page).filter({ hasText: "old 60" });
    await readRow.waitFor();
    const before = await readRow.boundingBox();
    await send("live", "second new");
    await send("live", "third new");
    await page.getByTestId("new-traces").getByText("2 new").waitFor();
    expect(await readRow.boundingBox()).toEqual(before);
    await page.getByTestId("new-traces").click();
    await eventually(() => rows(page).first().innerText()).toContain("third new");
    expect(problems).toEqual([]);
  });

  test("paused, nothing arrives by itself", async () => {
    await send("paused", "before");
    const { page, problems } = await open("/e/paused/traces");
    await rows(page).first().waitFor();
    await page.keyboard.press("l");
    expect(await page.getByTestId("live-toggle").innerText()).toBe("Paused");
    await send("paused", "after");
    await page.getByTestId("new-traces").getByText("1 new").waitFor();
    expect(await rows(page).count()).toBe(1);
    await page.keyboard.press("l");
    await eventually(() => rows(page).count()).toBe(2);
    expect(problems).toEqual([]);
  });

  test("by keys: rows, peek beside the list that follows them, page and back to the same row", async () => {
    const { page, problems } = await open("/e/seeded/traces?q=status+%3D+'ERROR'");
    await eventually(() => rows(page).count()).toBe(4);
    await page.keyboard.press("j");
    await page.keyboard.press("Space");
    const peek = page.getByTestId("peek");
    await peek.getByTestId("span-error").getByText("failure 30").waitFor();
    await page.keyboard.press("j");
    await peek.getByTestId("span-error").getByText("failure 20").waitFor();
    expect(await accessibilityViolations(page)).toEqual([]);
    await page.reload();
    await peek.getByTestId("span-error").getByText("failure 20").waitFor();
    await page.keyboard.press("Escape");
    await eventually(() => peek.count()).toBe(0);
    await page.keyboard.press("Enter");
    await page.getByTestId("error-band").getByText("failure 20").waitFor();
    expect(await page.getByTestId("trace-position").innerText()).toBe("2 of 4");
    await page.keyboard.press("j");
    await page.getByTestId("error-band").getByText("failure 10").waitFor();
    await page.keyboard.press("Escape");
    await eventually(() => count(page).innerText()).toBe("4 of 40");
    expect(problems).toEqual([]);
  });

  test("the keys of the page are listed behind ?, and single keys can be turned off", async () => {
    const { page, problems } = await open("/e/seeded/traces");
    await rows(page).first().waitFor();
    await page.keyboard.press("?");
    const dialog = page.getByRole("dialog", { name: "Keys" });
    await dialog.getByText("Write a filter").waitFor();
    expect(await accessibilityViolations(page)).toEqual([]);
    await dialog.getByLabel("Single-key shortcuts").uncheck();
    await page.keyboard.press("Escape");
    await page.keyboard.press("t");
    expect(await page.getByRole("dialog").count()).toBe(0);
    await page.getByRole("button", { name: /^Time range/ }).click();
    expect(await page.getByRole("dialog").count()).toBe(1);
    expect(problems).toEqual([]);
  });

  test("the theme is remembered", async () => {
    const { page, problems } = await open("/e/seeded/traces");
    const theme = () => page.evaluate("document.documentElement.dataset.theme");
    expect(await theme()).toBe("light");
    await page.getByRole("button", { name: /^Theme/ }).click();
    await page.getByRole("menuitemradio", { name: "Dark" }).click();
    expect(await theme()).toBe("dark");
    await page.reload();
    expect(await theme()).toBe("dark");
    expect(problems).toEqual([]);
  });

  test("an experiment that is not there is told, with the way to those that are", async () => {
    const { page, problems } = await open("/e/nowhere/traces");
    await page.getByRole("heading", { name: "Experiment not found" }).waitFor();
    await page.getByRole("link", { name: "All experiments" }).click();
    await page.getByTestId("experiment-row").filter({ hasText: "seeded" }).click();
    await eventually(() => new URL(page.url()).pathname).toBe("/e/seeded/traces");
    expect(problems).toEqual([]);
  });

  test("when the server stops the list stays and says so; when it is back, what happened meanwhile appears", async () => {
    const dataDir = server.dataDir;
    const { page } = await open("/e/seeded/traces");
    await eventually(() => rows(page).count()).toBeGreaterThan(20);
    const port = server.port;
    await server.stop();
    await page.getByTestId("offline-bar").waitFor();
    expect(await rows(page).count()).toBeGreaterThan(20);
    server = await startSightline({ dataDir, port });
    await send("seeded", "after the restart");
    await eventually(() => page.getByTestId("offline-bar").count()).toBe(0);
    await eventually(() => rows(page).first().innerText()).toContain("after the restart");
  });
});
