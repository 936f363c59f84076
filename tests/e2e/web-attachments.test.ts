/**
 * Attachments on the page of a trace: images, sounds and files in the place of their references; and hostile ones, which never run as
 * ours.
 */
import { randomUUID } from "node:crypto";
import { crc32, deflateSync } from "node:zlib";
import { writeAttachmentReference } from "@sightline/wire/model/attachment";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accessibilityViolations } from "../harness/accessibility.ts";
import { chromiumPath, launchBrowser, openWatchedPage } from "../harness/browser.ts";
import { newSpanId, newTraceId, postSpans } from "../harness/otlp-json.ts";
import { removeDataDir, type SightlineProcess, startSightline } from "../harness/sightline-process.ts";

const [WIDTH, HEIGHT] = [96, 64];

/** A PNG of a colour wheel with a transparent right half. @see https://www.w3.org/TR/png-3/ */
function makePng(): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(WIDTH, 0);
  head.writeUInt32BE(HEIGHT, 4);
  head.set([8, 6, 0, 0, 0], 8);
  const rows = Array.from({ length: HEIGHT }, (_, y) => {
    const pixels = Array.from({ length: WIDTH }, (_, x) => [x * 2, y * 3, 160, x < WIDTH / 2 ? 255 : 0]);
    return Buffer.from([0, ...pixels.flat()]);
  });
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk("IHDR", head),
    chunk("IDAT", deflateSync(Buffer.concat(rows))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** Half a second of a 440 Hz tone: 16-bit PCM, 8 kHz. */
function makeWav(): Buffer {
  const samples = Buffer.alloc(8000);
  for (let at = 0; at < 4000; at += 1)
    samples.writeInt16LE(Math.round(8000 * Math.sin((at * 440 * 2 * Math.PI) / 8000)), at * 2);
  const head = Buffer.alloc(44);
  head.write("RIFF", 0, "latin1");
  head.writeUInt32LE(36 + samples.length, 4);
  head.write("WAVEfmt ", 8, "latin1");
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8000, 24);
  head.writeUInt32LE(16_000, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36, "latin1");
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}

describe.skipIf(chromiumPath === undefined)("attachments of a trace", () => {
  let browser: Browser;
  let server: SightlineProcess;
  beforeAll(async () => {
    browser = await launchBrowser();
    server = await startSightline({ env: { SIGHTLINE_DEMO: "off" } });
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
    await removeDataDir(server.dataDir);
  });

  function addressOf(traceId: string, attachmentId: string): string {
    return `${server.url}/api/v1/traces/tr-${traceId}/attachments/${attachmentId}`;
  }

  /** Uploads bytes; gives their id and the reference that stands in a span. */
  async function upload(traceId: string, bytes: Uint8Array, contentType: string) {
    const attachmentId = randomUUID();
    const answer = await fetch(addressOf(traceId, attachmentId), {
      method: "PUT",
      headers: { "content-type": contentType },
      body: new Uint8Array(bytes),
    });
    expect(answer.status, await answer.clone().text()).toBe(200);
    const reference = writeAttachmentReference({
      attachmentId,
      contentType,
      traceId: `tr-${traceId}`,
      size: bytes.length,
    });
    return { attachmentId, reference };
  }

  /** A trace of one span. */
  async function send(traceId: string, inputs: unknown, outputs: unknown) {
    const start = BigInt(Date.now() - 1000) * 1_000_000n;
    const text = (key: string, value: unknown) => ({ key, value: { stringValue: JSON.stringify(value) } });
    const span = {
      ...{ traceId, spanId: newSpanId(), parentSpanId: "", name: "vision", kind: 1, status: { code: 1 } },
      startTimeUnixNano: String(start),
      endTimeUnixNano: String(start + 5_000_000n),
      attributes: [
        text("mlflow.spanType", "LLM"),
        text("mlflow.spanInputs", inputs),
        text("mlflow.spanOutputs", outputs),
      ],
    };
    const answer = await postSpans(
      server.url,
      JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }),
    );
    expect([answer.status, await answer.text()]).toEqual([200, "{}"]);
  }

  async function open(traceId: string) {
    const watched = await openWatchedPage(browser, server.url);
    await watched.page.goto(`${server.url}/t/tr-${traceId}`);
    await watched.page.getByTestId("span-detail").waitFor();
    return watched;
  }

  test("images, sounds and files of a chat are shown with type and size, in every form", async () => {
    const traceId = newTraceId();
    const png = makePng();
    const image = await upload(traceId, png, "image/png");
    const sound = await upload(traceId, makeWav(), "audio/wav");
    const file = await upload(traceId, Buffer.from("order;state\n1;sent\n"), "text/csv");
    await send(
      traceId,
      {
        model: "gpt-4o",
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "What is on the picture, and what is said?" },
              { type: "image_url", image_url: { url: image.reference } },
              { type: "input_audio", input_audio: { data: sound.reference, format: "wav" } },
              { type: "file", file: { filename: "orders.csv", file_data: file.reference } },
            ],
          },
        ],
      },
      { role: "assistant", content: "A colour wheel, and a tone." },
    );
    const { page, problems, context } = await open(traceId);
    const shown = page.getByTestId("attachment");
    const widthOf = () => shown.locator("img").evaluate((img: HTMLImageElement) => img.naturalWidth);

    await expect.poll(() => shown.count()).toBe(3);
    await expect.poll(widthOf).toBe(WIDTH);
    const captions = await shown.locator("figcaption").allInnerTexts();
    expect(captions.map((text) => text.split("\n")[0])).toEqual([
      "image/png, 16 kB",
      "audio/wav, 8.0 kB",
      "text/csv, 19 B",
    ]);
    const audio = shown.locator("audio");
    await expect.poll(() => audio.evaluate((player: HTMLAudioElement) => player.duration)).toBeCloseTo(0.5, 1);
    for (const theme of ["light", "dark"] as const) {
      await page.evaluate((name) => document.documentElement.setAttribute("data-theme", name), theme);
      expect(await accessibilityViolations(page)).toEqual([]);
      await screenshot(page, `chat-${theme}`);
    }

    await page.getByRole("radio", { name: "Pretty", exact: true }).click();
    await expect.poll(() => shown.count()).toBe(3);
    await expect.poll(widthOf).toBe(WIDTH);
    expect(await accessibilityViolations(page)).toEqual([]);
    await screenshot(page, "pretty");

    // In JSON what lies deep is folded, and the text itself is a click away.
    await page.getByRole("radio", { name: "JSON", exact: true }).click();
    for (const name of ["content", "1", "image_url", "3", "file"]) {
      await page.getByRole("button", { name: `Unfold ${name}`, exact: true }).click();
    }
    await expect.poll(() => shown.count()).toBe(2);
    await expect.poll(widthOf).toBe(WIDTH);
    expect(await accessibilityViolations(page)).toEqual([]);
    await screenshot(page, "json");
    await page.getByRole("button", { name: "Unfold url", exact: true }).click();
    await page.getByText(image.reference, { exact: true }).waitFor();
    expect(await shown.count()).toBe(1);

    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download text/csv, 19 B" }).click(),
    ]);
    const pieces: Uint8Array[] = [];
    for await (const piece of await download.createReadStream()) pieces.push(piece as Uint8Array);
    expect(Buffer.concat(pieces).toString()).toBe("order;state\n1;sent\n");
    expect(problems).toEqual([]);
    await context.close();
  });

  test("an attachment that is not there, or is no image, says so instead of a broken picture", async () => {
    const traceId = newTraceId();
    const liar = await upload(traceId, Buffer.from("<script>alert(1)</script>"), "text/html");
    const missing = writeAttachmentReference({ attachmentId: randomUUID(), contentType: "image/png", size: 5 });
    await send(traceId, { missing, liar: liar.reference.replace("text%2Fhtml", "image%2Fpng") }, null);
    const { page, context } = await open(traceId);
    const notices = page.getByTestId("attachment").getByText("Cannot be shown: it was not uploaded, or is no image.");
    await expect.poll(() => notices.count()).toBe(2);
    await screenshot(page, "missing");
    await context.close();
  });

  test("hostile attachments are saved, not shown, and never run as ours", async () => {
    const traceId = newTraceId();
    const attack = "parent.pwned = window.pwned = 1; alert(document.cookie)";
    const html = await upload(traceId, Buffer.from(`<script>${attack}</script>`), "text/html");
    const script = await upload(traceId, Buffer.from(attack), "text/javascript");
    const svg = await upload(
      traceId,
      Buffer.from(
        `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40" onload="${attack}"><script>${attack}</script><circle cx="20" cy="20" r="18" fill="#0a7"/></svg>`,
      ),
      "image/svg+xml",
    );
    await send(traceId, { svg: svg.reference, html: html.reference }, null);
    const { page, problems, context } = await open(traceId);
    // As an image an SVG is drawn, and its scripts are not run.
    const image = page.getByTestId("attachment").locator("img");
    await expect.poll(() => image.evaluate((img: HTMLImageElement) => img.naturalWidth)).toBe(40);

    // A page of ours that somebody got to load them, as script, frame and object.
    const loaded = await page.evaluate(
      async ([scriptAddress, htmlAddress, svgAddress]) => {
        const outcome = (tag: string, attributes: Record<string, string>) =>
          new Promise<string>((resolve) => {
            const element = document.createElement(tag);
            element.addEventListener("load", () => resolve("load"));
            element.addEventListener("error", () => resolve("error"));
            for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
            document.body.append(element);
            setTimeout(() => resolve("nothing"), 2000);
          });
        return await Promise.all([
          outcome("script", { src: scriptAddress ?? "" }),
          outcome("iframe", { src: htmlAddress ?? "" }),
          outcome("iframe", { src: svgAddress ?? "" }),
        ]);
      },
      [script, html, svg].map(({ attachmentId }) => new URL(addressOf(traceId, attachmentId)).pathname),
    );
    expect(loaded[0]).toBe("error");
    // Opened by their address, they are files to save.
    for (const { attachmentId } of [html, script, svg]) {
      const tab = await context.newPage();
      const [download] = await Promise.all([
        tab.waitForEvent("download"),
        tab.goto(addressOf(traceId, attachmentId)).catch((error: Error) => {
          expect(error.message).toMatch(/Download is starting|ERR_ABORTED/);
        }),
      ]);
      expect(download.suggestedFilename()).toContain(attachmentId);
      await tab.close();
    }
    expect(await page.evaluate(() => "pwned" in window)).toBe(false);
    expect(problems.filter((problem) => problem.startsWith("dialog"))).toEqual([]);
    await context.close();
  });
});

/** Kept for people to look at, when asked for. */
async function screenshot(
  page: { screenshot(options: { path: string }): Promise<unknown> },
  name: string,
): Promise<void> {
  const folder = process.env.SIGHTLINE_TEST_SCREENSHOTS;
  if (folder !== undefined) await page.screenshot({ path: `${folder}/attachments-${name}.png` });
}
