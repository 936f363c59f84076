import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAssets } from "./assets.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "sightline-web-"));
  await mkdir(join(root, "web/assets"), { recursive: true });
  await writeFile(join(root, "web/index.html"), '<meta property="csp-nonce" nonce="__CSP_NONCE__"><p>__CSP_NONCE__');
  await writeFile(join(root, "web/assets/app-1a2b.js"), "plain");
  await writeFile(join(root, "web/assets/app-1a2b.js.br"), "brotli");
  await writeFile(join(root, "web/assets/app-1a2b.js.gz"), "gzip");
  await writeFile(join(root, "web/favicon.svg"), "<svg/>");
  await writeFile(join(root, "secret.txt"), "outside");
});
afterAll(() => rm(root, { recursive: true }));

const get = (path: string, headers: Record<string, string> = {}, webRoot = join(root, "web")) =>
  createAssets(webRoot)(new Request(`http://127.0.0.1${path}`, { headers }));
const asPage = { accept: "text/html,application/xhtml+xml" };

test("hashed files are immutable and sent as the build compressed them", async () => {
  const seen: unknown[] = [];
  for (const accepted of ["gzip, deflate, br", "gzip;q=0.8", "identity"]) {
    const response = (await get("/assets/app-1a2b.js", { "accept-encoding": accepted }))!;
    seen.push([await response.text(), response.headers.get("content-encoding")]);
    expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(response.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  }
  expect(seen).toEqual([
    ["brotli", "br"],
    ["gzip", "gzip"],
    ["plain", null],
  ]);
});

test("a page is sent for every address of the UI, with a fresh nonce in text and policy", async () => {
  const nonces = new Set<string>();
  for (const path of ["/", "/e/0/traces", "/t/tr-1", "/e/a.b/traces", "/index.html"]) {
    const response = (await get(path, asPage))!;
    const html = await response.text();
    const nonce = /nonce="([^"]+)"/.exec(html)?.[1] ?? "";
    nonces.add(nonce);
    expect(html).toBe(`<meta property="csp-nonce" nonce="${nonce}"><p>${nonce}`);
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(response.headers.get("content-security-policy")).toBe(
      `default-src 'self'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data: blob:; ` +
        "connect-src 'self'; font-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    );
  }
  expect(nonces.size).toBe(5);
});

test("other files are sent and asked for again", async () => {
  const response = (await get("/favicon.svg"))!;
  expect(await response.text()).toBe("<svg/>");
  expect(response.headers.get("cache-control")).toBe("no-cache");
});

test("what is not there is nothing: missing assets, programs that want no page, paths out of the folder", async () => {
  expect(await get("/assets/gone.js", asPage)).toBeUndefined();
  expect(await get("/t/tr-1", { accept: "application/json" })).toBeUndefined();
  for (const path of ["/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/%zz.txt", "/..%5csecret.txt"]) {
    expect(await get(path)).toBeUndefined();
  }
});

test("without a build the page says how to make one", async () => {
  const response = (await get("/", asPage, join(root, "nowhere")))!;
  expect(response.status).toBe(503);
  expect(await response.text()).toContain("npm run build --workspace packages/web");
});
