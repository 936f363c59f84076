/**
 * Says that spans of this experiment's processes never came, and leads to those processes; nothing while all came.
 */
import { Link } from "@tanstack/react-router";
import { TriangleAlert } from "lucide-react";
import { useLostSpans } from "../../data/queries.ts";
import { formatCount } from "../../format/number.ts";
import { experimentInUrl, type ListedExperiment } from "../../shell/experiments.ts";
import { rangeLabel, type TimeRange } from "../../time-range/time-range.ts";
import styles from "./traces-page.module.css";

export function LostSpansNotice(props: {
  readonly experiment: ListedExperiment;
  readonly range: TimeRange;
  /** Whether the list has anything. */
  readonly enabled: boolean;
}) {
  const { experiment, range, enabled } = props;
  // A failure shows on the page of the processes; here it would only stand in the way.
  const { data } = useLostSpans(experiment.experimentId, range, { enabled });
  if (!data || data.spansLost === 0) return null;
  const { spansLost } = data;
  return (
    <p className={styles.notice} role="status" data-testid="lost-spans">
      <TriangleAlert size={14} strokeWidth={1.5} aria-hidden />
      <span>
        {formatCount(spansLost)} {spansLost === 1 ? "span" : "spans"} of processes that send here never came
        {range.from === undefined ? " (last 24 hours)" : ` (${lowerFirst(rangeLabel({ from: range.from }))})`}.{" "}
        <Link
          to="/settings/sdk-processes"
          search={{ experiment: experimentInUrl(experiment), problems: "1" }}
          className={styles.noticeLink}
        >
          Show the processes
        </Link>
      </span>
    </p>
  );
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
