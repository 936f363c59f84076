/**
 * The web UI: the files of its build, and the page for every address that the UI routes itself.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { reply } from "./reply.ts";

/** Where `vite build` of packages/web puts its output; the same path from src/http and from dist/http. */
export const BUILT_WEB_ROOT = fileURLToPath(new URL("../../dist/web/", import.meta.url));

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
};

/** Content-Encoding → ending of the file that the build compressed beforehand, best first. */
const COMPRESSED = [
  ["br", ".br"],
  ["gzip", ".gz"],
] as const;

/** In index.html, replaced by a fresh value for each answer. */
const NONCE_PLACEHOLDER = "__CSP_NONCE__";

/** Answers GET requests for files and pages of the UI; undefined when there is nothing of it at this address. */
export type ServeAssets = (request: Request) => Promise<Response | undefined>;

/** @param webRoot  folder of the built UI; it may appear while the server runs */
export function createAssets(webRoot: string = BUILT_WEB_ROOT): ServeAssets {
  return async (request) => {
    const path = decodePath(new URL(request.url).pathname);
    if (path === undefined) return undefined;
    if (extname(path) in MEDIA_TYPES && path !== "/index.html") {
      const file = await serveFile(webRoot, path, request.headers.get("accept-encoding") ?? "");
      if (file) return file;
    }
    const isAsset = path.startsWith("/assets/");
    const wantsPage = (request.headers.get("accept") ?? "").includes("text/html");
    return !isAsset && wantsPage ? servePage(webRoot) : undefined;
  };
}

async function serveFile(webRoot: string, path: string, acceptEncoding: string): Promise<Response | undefined> {
  const file = join(webRoot, path);
  if (!file.startsWith(webRoot.endsWith(sep) ? webRoot : webRoot + sep)) return undefined;
  const accepted = acceptEncoding.split(",").map((part) => part.split(";")[0]?.trim());
  const headers = {
    "content-type": MEDIA_TYPES[extname(path)] ?? "application/octet-stream",
    // The build puts a hash of the content into the names below assets/.
    "cache-control": path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
    vary: "accept-encoding",
  };
  for (const [encoding, ending] of COMPRESSED) {
    if (!accepted.includes(encoding)) continue;
    const bytes = await readIfThere(file + ending);
    if (bytes) return reply(200, bytes, { ...headers, "content-encoding": encoding });
  }
  const bytes = await readIfThere(file);
  return bytes && reply(200, bytes, headers);
}

async function servePage(webRoot: string): Promise<Response> {
  const nonce = randomBytes(16).toString("base64");
  const page = await readIfThere(join(webRoot, "index.html"));
  const html = page === undefined ? MISSING_PAGE : Buffer.from(page).toString("utf8");
  return reply(page === undefined ? 503 : 200, html.replaceAll(NONCE_PLACEHOLDER, nonce), {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
    "content-security-policy": contentSecurityPolicy(nonce),
  });
}

/** The policy of the UI's pages: everything from this server, styles that code adds by nonce, no framing. */
export function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'self'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "font-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

function decodePath(pathname: string): string | undefined {
  try {
    return decodeURIComponent(pathname);
  } catch {
    // Not UTF-8: no file of ours has such a name.
    return undefined;
  }
}

async function readIfThere(file: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EISDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

const MISSING_PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Sightline</title></head>
<body>
<h1>The web UI is not built</h1>
<p>The server and its API run. Build the UI with <code>npm run build --workspace packages/web</code>, then reload this page.</p>
</body>
</html>
`;
