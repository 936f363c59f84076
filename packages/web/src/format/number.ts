/**
 * Numbers as people read them: they keep their precision, digits stand in groups, unknown is "–" and never 0.
 */

/** What stands for a value that is not known. */
export const UNKNOWN = "–";

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** `1,204` */
export function formatCount(count: number): string {
  return grouped.format(count);
}

/** Counts up to this are exact (see the countTraces endpoint). */
const EXACT_UP_TO = 10_000;

/** `1,204`, and above 10,000, where the server stops counting one by one, `≈ 48 k`. */
export function formatTotal(count: number): string {
  return count <= EXACT_UP_TO ? formatCount(count) : `≈ ${formatShort(count)}`;
}

/** Two digits or more and a unit: `950`, `4.8 k`, `48 k`, `1.2 M`. */
export function formatShort(count: number): string {
  for (const [unit, size] of [
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ] as const) {
    if (count >= size) {
      const value = count / size;
      return `${value < 9.95 ? value.toFixed(1) : grouped.format(value)} ${unit}`;
    }
  }
  return grouped.format(count);
}

/** US dollars with 3 significant digits or to the cent, never rounded to nothing: `$0.000048`, `$0.0123`, `$1.20`, `$99.99`. */
export function formatCost(usd: number | undefined): string {
  if (usd === undefined) return UNKNOWN;
  if (usd >= 1000) return `$${grouped.format(usd)}`;
  const magnitude = usd > 0 ? Math.floor(Math.log10(usd)) : 0;
  const digits = usd.toFixed(Math.min(Math.max(2 - magnitude, 2), 20));
  // Zeros that say nothing go, cents stay.
  return `$${digits.replace(/(\.\d\d\d*?)0+$/, "$1")}`;
}

/** `512 B`, `256 kB`, `5.2 MB`; 1 kB is 1,000 bytes. */
export function formatBytes(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${formatShort(bytes)}B`;
}
