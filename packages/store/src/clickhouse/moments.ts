/**
 * Smallest and largest of bigints, which Math.min and Math.max do not take.
 */

/** The earliest moment. @param first  what is given when there are no more */
export function earliest(first: bigint, more: Iterable<bigint> = []): bigint {
  let result = first;
  for (const moment of more) if (moment < result) result = moment;
  return result;
}

/** The latest moment. @param first  what is given when there are no more */
export function latest(first: bigint, more: Iterable<bigint> = []): bigint {
  let result = first;
  for (const moment of more) if (moment > result) result = moment;
  return result;
}
