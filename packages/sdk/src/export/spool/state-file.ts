/**
 * The small file of a spool: who it is of, and the numbers that must survive the process.
 *
 *   offset 0    "SLSPOOL1"
 *   offset 8    the numbers of `NUMBERS`, 8 bytes each (IEEE 754, the machine's byte order), overwritten in place
 *   offset 256  length and CRC-32 of what follows (two uint32, little-endian), then the header as JSON
 *
 * The numbers are written by one `pwrite` that does not cross a page: a process that is killed leaves the old ones or the new
 * ones. Nothing is synced: a spool outlives its process, not the machine's power.
 */
import { closeSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { parseJson } from "@sightline/wire/json";

/** What a spool says of the process that made it. */
export interface SpoolHeader {
  readonly version: 1;
  readonly instanceId: string;
  /** Milliseconds since the epoch. */
  readonly startTime: number;
  readonly pid: number;
  readonly host: string;
  readonly runtime: string;
  readonly sdk: string;
  /** Attributes of the resource. */
  readonly resource: Readonly<Record<string, string>>;
}

/** In the order of the file. */
const NUMBERS = [
  /** Spans that ended: the highest sequence number given. */
  "ended",
  /** Where the spans begin that the server has not answered for: number of the segment, offset in it. */
  "settledSegment",
  "settledPosition",
  "queueFull",
  "refused",
  "unsentAtExit",
  "broken",
  "truncations",
  "retries",
  "failures",
  "overheadMs",
] as const;
export type StateNumbers = Record<(typeof NUMBERS)[number], number>;

const MAGIC = Buffer.from("SLSPOOL1", "latin1");
const NUMBER_BYTES = 8 * NUMBERS.length;
const HEADER_OFFSET = 256;
const HEAD_BYTES = 8;

/** One open state file. */
export class StateFile {
  readonly header: SpoolHeader;
  readonly #fd: number;
  readonly #buffer = new ArrayBuffer(NUMBER_BYTES);
  readonly #bytes = new Uint8Array(this.#buffer);
  readonly #numbers = new Float64Array(this.#buffer);

  private constructor(fd: number, header: SpoolHeader) {
    this.#fd = fd;
    this.header = header;
  }

  /**
   * Makes the file; others see it whole or not at all.
   *
   * @throws what the file system says
   */
  static create(path: string, header: SpoolHeader): StateFile {
    const text = Buffer.from(JSON.stringify(header));
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32LE(text.length, 0);
    head.writeUInt32LE(crc32(text), 4);
    const start = Buffer.alloc(HEADER_OFFSET);
    MAGIC.copy(start);
    const temporary = `${path}.new`;
    const fd = openSync(temporary, "wx+", 0o600);
    try {
      writeSync(fd, Buffer.concat([start, head, text]));
      renameSync(temporary, path);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return new StateFile(fd, header);
  }

  /** Opens the file of a process that is gone; undefined if it is not one, or of a version that is not known here. */
  static open(path: string): StateFile | undefined {
    const bytes = readFileSync(path);
    const header = readHeader(bytes);
    if (header === undefined) return undefined;
    const file = new StateFile(openSync(path, "r+"), header);
    file.#bytes.set(bytes.subarray(MAGIC.length, MAGIC.length + NUMBER_BYTES));
    return file;
  }

  get(name: keyof StateNumbers): number {
    return this.#numbers[NUMBERS.indexOf(name)] ?? 0;
  }

  /** Changes a number in memory; `write` brings it to the file. */
  set(name: keyof StateNumbers, value: number): void {
    this.#numbers[NUMBERS.indexOf(name)] = value;
  }

  setAll(numbers: Readonly<Partial<StateNumbers>>): void {
    for (const [index, name] of NUMBERS.entries()) this.#numbers[index] = numbers[name] ?? this.#numbers[index] ?? 0;
  }

  /** Writes the count of ended spans, and with it whatever was set before: the one thing done at the end of every span. */
  writeEnded(ended: number): void {
    this.#numbers[0] = ended;
    this.write();
  }

  /** Writes the numbers. @throws what the file system says */
  write(): void {
    writeSync(this.#fd, this.#bytes, 0, NUMBER_BYTES, MAGIC.length);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function readHeader(bytes: Buffer): SpoolHeader | undefined {
  const begin = HEADER_OFFSET + HEAD_BYTES;
  if (bytes.length < begin || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const length = bytes.readUInt32LE(HEADER_OFFSET);
  const text = bytes.subarray(begin, begin + length);
  if (text.length !== length || crc32(text) !== bytes.readUInt32LE(HEADER_OFFSET + 4)) return undefined;
  // The checksum says that this SDK wrote it.
  const header = parseJson(text.toString("utf8")) as SpoolHeader | undefined;
  return header?.version === 1 ? header : undefined;
}
