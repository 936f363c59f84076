/**
 * `/t/:traceId`: the permanent link of a trace; finds its experiment and goes there.
 */
import { Navigate, useSearch } from "@tanstack/react-router";
import { ErrorPanel } from "../../components/error-panel.tsx";
import { hasCode } from "../../data/errors.ts";
import { useExperiments, useSkeleton } from "../../data/queries.ts";
import { experimentInUrl } from "../../shell/experiments.ts";
import { MessagePage } from "../experiment-page.tsx";

export function ShortLinkPage({ traceId }: { readonly traceId: string }) {
  const search = useSearch({ strict: false });
  const skeleton = useSkeleton(traceId);
  const experiments = useExperiments();
  if (hasCode(skeleton.error, "TRACE_NOT_FOUND")) return <TraceNotFound traceId={traceId} />;
  const failed = [skeleton, experiments].find((query) => query.isError);
  if (failed) {
    return (
      <ErrorPanel title="The trace could not be found" error={failed.error} onRetry={() => void failed.refetch()} />
    );
  }
  if (!skeleton.data || !experiments.data) return null;
  const { experimentId } = skeleton.data.info;
  const experiment = experiments.data.find((candidate) => candidate.experimentId === experimentId);
  const exp = experiment ? experimentInUrl(experiment) : experimentId;
  return <Navigate to="/e/$exp/traces/$traceId" params={{ exp, traceId }} search={search} replace />;
}

export function TraceNotFound({ traceId }: { readonly traceId: string }) {
  return (
    <MessagePage title="Trace not found">
      <p>
        No trace has the id <code>{traceId}</code>. It may have been deleted, or its first span has not arrived yet.
      </p>
    </MessagePage>
  );
}
