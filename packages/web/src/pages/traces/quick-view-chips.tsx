/**
 * All, Errors, Slow: terms of the filter, one click away.
 */
import { classNames } from "../../components/class-names.ts";
import { ERRORS_TERM, type QuickView, readQuickViews, withTerm } from "../../filter-bar/quick-views.ts";
import { formatTotal } from "../../format/number.ts";
import styles from "./traces-page.module.css";

export function QuickViewChips(props: {
  readonly filter: string;
  readonly onRun: (filter: string) => void;
  /** Of the filter without quick views. */
  readonly counts: { readonly total: number; readonly errors: number } | undefined;
  /** What "Slow" means here, e.g. `duration > 5.2s`; undefined = not known. */
  readonly slow: string | undefined;
}) {
  const { active, rest } = readQuickViews(props.filter);
  const choose = (view: QuickView, term: string) =>
    props.onRun(active[view] === undefined ? withTerm(rest, term) : rest);
  const slow = active.slow ?? props.slow;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms; these buttons act at once
    <div className={styles.chips} role="group" aria-label="Quick views">
      <Chip
        label="All"
        count={props.counts?.total}
        isActive={Object.keys(active).length === 0}
        onClick={() => props.onRun(rest)}
      />
      <Chip
        label="Errors"
        count={props.counts?.errors}
        isActive={active.errors !== undefined}
        isError={(props.counts?.errors ?? 0) > 0}
        onClick={() => choose("errors", ERRORS_TERM)}
      />
      {slow !== undefined && (
        <Chip
          label="Slow"
          note={slow.replace(/^\S+\s*/, "").replace(/(\d)([a-z]+)$/, "$1 $2")}
          isActive={active.slow !== undefined}
          onClick={() => choose("slow", slow)}
        />
      )}
    </div>
  );
}

function Chip(props: {
  readonly label: string;
  readonly count?: number | undefined;
  readonly note?: string;
  readonly isActive: boolean;
  readonly isError?: boolean;
  readonly onClick: () => void;
}) {
  return (
    <button type="button" className={styles.chip} aria-pressed={props.isActive} onClick={props.onClick}>
      {props.label}
      {props.count !== undefined && (
        <span className={classNames(styles.chipCount, props.isError && styles.chipError)}>
          {formatTotal(props.count)}
        </span>
      )}
      {props.note !== undefined && <span className={styles.chipCount}>{props.note}</span>}
    </button>
  );
}
