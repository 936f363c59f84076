/**
 * Why a trace failed, before any click; the way to its other failures.
 */
import type { TraceInfo } from "@sightline/wire/model/trace";
import { ChevronRight, CircleX } from "lucide-react";
import { Button } from "../../components/button.tsx";
import { useSpan } from "../../data/queries.ts";
import { displayText } from "../../format/display-text.ts";
import { formatCount } from "../../format/number.ts";
import { shownKey } from "../../keys/key-map.ts";
import { readSpanError, splitErrorText } from "../../trace-view/span-error.ts";
import { deepestFailure, type SpanTree } from "../../trace-view/tree.ts";
import styles from "./trace-page.module.css";

export function ErrorBand(props: {
  readonly traceId: string;
  readonly info: TraceInfo;
  readonly tree: SpanTree;
  readonly failed: readonly number[];
  readonly selected: number;
  readonly onSelect: (span: number) => void;
  readonly onNext: () => void;
}) {
  const { info, tree, failed, selected } = props;
  const deepest = deepestFailure(tree) ?? failed[0] ?? 0;
  const shown = failed.includes(selected) ? selected : deepest;
  // The type of an error is in the payload; until that is there the skeleton has the message, and the trace its deepest failure.
  const payload = useSpan(props.traceId, tree.spans.spanId[shown] ?? "").data;
  const text = (shown === deepest ? info.errorPreview : undefined) ?? tree.spans.statusMessage[shown];
  const error = (payload && readSpanError(payload)) ?? splitErrorText(text || "Failed without a message");
  return (
    <div className={styles.error} role="status" aria-label="Error" data-testid="error-band">
      <CircleX size={16} strokeWidth={1.75} aria-hidden />
      <p className={styles.errorText}>
        {error.type !== undefined && <strong>{error.type}: </strong>}
        {displayText(error.message)}{" "}
        <span className={styles.errorPlace}>in {displayText(tree.spans.name[shown] ?? "")}</span>
      </p>
      {failed.length > 1 && (
        <span className={styles.errorCount}>
          {failed.indexOf(shown) + 1} of {formatCount(failed.length)}
        </span>
      )}
      {failed.length > 1 ? (
        <Button title={shownKey("next error")} onClick={props.onNext}>
          Next error
          <ChevronRight size={14} strokeWidth={1.5} aria-hidden />
        </Button>
      ) : (
        selected !== deepest && <Button onClick={() => props.onSelect(deepest)}>Show</Button>
      )}
    </div>
  );
}
