/**
 * The start: straight to the traces of the only experiment, else the list of experiments.
 */
import { Link, Navigate, useRouterState } from "@tanstack/react-router";
import { ErrorPanel } from "../../components/error-panel.tsx";
import { GridCell, GridHead, GridRow } from "../../components/grid-parts.tsx";
import { Loading, SkeletonBar } from "../../components/loading.tsx";
import { useTitle } from "../../components/use-title.ts";
import { useExperiments } from "../../data/queries.ts";
import { formatTotal, UNKNOWN } from "../../format/number.ts";
import { formatFullTime, formatRelativeTime } from "../../format/time.ts";
import { experimentInUrl, type ListedExperiment, shownExperiments } from "../../shell/experiments.ts";
import { PageHeader } from "../../shell/page-header.tsx";
import styles from "./home-page.module.css";

export function HomePage() {
  const experiments = useExperiments();
  // Whoever has followed a link whose page is still being loaded must not be sent elsewhere.
  const isLeaving = useRouterState({ select: ({ location }) => location.pathname !== "/" });
  useTitle("Experiments");
  if (experiments.isError) {
    return (
      <ErrorPanel
        title="The experiments could not be loaded"
        error={experiments.error}
        onRetry={() => void experiments.refetch()}
      />
    );
  }
  if (!experiments.data || isLeaving) return <HomeSkeleton />;
  const shown = shownExperiments(experiments.data);
  const [only] = shown;
  if (only && shown.length === 1) {
    return <Navigate to="/e/$exp/traces" params={{ exp: experimentInUrl(only) }} search={{}} replace />;
  }
  return (
    <>
      <PageHeader title="Experiments" />
      {/* biome-ignore lint/a11y/useSemanticElements: rows are links as a whole, which a table row cannot be */}
      <div role="table" aria-label="Experiments" className={styles.table}>
        <GridRow className={styles.head}>
          <GridHead>Name</GridHead>
          <GridHead className={styles.number}>Traces</GridHead>
          <GridHead className={styles.time}>Last trace</GridHead>
        </GridRow>
        {shown.map((experiment) => (
          <ExperimentRow key={experiment.experimentId} experiment={experiment} />
        ))}
      </div>
    </>
  );
}

function ExperimentRow({ experiment }: { readonly experiment: ListedExperiment }) {
  const last = experiment.lastTraceTime === undefined ? undefined : new Date(experiment.lastTraceTime);
  return (
    <GridRow className={styles.row} data-testid="experiment-row">
      <GridCell role="cell" className={styles.name}>
        <Link to="/e/$exp/traces" params={{ exp: experimentInUrl(experiment) }} search={{}}>
          {experiment.name}
        </Link>
      </GridCell>
      <GridCell role="cell" className={styles.number}>
        {formatTotal(experiment.traces)}
      </GridCell>
      <GridCell role="cell" className={styles.time} title={last && formatFullTime(last)}>
        {last ? formatRelativeTime(last) : UNKNOWN}
      </GridCell>
    </GridRow>
  );
}

function HomeSkeleton() {
  return (
    <>
      <PageHeader title="Experiments" />
      <Loading label="Loading experiments">
        <div className={styles.head} />
        {["40%", "55%", "35%"].map((width) => (
          <div key={width} className={styles.row}>
            <SkeletonBar width={width} />
          </div>
        ))}
      </Loading>
    </>
  );
}
