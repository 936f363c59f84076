/**
 * What is unsent when the process ends, as requests: built at once, since nothing asynchronous runs any more.
 */

import { toTraceId } from "@sightline/wire/ids";
import { requestOf } from "./encode.ts";
import type { Origin } from "./origin.ts";
import type { LiftedAttachment, PreparedSpan } from "./prepared-span.ts";
import { resourceWithReport } from "./report.ts";
import { countEnded, exportHeaders, groupByExperiment } from "./request.ts";
import type { SpoolBatch } from "./spool/spool.ts";

export interface LastRequest {
  readonly method: "POST" | "PUT";
  readonly url: URL;
  /** Beside those that every request gets. */
  readonly headers: Readonly<Record<string, string>>;
  /** In chunks, not compressed. */
  readonly body: readonly Uint8Array[];
  /** Whether the headers say that it is compressed: it is to be, before it is sent. */
  readonly isGzipped: boolean;
  /** The request uploads a file. */
  readonly isAttachment: boolean;
  /** Ended spans in it. */
  readonly ended: number;
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
  /** Where export requests go. */
  readonly url: URL;
  /** Where a path of the server is. */
  readonly uploadUrl: (path: string) => URL;
  /** Oldest first. */
  readonly batches: readonly LastBatch[];
  /** Whether everything is in them: the last request says that nothing comes after it. */
  readonly isAll: boolean;
  /** A request without spans is needed if there is none with: the server does not know of all drops. */
  readonly needsReport: boolean;
}

/** One request for each experiment of each batch, and before it one for each file in it. */
export function lastRequests({ batches, isAll, needsReport, ...options }: LastRequestsOptions): LastRequest[] {
  const filled = batches.filter(({ spans }) => spans.length > 0);
  if (filled.length === 0 && needsReport) return [spanRequest([], isAll, options)];
  return filled.flatMap(({ spans, batch }, index) => {
    const groups = groupByExperiment(spans);
    return groups.flatMap((group, place) => {
      const endsBatch = place === groups.length - 1;
      const isFinal = isAll && endsBatch && index === filled.length - 1;
      const files = group.flatMap(({ attachments }) => attachments.map((file) => uploadRequest(file, options)));
      return [...files, { ...spanRequest(group, isFinal, options), batch: endsBatch ? batch : undefined }];
    });
  });
}

function spanRequest(
  spans: readonly PreparedSpan[],
  isFinal: boolean,
  { origin, scope, url }: Pick<LastRequestsOptions, "origin" | "scope" | "url">,
): LastRequest {
  const resource = resourceWithReport(origin.identity, origin.numbers(), spans, isFinal);
  return {
    method: "POST",
    url,
    headers: exportHeaders(spans.length > 0 ? spans[0]?.experiment : origin.experiment),
    body: requestOf(resource, scope, spans),
    isGzipped: true,
    isAttachment: false,
    ended: countEnded(spans),
  };
}

function uploadRequest(
  { traceId, attachmentId, contentType, bytes }: LiftedAttachment,
  { uploadUrl }: Pick<LastRequestsOptions, "uploadUrl">,
): LastRequest {
  return {
    method: "PUT",
    url: uploadUrl(`/api/v1/traces/${toTraceId(traceId)}/attachments/${attachmentId}`),
    headers: { "content-type": contentType },
    body: [bytes],
    isGzipped: false,
    isAttachment: true,
    ended: 0,
  };
}
