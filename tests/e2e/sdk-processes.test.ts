/**
 * The page of SDK processes: who lost spans, how one gets there, on wide and narrow screens, in light and dark.
 */
import type { Browser, BrowserContextOptions, Page, Route } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FakeSdkProcess, type ReportFields } from "../contract/server/sdk-reports.ts";
import { makeSpan, send } from "../contract/server/spans.ts";
import { accessibilityViolations } from "../harness/accessibility.ts";
import { chromiumPath, launchBrowser, openWatchedPage } from "../harness/browser.ts";
import { removeDataDir, type SightlineProcess, startSightline } from "../harness/sightline-process.ts";

/** Polls until it holds; the machine may be busy. */
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 20_000 });

const PATH = "/settings/sdk-processes";

describe.skipIf(chromiumPath === undefined)("SDK processes", () => {
  let browser: Browser;
  let server: SightlineProcess;

  beforeAll(async () => {
    browser = await launchBrowser();
    server = await startSightline();
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
    await removeDataDir(server.dataDir);
  });

  const open = async (path: string, options: BrowserContextOptions = {}) => {
    const watched = await openWatchedPage(browser, server.url, options);
    await watched.page.goto(`${server.url}${path}`);
    return watched;
  };
  const rows = (page: Page) => page.getByTestId("process-row");
  const totals = (page: Page) => page.getByTestId("process-totals");

  /** A process of a service sends one request to an experiment. */
  async function report(service: string, experiment: string, fields: ReportFields): Promise<void> {
    const span = makeSpan({ startTimeUnixNano: BigInt(Date.now()) * 1_000_000n });
    const body = new FakeSdkProcess(service).request(fields, [span]);
    const answer = await send(server.url, body, { "x-sightline-experiment": experiment });
    expect(answer.status).toBe(200);
  }

  test("before any process has reported the page says what would come, and the way is in the rail", async () => {
    const { page, problems } = await open("/");
    await page.getByRole("link", { name: "SDK processes" }).click();
    await page.getByRole("heading", { name: "No process has reported yet" }).waitFor();
    expect(new URL(page.url()).pathname).toBe(PATH);
    expect(await page.getByTestId("no-process").innerText()).toContain(`sightline.init({ url: "${server.url}" })`);
    expect(await accessibilityViolations(page)).toEqual([]);
    expect(problems).toEqual([]);
  });

  test("whoever leaves the start before it has sent them on comes where they want to go", async () => {
    const { page, problems } = await openWatchedPage(browser, server.url);
    const held: (() => void)[] = [];
    const hold = (route: Route) => new Promise<void>((resolve) => held.push(resolve)).then(() => route.continue());
    await page.route("**/api/v1/experiments", hold);
    await page.route("**/assets/sdk-processes-page*.js", hold);
    await page.goto(`${server.url}/`);
    await page.getByRole("link", { name: "SDK processes" }).click();
    await eventually(() => held.length).toBeGreaterThanOrEqual(2);
    // The experiments first: with them the start knows where it would go.
    const answered = page.waitForResponse("**/api/v1/experiments");
    const [experiments, code] = held;
    experiments?.();
    await (await answered).finished();
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))");
    code?.();
    await page.getByRole("heading", { name: "No process has reported yet" }).waitFor();
    expect(new URL(page.url()).pathname).toBe(PATH);
    expect(problems).toEqual([]);
  });

  test("those that lost spans come first and say why; service and problems filter through the address", async () => {
    const dropped = { queueFull: 2, refused: 0, unsentAtExit: 0, broken: 0 };
    await report("checkout", "shop", { seq: "1-1200,1204", ended: 1204, dropped, final: true, truncations: 5 });
    await report("search", "quiet", { seq: "1-9", ended: 9, overheadMs: 12.5 });
    await report("checkout", "quiet", { seq: "1-4", ended: 6 });
    const { page, problems } = await open(PATH);
    await eventually(() => rows(page).count()).toBe(3);
    const first = rows(page).first();
    expect(await first.getByTestId("process-summary").innerText()).toBe(
      "Process checkout (pid 4242 on web-1): 3 of 1,204 spans never came: 2 because the queue was full, 1 for no known reason.",
    );
    const cells = (await first.getByRole("cell").allInnerTexts()).slice(1, 10);
    expect(cells).toEqual([
      "Ended",
      "1,204",
      "1,201",
      "3",
      "2",
      "5",
      "Full",
      "–",
      expect.stringMatching(/ago|just now/),
    ]);
    expect(await totals(page).innerText()).toBe("3 spans never came, of 1 process with problems · 2 running");
    await rows(page).filter({ hasText: "4 of 6 spans came, 2 may still come" }).waitFor();

    await rows(page).first().getByRole("link", { name: "checkout" }).click();
    await eventually(() => rows(page).count()).toBe(2);
    await page.getByRole("button", { name: /^With problems/ }).click();
    await eventually(() => rows(page).count()).toBe(1);
    expect(new URL(page.url()).search).toBe("?service=checkout&problems=1");
    await page.reload();
    await eventually(() => rows(page).count()).toBe(1);
    await page.getByRole("button", { name: "Take away the filter: checkout" }).click();
    await page.getByRole("button", { name: "All" }).click();
    await eventually(() => rows(page).count()).toBe(3);
    await page.goBack();
    await eventually(() => rows(page).count()).toBe(1);
    expect(problems).toEqual([]);
  });

  test("traces of an experiment whose processes lost spans say so and lead to them; others say nothing", async () => {
    const { page, problems } = await open("/e/quiet/traces");
    await page.getByTestId("trace-row").first().waitFor();
    await page.waitForLoadState("networkidle");
    expect(await page.getByTestId("lost-spans").count()).toBe(0);

    await page.goto(`${server.url}/e/shop/traces`);
    const notice = page.getByTestId("lost-spans");
    await notice.getByText("3 spans of processes that send here never came (last 24 hours).").waitFor();
    expect(await accessibilityViolations(page)).toEqual([]);
    await notice.getByRole("link", { name: "Show the processes" }).click();
    await eventually(() => rows(page).count()).toBe(1);
    expect(new URL(page.url()).search).toBe("?experiment=shop&problems=1");
    await page.getByRole("button", { name: "Take away the filter: sent to shop" }).waitFor();
    expect(problems).toEqual([]);
  });

  for (const colorScheme of ["light", "dark"] as const) {
    test(`in ${colorScheme}, on a screen and on a phone, nothing is hidden and axe finds nothing`, async () => {
      for (const viewport of [
        { width: 1440, height: 900 },
        { width: 390, height: 844 },
      ]) {
        const { page, context, problems } = await open(PATH, { viewport, colorScheme });
        await rows(page).first().waitFor();
        expect(await accessibilityViolations(page)).toEqual([]);
        const isWider = await page.evaluate(
          "[...document.querySelectorAll('main, main *')].some((e) => getComputedStyle(e).overflowX !== 'hidden' && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && getComputedStyle(e).display !== 'inline')",
        );
        expect(isWider, `${viewport.width} px`).toBe(false);
        expect(await rows(page).first().getByText("1,201").isVisible()).toBe(true);
        expect(problems).toEqual([]);
        await context.close();
      }
    });
  }

  test("a value that cannot be used is told; a filter without a match leads back", async () => {
    const { page, problems } = await open(`${PATH}?problems=maybe&service=none`);
    await page.getByText("The address holds a value that cannot be used for “problems”").waitFor();
    await page.getByRole("button", { name: "Show all processes" }).click();
    await eventually(() => rows(page).count()).toBe(3);
    expect(problems).toEqual([]);
  });

  test("while the server is away the page keeps what it showed; a page opened then says what failed", async () => {
    const { page } = await open(PATH);
    await rows(page).first().waitFor();
    await page.route("**/api/v1/sdk-processes*", (route) => route.abort());
    const failed = page.waitForEvent("requestfailed");
    await page.getByRole("button", { name: "Read again" }).click();
    await failed;
    expect(await rows(page).count()).toBe(3);
    await page.getByRole("link", { name: "search" }).click();
    await page.getByRole("heading", { name: "The processes could not be loaded" }).waitFor();
    await page.unroute("**/api/v1/sdk-processes*");
    await page.getByRole("button", { name: "Retry" }).click();
    await eventually(() => rows(page).count()).toBe(1);
  });
});
