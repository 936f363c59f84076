/**
 * The page of one trace: tree, waterfall, errors, tags, forms of payloads, large and running traces.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accessibilityViolations } from "../harness/accessibility.ts";
import { chromiumPath, launchBrowser, openWatchedPage } from "../harness/browser.ts";
import { newSpanId, newTraceId, postSpans } from "../harness/otlp-json.ts";
import { removeDataDir, type SightlineProcess, startSightline } from "../harness/sightline-process.ts";

interface SentSpan {
  readonly name: string;
  /** Name of another span; a name that none has = a parent that never comes. */
  readonly parent?: string;
  readonly type?: string;
  /** Milliseconds after the start of the trace. */
  readonly at?: number;
  /** Milliseconds; absent = 10; `"running"` = not ended. */
  readonly for?: number | "running";
  readonly inputs?: unknown;
  readonly outputs?: unknown;
  readonly error?: { readonly type: string; readonly message: string };
}

const LOOP = {
  model: "gpt-4o",
  messages: [
    { role: "system", content: "Help." },
    { role: "user", content: "我的訂單 HE-157995 還沒有送到" },
    {
      role: "assistant",
      content: null,
      tool_calls: [
        { id: "call_1", type: "function", function: { name: "get_order", arguments: '{"order_id":"HE-157995"}' } },
        { id: "call_2", type: "function", function: { name: "get_weather", arguments: '{"city":"台北"}' } },
      ],
    },
    { role: "tool", tool_call_id: "call_2", content: "light rain" },
    { role: "tool", tool_call_id: "call_1", content: '{"status":"in_transit"}' },
  ],
};

/** Polls until it holds; the machine may be busy. */
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 20_000 });

describe.skipIf(chromiumPath === undefined)("page of a trace", () => {
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

  async function send(spans: readonly SentSpan[], traceId = newTraceId(), ids = new Map<string, string>()) {
    const start = BigInt(Date.now() - 5000) * 1_000_000n;
    const nano = (ms: number) => String(start + BigInt(Math.round(ms * 1e6)));
    for (const span of spans) if (!ids.has(span.name)) ids.set(span.name, newSpanId());
    const text = (key: string, value: string) => ({ key, value: { stringValue: value } });
    const body = {
      resourceSpans: [
        {
          scopeSpans: [
            {
              spans: spans.map((span) => ({
                traceId,
                spanId: ids.get(span.name),
                parentSpanId: span.parent === undefined ? "" : (ids.get(span.parent) ?? "feedfacefeedface"),
                name: span.name,
                kind: 1,
                startTimeUnixNano: nano(span.at ?? 0),
                endTimeUnixNano: span.for === "running" ? "0" : nano((span.at ?? 0) + (span.for ?? 10)),
                status: span.error ? { code: 2, message: span.error.message } : { code: 1 },
                attributes: [
                  text("mlflow.spanType", JSON.stringify(span.type ?? "CHAIN")),
                  ...(span.inputs === undefined ? [] : [text("mlflow.spanInputs", JSON.stringify(span.inputs))]),
                  ...(span.outputs === undefined ? [] : [text("mlflow.spanOutputs", JSON.stringify(span.outputs))]),
                ],
                events: span.error
                  ? [
                      {
                        name: "exception",
                        timeUnixNano: nano(span.at ?? 0),
                        attributes: [
                          text("exception.type", span.error.type),
                          text("exception.message", span.error.message),
                          text("exception.stacktrace", "Error\n    at one (a.ts:1:1)\n    at two (b.ts:2:2)"),
                        ],
                      },
                    ]
                  : [],
              })),
            },
          ],
        },
      ],
    };
    const answer = await postSpans(server.url, JSON.stringify(body));
    expect([answer.status, await answer.text()]).toEqual([200, "{}"]);
    return { traceId: `tr-${traceId}`, ids };
  }

  const open = async (path: string) => {
    const watched = await openWatchedPage(browser, server.url);
    await watched.page.goto(`${server.url}${path}`);
    await watched.page.getByTestId("span-detail").waitFor();
    return watched;
  };

  const failing: readonly SentSpan[] = [
    { name: "agent", type: "AGENT", for: 900, error: { type: "AgentError", message: "gave up" } },
    { name: "plan", parent: "agent", at: 10, for: 100 },
    {
      name: "tool",
      parent: "agent",
      type: "TOOL",
      at: 120,
      for: 500,
      error: { type: "TimeoutError", message: "too late" },
    },
    {
      name: "POST",
      parent: "tool",
      at: 130,
      for: 480,
      inputs: { url: "https://orders.example" },
      error: { type: "SocketError", message: "hung up" },
    },
    { name: "guard", parent: "agent", type: "GUARDRAIL", at: 700, error: { type: "KeyError", message: "window" } },
  ];

  test("errors first: the deepest failure is selected; e and E walk where failures began; the stack is folded", async () => {
    const { traceId } = await send(failing);
    const { page, problems } = await open(`/t/${traceId}`);
    const band = page.getByTestId("error-band");
    const title = page.getByTestId("span-detail").getByRole("heading", { level: 2 });
    await eventually(() => band.innerText()).toContain("SocketError: hung up in POST");
    expect(await band.innerText()).toContain("1 of 2");
    expect(await title.innerText()).toBe("POST");
    const error = page.getByTestId("span-error");
    expect(await error.getByText("at one").isVisible()).toBe(false);
    await error.getByText("Stack trace (2)").click();
    expect(await error.getByText("at one").isVisible()).toBe(true);
    await page.keyboard.press("e");
    await eventually(() => title.innerText()).toBe("guard");
    await eventually(() => band.innerText()).toContain("KeyError: window");
    await page.keyboard.press("e");
    await eventually(() => title.innerText()).toBe("POST");
    await page.keyboard.press("Shift+E");
    await eventually(() => title.innerText()).toBe("guard");
    expect(problems).toEqual([]);
  });

  test("the tree by keys; the selected span and the tab stand in the address", async () => {
    const { traceId, ids } = await send(failing);
    const { page, problems } = await open(`/t/${traceId}`);
    const selected = () => page.locator('[data-testid="span-row"][aria-selected="true"]').getAttribute("data-span-id");
    const spanRows = page.getByTestId("span-row");
    await eventually(() => spanRows.count()).toBe(5);
    for (const [key, name] of [
      ["Home", "agent"],
      ["ArrowDown", "plan"],
      ["End", "guard"],
      ["p", "agent"],
      ["ArrowRight", "plan"],
      ["ArrowDown", "tool"],
    ] as const) {
      await page.keyboard.press(key);
      await eventually(selected).toBe(ids.get(name));
    }
    await page.keyboard.press("ArrowLeft");
    await eventually(() => spanRows.count()).toBe(4);
    expect(await spanRows.filter({ hasText: "tool" }).getAttribute("aria-expanded")).toBe("false");
    await page.keyboard.press("ArrowRight");
    await eventually(() => spanRows.count()).toBe(5);
    await page.getByRole("tab", { name: /^Attributes/ }).click();
    await page.reload();
    await eventually(selected).toBe(ids.get("tool"));
    await page.getByRole("tabpanel").getByText("mlflow.spanType").waitFor();
    expect(problems).toEqual([]);
  });

  test("orphans stand in a group of their own, not as roots", async () => {
    const { traceId } = await send([
      { name: "agent", type: "AGENT", for: 100 },
      { name: "late", parent: "never received", at: 20 },
      { name: "later", parent: "late", at: 30 },
    ]);
    const { page, problems } = await open(`/t/${traceId}`);
    await page.getByText("Parent not received: 1 span").waitFor();
    expect(
      await page.getByTestId("span-row").evaluateAll((found) => found.map((row) => row.getAttribute("aria-level"))),
    ).toEqual(["1", "1", "2", "3"]);
    expect(problems).toEqual([]);
  });

  test("a chat joins tool results to their parallel calls; every form is remembered", async () => {
    const { traceId } = await send([
      {
        name: "gpt-4o",
        type: "CHAT_MODEL",
        inputs: LOOP,
        outputs: { choices: [{ message: { role: "assistant", content: "您的訂單**正在運送**" } }] },
      },
    ]);
    const { page, problems } = await open(`/t/${traceId}`);
    const calls = page.getByTestId("tool-call");
    await calls.first().waitFor();
    expect(await calls.nth(0).innerText()).toMatch(/get_order[\s\S]*HE-157995[\s\S]*result[\s\S]*in_transit/);
    expect(await calls.nth(1).innerText()).toMatch(/get_weather[\s\S]*台北[\s\S]*result[\s\S]*light rain/);
    const answer = page.getByTestId("chat-message").last();
    expect(await answer.locator("strong").innerText()).toBe("正在運送");
    expect(await accessibilityViolations(page)).toEqual([]);

    await page.getByRole("radio", { name: "JSON" }).click();
    const tree = page.getByRole("tree", { name: "Input as JSON" });
    await tree.getByText("messages").waitFor();
    expect(await accessibilityViolations(page)).toEqual([]);
    await tree.focus();
    const before = await tree.getByRole("treeitem").count();
    await page.keyboard.press("ArrowLeft");
    await eventually(() => tree.getByRole("treeitem").count()).toBe(1);
    await page.keyboard.press("ArrowRight");
    await eventually(() => tree.getByRole("treeitem").count()).toBe(before);
    await page.reload();
    await tree.waitFor();
    expect(problems).toEqual([]);
  });

  test("a refused tag is taken back with the reason; a removed one goes", async () => {
    const { traceId } = await send([{ name: "agent", type: "AGENT" }]);
    const { page } = await open(`/t/${traceId}`);
    const add = async (key: string, value: string) => {
      await page.keyboard.press("#");
      await page.getByLabel("Tag key").fill(key);
      await page.getByLabel("Tag value").fill(value);
      await page.keyboard.press("Enter");
    };
    await add("stage", "one");
    await page.locator('[data-tag="stage"]').waitFor();
    await page.getByRole("button", { name: "Edit tag stage: one" }).click();
    await page.getByLabel("Tag value").fill("two");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Edit tag stage: two" }).waitFor();
    // Longer than any key that the server takes.
    await add("k".repeat(2000), "x");
    await page.getByTestId("tag-error").waitFor();
    expect(await page.getByTestId("tag").count()).toBe(1);
    // The page shows the edit before the server has answered; a reload must not overtake it.
    const answered = page.waitForResponse((response) => response.request().method() === "DELETE");
    await page.getByRole("button", { name: "Remove tag stage" }).click();
    await eventually(() => page.getByTestId("tag").count()).toBe(0);
    expect((await answered).status()).toBe(200);
    await page.reload();
    await page.getByTestId("span-detail").waitFor();
    expect(await page.getByTestId("tag").count()).toBe(0);
  });

  test("a running trace says so and completes in place", async () => {
    const spans: readonly SentSpan[] = [
      { name: "agent", type: "AGENT", for: "running", inputs: { question: "?" } },
      { name: "model", parent: "agent", type: "LLM", at: 10, for: "running" },
    ];
    const { traceId, ids } = await send(spans);
    const { page, problems } = await open(`/t/${traceId}`);
    await page
      .getByTestId("trace-facts")
      .getByText(/^running/)
      .waitFor();
    await send(
      [
        { ...spans[0]!, for: 4000, outputs: { answer: "done at last" } },
        { ...spans[1]!, for: 1000 },
        { name: "tool", parent: "agent", type: "TOOL", at: 1100 },
      ],
      traceId.slice(3),
      ids,
    );
    await eventually(() => page.getByTestId("span-row").count()).toBe(3);
    await page.getByTestId("span-detail").getByText("done at last").waitFor();
    expect(await page.getByTestId("trace-facts").innerText()).not.toContain("running");
    expect(problems).toEqual([]);
  });

  test("10,000 spans: few of them in the document, the last one a key away, folding works", async () => {
    const spans: SentSpan[] = [{ name: "root", type: "AGENT", for: 60_000 }];
    for (let index = 1; index < 10_000; index++) {
      spans.push({
        name: `span ${index}`,
        parent: index % 10 === 1 ? "root" : `span ${index - (index % 10 || 10) + 1}`,
        at: index,
        for: 5,
      });
    }
    const { traceId } = await send(spans);
    const { page, problems } = await open(`/t/${traceId}`);
    await page.getByText("10,000 spans").waitFor();
    expect(await page.evaluate("document.querySelectorAll('*').length")).toBeLessThan(1500);
    await page.keyboard.press("End");
    await page.getByTestId("span-detail").getByRole("heading", { name: "span 9999" }).waitFor();
    await page.getByRole("button", { name: "Collapse all" }).click();
    expect(await page.getByTestId("span-tree").getAttribute("aria-rowcount")).toBe("1001");
    expect(problems).toEqual([]);
  });

  test("a payload of five megabytes opens without drawing all of it", async () => {
    const { traceId } = await send([
      {
        name: "tool",
        type: "TOOL",
        inputs: { text: "lorem ipsum ".repeat(430_000) },
        outputs: Array.from({ length: 20_000 }, (_, id) => ({ id })),
      },
    ]);
    const { page, problems } = await open(`/t/${traceId}`);
    await page.getByRole("button", { name: /of 5.2 MB: load/ }).waitFor();
    await page.getByRole("radio", { name: "JSON" }).click();
    await page.getByRole("tree", { name: "Output as JSON" }).getByText("20,000 items").waitFor();
    expect(await page.evaluate("document.querySelectorAll('*').length")).toBeLessThan(1500);
    expect(problems).toEqual([]);
  });

  test("a trace that is not there is told; a deleted one leaves the list", async () => {
    const { page, problems } = await openWatchedPage(browser, server.url);
    await page.goto(`${server.url}/t/tr-${"0".repeat(31)}1`);
    await page.getByRole("heading", { name: "Trace not found" }).waitFor();
    // The browser reports the 404 of the API call, which is what was asked for.
    expect(problems.filter((problem) => !problem.includes("404"))).toEqual([]);

    const { traceId } = await send([{ name: "to be deleted", type: "AGENT" }]);
    await page.goto(`${server.url}/t/${traceId}`);
    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "Delete…" }).click();
    await page.getByRole("button", { name: "Delete trace" }).click();
    await eventually(() => new URL(page.url()).pathname).toBe("/e/Default/traces");
    await page.getByTestId("trace-row").first().waitFor();
    expect(await page.getByTestId("trace-row").filter({ hasText: "to be deleted" }).count()).toBe(0);
  });
});
