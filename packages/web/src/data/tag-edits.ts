/**
 * Edits of a trace's tags: shown at once, taken back when the server refuses.
 */
import type { TraceInfo, TraceSkeleton } from "@sightline/wire/model/trace";
import { type InfiniteData, useMutation, useQueryClient } from "@tanstack/react-query";
import { useApi } from "./api.tsx";
import { queryKeys } from "./queries.ts";
import { type TracePage, updateTraces } from "./trace-list.ts";

/** Sets a tag (`value`), renames it (`previousKey` of another name) or removes it (no `value`). */
export interface TagEdit {
  readonly key: string;
  readonly value?: string;
  readonly previousKey?: string;
}

/** The tags after an edit. */
export function applyTagEdit(tags: TraceInfo["tags"], edit: TagEdit): TraceInfo["tags"] {
  const dropped = new Set([edit.previousKey, edit.value === undefined ? edit.key : undefined]);
  if (edit.value !== undefined) dropped.delete(edit.key);
  const kept = Object.entries(tags).filter(([key]) => !dropped.has(key));
  return Object.fromEntries(
    edit.value === undefined ? kept : [...kept.filter(([key]) => key !== edit.key), [edit.key, edit.value]],
  );
}

/** Edits tags of one trace. `mutate(edit)` shows the result at once; `error` says why the last edit was taken back. */
export function useTagEdits(trace: Pick<TraceInfo, "traceId" | "experimentId">) {
  const api = useApi();
  const client = useQueryClient();
  const key = queryKeys.skeleton(trace.traceId);

  const show = (tags: TraceInfo["tags"]) => {
    let info: TraceInfo | undefined;
    client.setQueryData<TraceSkeleton>(key, (skeleton) => {
      info = skeleton && { ...skeleton.info, tags };
      return skeleton && info && { ...skeleton, info };
    });
    if (!info) return;
    const shown = info;
    client.setQueriesData<InfiniteData<TracePage>>(
      { queryKey: queryKeys.traceLists(trace.experimentId) },
      (list) => list && { ...list, pages: [...updateTraces(list.pages, [shown])] },
    );
  };

  return useMutation({
    mutationFn: async (edit: TagEdit) => {
      const { traceId } = trace;
      if (edit.value !== undefined) {
        await api.setTraceTag({ params: { traceId, key: edit.key }, body: { value: edit.value } });
      }
      const removed = edit.value === undefined ? edit.key : edit.previousKey;
      if (removed !== undefined && (edit.value === undefined || removed !== edit.key)) {
        await api.deleteTraceTag({ params: { traceId, key: removed } });
      }
    },
    onMutate: async (edit) => {
      // An answer under way holds the old tags and would undo what is shown.
      await client.cancelQueries({ queryKey: key });
      const before = client.getQueryData<TraceSkeleton>(key)?.info.tags;
      if (before) show(applyTagEdit(before, edit));
      return { before };
    },
    onError: (_error, _edit, context) => {
      if (context?.before) show(context.before);
    },
    // Two edits in a row: only the last one asks for the truth, or the first answer would flicker over the second edit.
    onSettled: () => {
      if (client.isMutating({ mutationKey: ["tags", trace.traceId] }) <= 1)
        return client.invalidateQueries({ queryKey: key });
      return undefined;
    },
    mutationKey: ["tags", trace.traceId],
    // One after the other, so that the order of edits is the order they arrive in.
    scope: { id: `tags ${trace.traceId}` },
  });
}
