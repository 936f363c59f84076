/**
 * What bundlers take for browsers, by the export condition `browser`: one sentence in place of a missing `node:async_hooks`.
 *
 * CommonJS, since a bundler then asks for no list of exported names: whatever is imported, this is what the page says.
 */
throw new Error(
  "@sightline/sdk was imported in a browser. It traces programs on servers (Node, Bun, Deno) and needs their modules; " +
    "an API key does not belong in a page either. Import it in server code only.",
);
