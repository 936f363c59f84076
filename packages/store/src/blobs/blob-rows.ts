/**
 * Blobs ⇄ lines of JSON, as a backup has them: `{ sha256, size, offset, data }`, in pieces of base64, those of a blob behind each other.
 *
 * Like all files of a backup they can be read without an engine, and gzip takes base64 back to about the bytes it stands for.
 */
import { SightlineError } from "@sightline/wire/errors";
import { readLines } from "@sightline/wire/lines";
import type { BlobStore } from "../blob-store.ts";
import type { CallOptions } from "../telemetry-store.ts";

/** Name of the table in a backup. */
export const BLOB_TABLE = "attachments";

/** Bytes in a line: memory is bounded, and a multiple of 3 makes base64 that can be put together. */
const LINE_BYTES = 3 * 256 * 1024;

interface BlobRow {
  readonly sha256: string;
  readonly size: number;
  readonly offset: number;
  /** base64 */
  readonly data: string;
}

/** All blobs; those that are removed meanwhile may be missing. */
export async function* dumpBlobs(blobs: BlobStore, { signal }: CallOptions): AsyncGenerator<Uint8Array, void> {
  for await (const listed of blobs.list()) {
    for (const { sha256 } of listed) {
      signal?.throwIfAborted();
      const blob = await blobs.open(sha256);
      if (blob === undefined) continue;
      let offset = 0;
      for await (const piece of inPieces(blob.read(), LINE_BYTES)) {
        const row: BlobRow = { sha256, size: blob.size, offset, data: Buffer.from(piece).toString("base64") };
        yield Buffer.from(`${JSON.stringify(row)}\n`);
        offset += piece.length;
      }
      // An empty blob has one line, too.
      if (offset === 0) yield Buffer.from(`${JSON.stringify({ sha256, size: 0, offset: 0, data: "" })}\n`);
    }
  }
}

/**
 * Keeps the blobs of a dump.
 *
 * @throws BACKUP_UNUSABLE if bytes do not fit their name; STORAGE_FULL
 */
export async function loadBlobs(blobs: BlobStore, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const rows = readRows(bytes);
  let next = await rows.next();
  while (!next.done) {
    const { sha256 } = next.value;
    const draft = await blobs.receive(
      (async function* () {
        for (; !next.done && next.value.sha256 === sha256; next = await rows.next()) {
          yield Buffer.from(next.value.data, "base64");
        }
      })(),
    );
    try {
      if (draft.sha256 !== sha256) {
        throw new SightlineError(
          "BACKUP_UNUSABLE",
          `The bytes of attachment ${sha256} in the backup are others (${draft.sha256}). Use another backup.`,
        );
      }
      await draft.keep();
    } finally {
      await draft.discard();
    }
  }
}

async function* readRows(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<BlobRow, void> {
  for await (const { bytes: line } of readLines(bytes)) {
    // Written by `dumpBlobs`, and the checksum of the file was right.
    if (line !== undefined && line.length > 0) yield JSON.parse(Buffer.from(line).toString("utf8")) as BlobRow;
  }
}

/**
 * The same bytes in pieces of one length; the last one is shorter.
 *
 * @param length  bytes
 */
export async function* inPieces(bytes: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Uint8Array, void> {
  let held: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bytes) {
    let rest = piece;
    while (size + rest.length >= length) {
      const end = length - size;
      yield Buffer.concat([...held, rest.subarray(0, end)]);
      rest = rest.subarray(end);
      held = [];
      size = 0;
    }
    if (rest.length > 0) held.push(rest);
    size += rest.length;
  }
  if (size > 0) yield Buffer.concat(held);
}
