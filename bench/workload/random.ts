/**
 * Randomness that is the same on every run: hashes of an index and generators from a seed.
 */

/** mulberry32: numbers in [0, 1) from a 32-bit seed; small, good enough for text. */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A bijection of 32-bit integers without visible order (the finalizer of MurmurHash3). */
function scramble(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** 32 bits from an index (a whole number below 2^53) and a salt. */
export function hash(index: number, salt: number): number {
  return scramble((index % 2 ** 32) ^ scramble(Math.floor(index / 2 ** 32) ^ Math.imul(salt, 0x9e3779b1)));
}

/** The same in [0, 1). */
export function fraction(index: number, salt: number): number {
  return hash(index, salt) / 2 ** 32;
}

/**
 * Writes 8 bytes that are different for every index and look random: a Feistel network over the two halves of the index.
 */
export function writeUnique(index: number, target: Buffer, offset: number): void {
  let left = Math.floor(index / 2 ** 32);
  let right = index % 2 ** 32;
  for (let round = 1; round <= 4; round += 1) {
    const next = (left ^ scramble(right ^ Math.imul(round, 0x9e3779b1))) >>> 0;
    left = right;
    right = next;
  }
  target.writeUInt32BE(left >>> 0, offset);
  target.writeUInt32BE(right >>> 0, offset + 4);
}
