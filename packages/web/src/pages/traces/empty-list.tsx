/**
 * A list without a row: why, and what would give some.
 */
import { X } from "lucide-react";
import { Button } from "../../components/button.tsx";
import { useTraceCount } from "../../data/queries.ts";
import type { TraceQuery } from "../../data/trace-list.ts";
import { splitTerms } from "../../filter-bar/quick-views.ts";
import { formatTotal } from "../../format/number.ts";
import { rangeLabel } from "../../time-range/time-range.ts";
import styles from "./traces-page.module.css";

/** Terms whose removal is offered; each costs a count. */
const MAX_OFFERS = 4;

export function EmptyList(props: {
  readonly query: TraceQuery;
  readonly onRun: (filter: string) => void;
  readonly onWiden: () => void;
}) {
  const { query } = props;
  const isRanged = query.range.from !== undefined || query.range.to !== undefined;
  const everywhere = useTraceCount({ ...query, range: {} }, { enabled: isRanged });
  const terms = splitTerms(query.filter);
  const isFiltered = terms.length > 0;
  return (
    <div className={styles.empty} data-testid="empty-list">
      <h2>{isFiltered ? "No trace matches" : "No trace in this time range"}</h2>
      <p>
        {isFiltered && (
          <>
            <code>{query.filter}</code>
            {isRanged && <br />}
          </>
        )}
        {isRanged && rangeLabel(query.range)}
      </p>
      <div className={styles.emptyActions}>
        {terms.slice(0, MAX_OFFERS).map((term, index) => (
          <WithoutTerm
            key={term}
            query={query}
            term={term}
            rest={terms.filter((_, other) => other !== index).join(" AND ")}
            onRun={props.onRun}
          />
        ))}
        {isRanged && (everywhere.data?.total ?? 0) > 0 && (
          <Button look="outlined" onClick={props.onWiden}>
            All time: {formatTotal(everywhere.data?.total ?? 0)}
          </Button>
        )}
      </div>
    </div>
  );
}

/** Offers the filter without one term, if that gives results. */
function WithoutTerm(props: {
  readonly query: TraceQuery;
  readonly term: string;
  readonly rest: string;
  readonly onRun: (filter: string) => void;
}) {
  const { data } = useTraceCount({ ...props.query, filter: props.rest });
  if (!data || data.total === 0) return null;
  return (
    <Button look="outlined" icon={X} onClick={() => props.onRun(props.rest)}>
      <span>
        without <code>{props.term}</code>: {formatTotal(data.total)}
      </span>
    </Button>
  );
}
