/**
 * Fresh traces for the list: rows that are shown are renewed in place; new ones come on top, or wait until the reader asks for them.
 */
import type { LiveTraces } from "@sightline/wire/api/live";
import type { TraceInfo } from "@sightline/wire/model/trace";
import { type InfiniteData, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { useApi } from "../../data/api.tsx";
import { useLiveListener } from "../../data/live-context.tsx";
import { fetchTracePage, queryKeys } from "../../data/queries.ts";
import { filterForIds, prependTraces, type TracePage, type TraceQuery, updateTraces } from "../../data/trace-list.ts";

type TraceListData = InfiniteData<TracePage>;

/** Traces that are asked for at once: one page. What comes faster is told by number. */
const MAX_IDS = 200;
/** Between two reads of the counts, and before the first: counting costs the server more than the rows do. */
const COUNTS_EVERY_MS = 3000;
const COUNTS_AFTER_MS = 200;

interface Waiting {
  readonly traces: readonly TraceInfo[];
  /** More came than could be read: showing them means reading the list anew. */
  readonly overflow: boolean;
}
const NOTHING: Waiting = { traces: [], overflow: false };

/**
 * @param ready   the list is loaded and its filter was accepted
 * @param insert  new rows may come on top at once: the reader looks at the newest ones and live arrival is on
 */
export function useLiveRows(
  query: TraceQuery,
  { ready, insert }: { readonly ready: boolean; readonly insert: boolean },
) {
  const api = useApi();
  const client = useQueryClient();
  const [waiting, setWaiting] = useState<Waiting>(NOTHING);
  const arrived = useRef(new Set<string>());
  const isBusy = useRef(false);
  const countedAt = useRef(0);
  const countsTimer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const key = queryKeys.traceList(query);
  const keyText = JSON.stringify(key);
  const latest = useRef({ query, key, keyText, ready, insert });
  useEffect(() => {
    latest.current = { query, key, keyText, ready, insert };
  });

  // Another list: what waited was for the last one.
  const [shownKey, setShownKey] = useState(keyText);
  if (shownKey !== keyText) {
    setShownKey(keyText);
    setWaiting(NOTHING);
  }

  const update = useCallback(
    (listKey: readonly unknown[], change: (pages: readonly TracePage[]) => readonly TracePage[]) => {
      client.setQueryData<TraceListData>(listKey, (list) => {
        if (!list) return list;
        const pages = change(list.pages);
        return pages === list.pages ? list : { ...list, pages: [...pages] };
      });
    },
    [client],
  );

  const take = useCallback(
    (fresh: readonly TraceInfo[]) => {
      const now = latest.current;
      if (now.insert) {
        update(now.key, (pages) => prependTraces(pages, fresh));
        return;
      }
      const held = heldIds(client.getQueryData<TraceListData>(now.key));
      update(now.key, (pages) => updateTraces(pages, fresh));
      setWaiting((before) => {
        const freshIds = new Set(fresh.map((trace) => trace.traceId));
        const older = before.traces.filter((trace) => !freshIds.has(trace.traceId));
        return { ...before, traces: [...fresh.filter((trace) => !held.has(trace.traceId)), ...older] };
      });
    },
    [client, update],
  );

  /** Reads what the stream announced, one request at a time. */
  const read = useCallback(async () => {
    if (isBusy.current) return;
    isBusy.current = true;
    try {
      while (arrived.current.size > 0 && latest.current.ready) {
        const asked = latest.current;
        const ids = [...arrived.current].slice(0, MAX_IDS);
        for (const id of ids) arrived.current.delete(id);
        const fresh = await fetchByIds(api, asked.query, ids);
        const held = heldIds(client.getQueryData<TraceListData>(asked.key));
        const matching = new Set(fresh.map((trace) => trace.traceId));
        // Rows that stopped matching, e.g. `status = 'IN_PROGRESS'`, stay where they are and show what became of them.
        const changed = ids.filter((id) => held.has(id) && !matching.has(id));
        const left = changed.length > 0 ? await fetchByIds(api, { ...asked.query, filter: "" }, changed) : [];
        if (latest.current.keyText !== asked.keyText) continue;
        update(asked.key, (pages) => updateTraces(pages, left));
        take(fresh);
      }
    } catch (error) {
      // The offline bar tells; after the gap the list catches up.
      console.warn("Sightline: new traces could not be read.", error);
    } finally {
      isBusy.current = false;
    }
  }, [api, client, take, update]);

  const refreshCounts = useCallback(() => {
    const dueMs = Math.max(countedAt.current + COUNTS_EVERY_MS - Date.now(), COUNTS_AFTER_MS);
    countsTimer.current ??= setTimeout(() => {
      countsTimer.current = undefined;
      countedAt.current = Date.now();
      void client.invalidateQueries({ queryKey: queryKeys.traceCounts(latest.current.query.experimentId) });
    }, dueMs);
  }, [client]);
  useEffect(
    () => () => {
      clearTimeout(countsTimer.current);
      countsTimer.current = undefined;
    },
    [],
  );

  /** Events were lost, or too many came: the newest page of the list says what there is. */
  const catchUp = useCallback(async () => {
    const asked = latest.current;
    if (!asked.ready) return;
    try {
      const page = await fetchTracePage(api, asked.query);
      if (latest.current.keyText !== asked.keyText) return;
      const held = heldIds(client.getQueryData<TraceListData>(asked.key));
      const overlaps = held.size === 0 || page.traces.some((trace) => held.has(trace.traceId));
      // Without an overlap rows in between are missing: only reading anew gives a list without a hole.
      if (!overlaps && latest.current.insert) await client.resetQueries({ queryKey: asked.key });
      else if (!overlaps) setWaiting({ traces: page.traces, overflow: true });
      else take(page.traces);
    } catch (error) {
      console.warn("Sightline: the list could not be brought up to date.", error);
    }
    refreshCounts();
  }, [api, client, refreshCounts, take]);

  useLiveListener({
    onTraces: (event: LiveTraces) => {
      refreshCounts();
      if (event.more !== undefined && event.more > 0) {
        void catchUp();
        return;
      }
      for (const trace of event.traces) arrived.current.add(trace.traceId);
      void read();
    },
    onGap: () => void catchUp(),
  });

  // What arrived while the list was loading.
  useEffect(() => {
    if (ready) void read();
  }, [ready, read]);

  const showWaiting = useCallback(() => {
    if (waiting.overflow || latest.current.query.sort !== "-time")
      void client.resetQueries({ queryKey: latest.current.key });
    else update(latest.current.key, (pages) => prependTraces(pages, waiting.traces));
    setWaiting(NOTHING);
  }, [client, update, waiting]);

  // The reader came back to the top: nothing has to wait any more.
  useEffect(() => {
    if (insert && (waiting.traces.length > 0 || waiting.overflow)) showWaiting();
  }, [insert, waiting, showWaiting]);

  return { waiting: waiting.traces.length, hasMore: waiting.overflow, showWaiting };
}

function heldIds(list: TraceListData | undefined): Set<string> {
  return new Set(list?.pages.flatMap((page) => page.traces.map((trace) => trace.traceId)));
}

async function fetchByIds(
  api: Parameters<typeof fetchTracePage>[0],
  query: TraceQuery,
  ids: readonly string[],
): Promise<readonly TraceInfo[]> {
  const page = await fetchTracePage(
    api,
    { ...query, filter: filterForIds(query.filter, ids) },
    { maxResults: ids.length },
  );
  return page.traces;
}
