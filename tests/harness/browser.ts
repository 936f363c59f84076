/**
 * The system's Chromium, driven by playwright-core. It may reach loopback only; anything else it asks for fails the test.
 */
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Set by `npm test` when Chromium is there; without it browser tests are skipped and `npm test` says so. */
export const chromiumPath = process.env.SIGHTLINE_TEST_CHROMIUM;

/** Opens Chromium without a sandbox (tests run as root in CI) and without its own calls home. */
export function launchBrowser(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error("SIGHTLINE_TEST_CHROMIUM names no Chromium");
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A page and what went wrong on it that a person would not see. */
export interface WatchedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Requests to another origin, CSP reports, uncaught errors and console errors, in words. */
  readonly problems: string[];
}

/** A new page in a context of its own that notes every request that leaves `origin`, CSP violation and script error. */
export async function openWatchedPage(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && !["data:", "blob:"].includes(url.protocol))
      problems.push(`request to ${request.url()}`);
  });
  page.on("pageerror", (error) => problems.push(`uncaught ${error.message}`));
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    // A CSP violation is reported as a console error too.
    if (message.type() === "error") problems.push(`console: ${message.text()}`);
  });
  return { page, context, problems };
}
