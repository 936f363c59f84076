/**
 * The name that was probably meant: for errors that say what does exist.
 */

/** Edits that a misspelling may be away from the word that was meant. */
const MAX_EDITS = 3;

/**
 * The name with the fewest edits to `word`, of equals the first; case does not count.
 *
 * @returns undefined if none is near: more than a third of the word would have to change
 */
export function nearestName(word: string, names: Iterable<string>): string | undefined {
  const lowered = word.toLowerCase();
  const limit = Math.min(MAX_EDITS, Math.ceil(lowered.length / 3));
  let best: { name: string; edits: number } | undefined;
  for (const name of names) {
    if (Math.abs(name.length - word.length) > limit) continue;
    const edits = editDistance(name.toLowerCase(), lowered);
    if (edits <= limit && (best === undefined || edits < best.edits)) best = { name, edits };
  }
  return best?.name;
}

/** Levenshtein distance: insertions, deletions and replacements. */
function editDistance(left: string, right: string): number {
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= right.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      row.push(Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, replaced));
    }
    last = row;
  }
  return last[right.length] ?? 0;
}
