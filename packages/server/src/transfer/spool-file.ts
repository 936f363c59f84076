/**
 * A body kept in a temporary file, for formats that are not read from the beginning to the end.
 */
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";

export interface SpooledFile {
  readonly file: string;
  /** Removes it; to be called in any case. */
  remove(): Promise<void>;
}

/** How many bytes are written between two looks at the disk. */
const CHECK_BYTES = 64 * 1024 * 1024;

/**
 * Writes the stream to a file of its own.
 *
 * @param call  `admit` throws while no more may be written
 * @throws the errors of the stream, of `admit` and of the file system; then nothing is left
 */
export async function spoolFile(
  body: AsyncIterable<Uint8Array>,
  { spoolDir, admit }: { readonly spoolDir: string; readonly admit: () => void },
): Promise<SpooledFile> {
  await mkdir(spoolDir, { recursive: true, mode: 0o700 });
  const directory = await mkdtemp(join(spoolDir, "import-"));
  const remove = () => rm(directory, { recursive: true, force: true });
  const file = join(directory, "body");
  try {
    const handle = await open(file, "wx", 0o600);
    try {
      let unchecked = CHECK_BYTES;
      for await (const piece of body) {
        unchecked += piece.length;
        if (unchecked >= CHECK_BYTES) {
          admit();
          unchecked = 0;
        }
        await handle.writeFile(piece);
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return { file, remove };
}
