/**
 * A stream of bytes → its lines, one at a time and none larger than a bound.
 */

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without the line break; undefined if it is longer than the bound: then it was skipped. */
  readonly bytes: Uint8Array | undefined;
}

const NEWLINE = 10;

/**
 * The lines of a stream, cut at line feeds alone; a last one without a line feed counts, empty ones too.
 *
 * Not `node:readline`: it cuts at U+2028 too, which may stand in JSON.
 *
 * @param maxBytes  default: no bound
 */
export async function* readLines(
  source: AsyncIterable<Uint8Array>,
  maxBytes = Number.POSITIVE_INFINITY,
): AsyncGenerator<Line, void> {
  let number = 1;
  let pieces: Uint8Array[] = [];
  let length = 0;
  let isTooLong = false;
  const add = (piece: Uint8Array) => {
    length += piece.length;
    isTooLong ||= length > maxBytes;
    // The rest of a line that is too long is not kept.
    if (isTooLong) pieces = [];
    else if (piece.length > 0) pieces.push(piece);
  };
  const take = (): Line => {
    const [only] = pieces;
    const bytes = isTooLong ? undefined : pieces.length === 1 && only ? only : concat(pieces, length);
    const line = { number, bytes };
    number += 1;
    pieces = [];
    length = 0;
    isTooLong = false;
    return line;
  };
  for await (const chunk of source) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, end));
      yield take();
      from = end + 1;
    }
    if (from < chunk.length) add(chunk.subarray(from));
  }
  if (length > 0) yield take();
}

function concat(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
