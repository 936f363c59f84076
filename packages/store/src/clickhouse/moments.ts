/**
 * Moments: their SQL, and the smallest and largest of bigints, which Math.min and Math.max do not take.
 */
import { param, type Sql, sql } from "./sql.ts";

/** A DateTime64(6) from microseconds since the epoch. */
export function momentUs(microseconds: bigint): Sql {
  return sql`fromUnixTimestamp64Micro(${param(microseconds, "Int64")}, 'UTC')`;
}

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
