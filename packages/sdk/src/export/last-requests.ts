/**
 * What is unsent when the process ends, as requests: built at once, since nothing asynchronous runs any more.
 */

import { requestOf } from "./encode.ts";
import type { Origin } from "./origin.ts";
import type { PreparedSpan } from "./prepared-span.ts";
import { resourceWithReport } from "./report.ts";
import { countEnded, exportHeaders, groupByExperiment } from "./request.ts";
import type { SpoolBatch } from "./spool/spool.ts";

export interface LastRequest {
  /** Beside those that every request gets. */
  readonly headers: Readonly<Record<string, string>>;
  /** Protobuf bytes, uncompressed, in chunks. */
  readonly body: readonly Uint8Array[];
  /** Ended spans in it. */
  readonly ended: number;
  /** They are in the spool: if this request fails, the next process sends them. */
  readonly isSpooled: boolean;
  /** With this request, all of the batch is sent. */
  readonly batch?: SpoolBatch | undefined;
}

/** Spans that are sent together; from the spool if they have a place there. */
export interface LastBatch {
  readonly spans: readonly PreparedSpan[];
  readonly batch?: SpoolBatch | undefined;
}

export interface LastRequestsOptions {
  readonly origin: Origin;
  readonly scope: { readonly name: string; readonly version: string };
  /** Oldest first. */
  readonly batches: readonly LastBatch[];
  /** Whether everything is in them: the last request says that nothing comes after it. */
  readonly isAll: boolean;
  /** A request without spans is needed if there is none with: the server does not know of all drops. */
  readonly needsReport: boolean;
}

/** One request for each experiment of each batch. */
export function lastRequests({ origin, scope, batches, isAll, needsReport }: LastRequestsOptions): LastRequest[] {
  const filled = batches.filter(({ spans }) => spans.length > 0);
  const numbers = origin.numbers();
  return (filled.length === 0 && needsReport ? [{ spans: [] }] : filled).flatMap(({ spans, batch }, index, all) => {
    const groups = groupByExperiment(spans);
    return groups.map((group, place) => {
      const endsBatch = place === groups.length - 1;
      const isFinal = isAll && endsBatch && index === all.length - 1;
      return {
        headers: exportHeaders(group[0]?.experiment),
        body: requestOf(resourceWithReport(origin.identity, numbers, group, isFinal), scope, group),
        ended: countEnded(group),
        isSpooled: batch !== undefined,
        batch: endsBatch ? batch : undefined,
      };
    });
  });
}
