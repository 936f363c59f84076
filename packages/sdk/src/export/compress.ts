/**
 * Gzip, chunk by chunk in Node's thread pool: the event loop only hands over and collects.
 */
import { pipeline } from "node:stream/promises";
import { constants, createGzip } from "node:zlib";

/** Fewer, larger pieces cost the event loop less. */
const OUTPUT_CHUNK_BYTES = 128 * 1024;

/** Compresses chunks as one text. @returns the compressed bytes, in chunks */
export async function compress(chunks: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const compressed: Uint8Array[] = [];
  const gzip = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: OUTPUT_CHUNK_BYTES });
  await pipeline(chunks, gzip, async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) compressed.push(piece);
  });
  return compressed;
}
