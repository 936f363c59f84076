import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { precompress } from "./precompress.ts";

/** The server that `npm run dev` talks to. */
const server = process.env.SIGHTLINE_URL ?? "http://127.0.0.1:5500";

export default defineConfig({
  plugins: [react(), precompress()],
  resolve: { conditions: ["@sightline/source", "browser", "module", "import", "default"] },
  // The server puts a fresh nonce in place of this text in every page it sends (packages/server/src/http/assets.ts).
  html: { cspNonce: "__CSP_NONCE__" },
  server: {
    host: "127.0.0.1",
    // The server takes changes from pages of its own origin only; here the development server stands for it.
    proxy: Object.fromEntries(
      ["/api", "/v1", "/health", "/version"].map((path) => [
        path,
        { target: server, changeOrigin: true, headers: { origin: server } },
      ]),
    ),
  },
  build: {
    outDir: "../server/dist/web",
    emptyOutDir: true,
    target: "es2023",
    // font-src is 'self': nothing may become a data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // One entry for shell and list: the budget of 250 kB is for its gzipped size.
    chunkSizeWarningLimit: 800,
  },
});
