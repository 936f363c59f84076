/**
 * Vite plugin: writes `<file>.gz` and `<file>.br` beside every text asset, so that the server never compresses on the fly.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, gzip, constants as zlib } from "node:zlib";
import type { Plugin } from "vite";

/** Endings that shrink; woff2 and png are compressed already. index.html gets its nonce at run time and stays plain. */
const TEXT_ENDINGS = new Set([".js", ".css", ".svg", ".json", ".txt"]);
/** Below this, the header of a compressed file eats what it saves. */
const MIN_BYTES = 512;

/** Compresses the output of a build at the highest levels. */
export function precompress(): Plugin {
  let outDir = "";
  return {
    name: "sightline:precompress",
    apply: "build",
    configResolved(config) {
      outDir = join(config.root, config.build.outDir);
    },
    async closeBundle() {
      const files = await readdir(outDir, { recursive: true, withFileTypes: true });
      await Promise.all(
        files
          .filter((file) => file.isFile() && TEXT_ENDINGS.has(extname(file.name)))
          .map((file) => compress(join(file.parentPath, file.name))),
      );
    },
  };
}

async function compress(path: string): Promise<void> {
  const bytes = await readFile(path);
  if (bytes.length < MIN_BYTES) return;
  const [gz, br] = await Promise.all([
    promisify(gzip)(bytes, { level: 9 }),
    promisify(brotliCompress)(bytes, {
      params: {
        [zlib.BROTLI_PARAM_QUALITY]: zlib.BROTLI_MAX_QUALITY,
        [zlib.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
  ]);
  await Promise.all([writeFile(`${path}.gz`, gz), writeFile(`${path}.br`, br)]);
}
