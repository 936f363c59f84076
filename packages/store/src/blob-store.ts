/**
 * The port to bytes that are kept once by what they are: a blob is named by the SHA-256 of its bytes.
 *
 * Docstrings are promises; `contract/blob-store.test.ts` holds every implementation to them. Nobody but `attachments/` uses it: which
 * blobs are needed is known there.
 */

/** Bytes that were received and are not a blob yet. */
export interface BlobDraft {
  /** 64 hex digits. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  /** Makes it the blob of its name, on disk when this resolves. One that is there already stays, unless its size is wrong. */
  keep(): Promise<void>;
  /** Removes it, if it was not kept. To be called in any case. */
  discard(): Promise<void>;
}

/** A blob that can be read. */
export interface OpenBlob {
  /** Bytes. */
  readonly size: number;
  /** Its bytes from `start` to before `end`, in pieces; also after the blob was removed meanwhile. Closes it. */
  read(start?: number, end?: number): AsyncGenerator<Uint8Array, void>;
  /** For one that is not read. */
  close(): Promise<void>;
}

export interface ListedBlob {
  readonly sha256: string;
  readonly size: number;
  /** When it was written, milliseconds since the epoch. */
  readonly writtenMs: number;
}

export interface BlobStore {
  /**
   * Receives bytes; they are on disk when this resolves, under a temporary name.
   *
   * @throws STORAGE_FULL; what `bytes` throws. Then nothing of them is left
   */
  receive(bytes: AsyncIterable<Uint8Array>): Promise<BlobDraft>;

  /** Undefined if there is none. */
  open(sha256: string): Promise<OpenBlob | undefined>;

  /** @returns the bytes that were freed; 0 if there was none */
  remove(sha256: string): Promise<number>;

  /** All blobs, in groups, in no order; those that come or go meanwhile may be there or not. */
  list(): AsyncGenerator<readonly ListedBlob[], void>;

  /** Removes what unfinished uploads of before have left. @returns how many bytes that were */
  removeDrafts(writtenBeforeMs: number): Promise<number>;
}
