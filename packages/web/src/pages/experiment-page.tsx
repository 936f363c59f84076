/**
 * What all pages of an experiment share: finding it by the id or name in the address.
 */
import { Link } from "@tanstack/react-router";
import { SearchX } from "lucide-react";
import type { ReactNode } from "react";
import { buttonClass } from "../components/button.tsx";
import { ErrorPanel } from "../components/error-panel.tsx";
import { useExperiments } from "../data/queries.ts";
import { findExperiment, type ListedExperiment } from "../shell/experiments.ts";
import { PageHeader } from "../shell/page-header.tsx";
import styles from "./message-page.module.css";

export function ExperimentPage(props: {
  readonly exp: string;
  readonly children: (experiment: ListedExperiment) => ReactNode;
}) {
  const experiments = useExperiments();
  const experiment = experiments.data && findExperiment(experiments.data, props.exp);
  if (experiment) return props.children(experiment);
  if (experiments.isError) {
    return (
      <ErrorPanel
        title="The experiments could not be loaded"
        error={experiments.error}
        onRetry={() => void experiments.refetch()}
      />
    );
  }
  if (!experiments.data) return null;
  return (
    <MessagePage title="Experiment not found">
      <p>
        No experiment has the id or name <code>{props.exp}</code>. An experiment comes to be with its first trace.
      </p>
    </MessagePage>
  );
}

/** A page that only says something, and the way home. */
export function MessagePage(props: { readonly title: string; readonly children: ReactNode }) {
  return (
    <>
      <PageHeader title={props.title} />
      <div className={styles.message}>
        <SearchX size={20} strokeWidth={1.5} aria-hidden />
        {props.children}
        <Link to="/" className={buttonClass("outlined")}>
          All experiments
        </Link>
      </div>
    </>
  );
}
