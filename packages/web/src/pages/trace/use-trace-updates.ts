/**
 * Keeps an open trace fresh: reads it again when the live stream says that it changed.
 */
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";
import { useLiveListener } from "../../data/live-context.tsx";
import { queryKeys } from "../../data/queries.ts";

/** A running agent commits spans all the time; a reader needs no more than this. */
const EVERY_MS = 1000;

export function useTraceUpdates(traceId: string): void {
  const client = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const refresh = useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      void client.invalidateQueries({ queryKey: queryKeys.skeleton(traceId) });
      void client.invalidateQueries({ queryKey: queryKeys.spans(traceId) });
    }, EVERY_MS);
  }, [client, traceId]);
  // A refresh that is planned when another trace is opened is for the one before.
  // biome-ignore lint/correctness/useExhaustiveDependencies: traceId is what ends it
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [traceId],
  );
  useLiveListener({
    onTraces: (event) => {
      if (event.traces.some((trace) => trace.traceId === traceId) || (event.more ?? 0) > 0) refresh();
    },
  });
}
