/**
 * Page tokens: where a page ended, bound to the search it belongs to.
 *
 * They need no secret: a token holds nothing but a place in a list that its reader may read anyway. What must not happen is that a
 * token continues another search, silently skipping traces; so it carries a fingerprint of its search.
 */
import { createHash } from "node:crypto";
import type { TraceCursor, TraceOrder, TraceSelection } from "@sightline/store/telemetry-store";
import { SightlineError } from "@sightline/wire/errors";
import { isTraceId } from "@sightline/wire/ids";
import { parseJson, stringifyJson } from "@sightline/wire/json";

/** A short text that differs between searches that list different traces or list them in another order. */
export function fingerprint(selection: TraceSelection, order: readonly TraceOrder[]): string {
  const experiments = selection.experimentIds && [...selection.experimentIds].sort();
  const parts = [experiments, selection.filter, selection.from, selection.to, order];
  return createHash("sha256").update(stringifyJson(parts)).digest("base64url").slice(0, 16);
}

/** The token that continues a search after `cursor`. */
export function encodePageToken(cursor: TraceCursor, search: string): string {
  return Buffer.from(JSON.stringify([search, cursor.values, cursor.startUs, cursor.traceId])).toString("base64url");
}

/** @throws BAD_PAGE_TOKEN if it is not ours or belongs to another search */
export function decodePageToken(token: string, search: string): TraceCursor {
  const parts = parseJson(Buffer.from(token, "base64url").toString("utf8"));
  const [owner, values, startUs, traceId]: unknown[] = Array.isArray(parts) ? parts : [];
  const isOurs =
    Array.isArray(values) &&
    values.every((value) => value === null || typeof value === "string") &&
    typeof startUs === "string" &&
    /^\d{1,18}$/.test(startUs) &&
    typeof traceId === "string" &&
    isTraceId(traceId);
  if (!isOurs) {
    throw new SightlineError(
      "BAD_PAGE_TOKEN",
      "The page token is not one that this server gave. Start at the first page.",
    );
  }
  if (owner !== search) {
    throw new SightlineError(
      "BAD_PAGE_TOKEN",
      "The page token belongs to another search: experiments, filter, times or order differ. Start at the first page.",
    );
  }
  return { values, startUs, traceId };
}
