/**
 * One trace: what it is, why it failed, its spans in time, and the selected one in detail.
 */
import type { TraceSkeleton } from "@sightline/wire/model/trace";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import { useCallback, useMemo } from "react";
import { buttonClass } from "../../components/button.tsx";
import { ErrorPanel } from "../../components/error-panel.tsx";
import { Loading, SkeletonBar } from "../../components/loading.tsx";
import { StatusIcon } from "../../components/status.tsx";
import { Tooltip } from "../../components/tooltip.tsx";
import { useTitle } from "../../components/use-title.ts";
import { hasCode } from "../../data/errors.ts";
import { useSkeleton } from "../../data/queries.ts";
import type { TraceQuery } from "../../data/trace-list.ts";
import { displayText } from "../../format/display-text.ts";
import { shownKey } from "../../keys/key-map.ts";
import { useKeys } from "../../keys/use-keys.ts";
import type { RawSearch } from "../../search-params.ts";
import { PageHeader } from "../../shell/page-header.tsx";
import { listSearch, readTracesSearch } from "../traces/search.ts";
import { readTraceSearch } from "./search.ts";
import { TraceNotFound } from "./short-link-page.tsx";
import { TraceActions } from "./trace-actions.tsx";
import { TraceBody } from "./trace-body.tsx";
import styles from "./trace-page.module.css";
import { useNeighbours } from "./use-neighbours.ts";
import { useTraceUpdates } from "./use-trace-updates.ts";

const route = getRouteApi("/e/$exp/traces/$traceId");

export function TracePage() {
  const { exp, traceId } = route.useParams();
  const raw = route.useSearch();
  const navigate = useNavigate();
  const skeleton = useSkeleton(traceId);
  const { data } = skeleton;
  useTitle(data?.info.name);
  useTraceUpdates(traceId);
  const search = useMemo(() => readTraceSearch(raw).values, [raw]);

  const list = useMemo(() => readTracesSearch(raw).values, [raw]);
  const experimentId = data?.info.experimentId;
  const query = useMemo<TraceQuery>(
    () => ({
      experimentId: experimentId ?? "",
      filter: list.q,
      range: { from: list.from, to: list.to },
      sort: list.sort,
    }),
    [experimentId, list.q, list.from, list.to, list.sort],
  );
  const neighbours = useNeighbours(query, traceId, experimentId !== undefined);

  const backSearch = useMemo(() => listSearch(raw), [raw]);
  const goTo = (id: string | undefined) => {
    if (id === undefined) return;
    // In place of this trace: Back leads to the list, however many were read.
    void navigate({ to: "/e/$exp/traces/$traceId", params: { exp, traceId: id }, search: backSearch, replace: true });
  };
  const goBack = () => void navigate({ to: "/e/$exp/traces", params: { exp }, search: backSearch });
  useKeys({
    "next trace": () => goTo(neighbours.next),
    "previous trace": () => goTo(neighbours.previous),
    "back to list": goBack,
  });

  const setSearch = useCallback(
    (change: RawSearch) =>
      void navigate({
        to: "/e/$exp/traces/$traceId",
        params: { exp, traceId },
        search: (before: RawSearch) => ({ ...before, ...change }),
        // Reading through spans is one step of the history, not fifty.
        replace: true,
      }),
    [exp, navigate, traceId],
  );

  if (hasCode(skeleton.error, "TRACE_NOT_FOUND")) return <TraceNotFound traceId={traceId} />;
  return (
    <>
      <PageHeader
        lead={
          <span className={styles.back}>
            <Tooltip text="Back to the list" shortcut={shownKey("back to list")}>
              <Link
                to="/e/$exp/traces"
                params={{ exp }}
                search={backSearch}
                className={buttonClass()}
                aria-label="Back to the list"
              >
                <ArrowLeft size={16} strokeWidth={1.5} aria-hidden />
              </Link>
            </Tooltip>
          </span>
        }
        title={<TraceTitle data={data} traceId={traceId} />}
      >
        <TraceActions traceId={traceId} exp={exp} neighbours={neighbours} onGoTo={goTo} onDeleted={goBack} />
      </PageHeader>
      {skeleton.isError && !data ? (
        <ErrorPanel
          title="The trace could not be loaded"
          error={skeleton.error}
          onRetry={() => void skeleton.refetch()}
        />
      ) : data ? (
        <TraceBody
          key={traceId}
          form="page"
          skeleton={data}
          spanId={search.span}
          tab={search.tab}
          onChange={setSearch}
          pageLink={() => window.location.href}
        />
      ) : (
        <TraceSkeletonRows />
      )}
    </>
  );
}

function TraceTitle({ data, traceId }: { readonly data: TraceSkeleton | undefined; readonly traceId: string }) {
  return (
    <span className={styles.title}>
      {data && <StatusIcon status={data.info.state} size={16} />}
      <span>{data ? displayText(data.info.name) : traceId}</span>
    </span>
  );
}

function TraceSkeletonRows() {
  return (
    <Loading label="Loading the trace">
      <div className={styles.facts} />
      {["30%", "44%", "38%", "52%", "40%", "34%"].map((width, index) => (
        <div key={width} className={styles.skeletonRow} style={{ paddingLeft: 24 + index * 14 }}>
          <SkeletonBar width={width} />
        </div>
      ))}
    </Loading>
  );
}
