/**
 * A trace beside the list: to look at one after the other without leaving it.
 */
import { Link } from "@tanstack/react-router";
import { Maximize2, X } from "lucide-react";
import { buttonClass, IconButton } from "../../components/button.tsx";
import { ErrorPanel } from "../../components/error-panel.tsx";
import { Loading, SkeletonBar } from "../../components/loading.tsx";
import { StatusIcon } from "../../components/status.tsx";
import { Tooltip } from "../../components/tooltip.tsx";
import { useSkeleton } from "../../data/queries.ts";
import { displayText } from "../../format/display-text.ts";
import { shownKey } from "../../keys/key-map.ts";
import type { RawSearch } from "../../search-params.ts";
import type { DetailTab } from "../../trace-view/span-detail/detail-tabs.ts";
import styles from "./peek-pane.module.css";
import { TraceBody, type TraceBodyProps } from "./trace-body.tsx";
import { useTraceUpdates } from "./use-trace-updates.ts";

export function PeekPane(props: {
  readonly exp: string;
  readonly traceId: string;
  readonly spanId: string | undefined;
  readonly tab: DetailTab;
  /** Parameters of the list, for the link to the page. */
  readonly linkSearch: RawSearch;
  readonly onChange: TraceBodyProps["onChange"];
  readonly onClose: () => void;
}) {
  const { exp, traceId, linkSearch } = props;
  const skeleton = useSkeleton(traceId);
  useTraceUpdates(traceId);
  const { data } = skeleton;
  return (
    <aside className={styles.pane} aria-label="Peek" data-testid="peek">
      <div className={styles.head}>
        {data && <StatusIcon status={data.info.state} size={16} />}
        <h2>{data ? displayText(data.info.name) : traceId}</h2>
        <Tooltip text="Open the page" shortcut={shownKey("open row")}>
          <Link
            to="/e/$exp/traces/$traceId"
            params={{ exp, traceId }}
            search={linkSearch}
            className={buttonClass()}
            aria-label="Open the page"
          >
            <Maximize2 size={14} strokeWidth={1.5} aria-hidden />
          </Link>
        </Tooltip>
        <IconButton icon={X} label="Close" shortcut={shownKey("close peek")} onClick={props.onClose} />
      </div>
      {data ? (
        <TraceBody
          key={traceId}
          form="peek"
          skeleton={data}
          spanId={props.spanId}
          tab={props.tab}
          onChange={props.onChange}
          pageLink={() => `${window.location.origin}/t/${traceId}`}
        />
      ) : skeleton.isError ? (
        <ErrorPanel
          title="The trace could not be loaded"
          error={skeleton.error}
          onRetry={() => void skeleton.refetch()}
        />
      ) : (
        <Loading label="Loading the trace">
          <div className={styles.loading}>
            {["60%", "80%", "45%"].map((width) => (
              <SkeletonBar key={width} width={width} />
            ))}
          </div>
        </Loading>
      )}
    </aside>
  );
}
