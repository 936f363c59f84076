/**
 * One live stream for everything below: of an experiment, or of all.
 */
import { createContext, type ReactNode, use, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { type LiveListener, type LiveStatus, LiveStream } from "./live.ts";

const LiveContext = createContext<LiveStream | undefined>(undefined);

/** @param experimentId  absent = traces of all experiments */
export function LiveProvider(props: { readonly experimentId?: string | undefined; readonly children: ReactNode }) {
  const stream = useMemo(() => new LiveStream(props.experimentId), [props.experimentId]);
  useEffect(() => stream.start(), [stream]);
  return <LiveContext value={stream}>{props.children}</LiveContext>;
}

function useStream(): LiveStream {
  const stream = use(LiveContext);
  if (!stream) throw new Error("Live hooks need a LiveProvider above them.");
  return stream;
}

/** Listens as long as the component is there; the listener of the last render is the one that is called. */
export function useLiveListener(listener: LiveListener): void {
  const stream = useStream();
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  useEffect(
    () =>
      stream.listen({
        onTraces: (event) => latest.current.onTraces?.(event),
        onGap: () => latest.current.onGap?.(),
      }),
    [stream],
  );
}

/** Whether the server can be reached. */
export function useLiveStatus(): LiveStatus {
  const stream = useStream();
  return useSyncExternalStore(stream.subscribeStatus, stream.getStatus);
}
