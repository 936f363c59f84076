/**
 * The figures of a trace in one line, and its tags.
 */
import type { TraceInfo } from "@sightline/wire/model/trace";
import { useNow } from "../../components/use-now.ts";
import { formatDuration, formatElapsed } from "../../format/duration.ts";
import { formatCost, formatCount } from "../../format/number.ts";
import { formatFullTime, formatListTime, formatRelativeTime } from "../../format/time.ts";
import { TagEditor } from "./tag-editor.tsx";
import styles from "./trace-page.module.css";

export function TraceFacts({ info }: { readonly info: TraceInfo }) {
  const time = new Date(info.requestTime);
  const usage = info.tokenUsage;
  return (
    <div className={styles.facts} data-testid="trace-facts">
      {info.state === "IN_PROGRESS" ? (
        <Running since={info.requestTime} />
      ) : (
        <strong>{formatDuration(info.durationMs)}</strong>
      )}
      {usage && (
        <span>
          <strong>{formatCount(usage.totalTokens)} tokens</strong>
          {` ${formatCount(usage.inputTokens)} in, ${formatCount(usage.outputTokens)} out`}
        </span>
      )}
      {info.costUsd !== undefined && <strong>{formatCost(info.costUsd)}</strong>}
      <time dateTime={info.requestTime} title={`${formatFullTime(time)}, ${formatRelativeTime(time)}`}>
        {formatListTime(time)}
      </time>
      {info.userId !== undefined && (
        <span>
          user <strong>{info.userId}</strong>
        </span>
      )}
      {info.sessionId !== undefined && (
        <span>
          session <strong>{info.sessionId}</strong>
        </span>
      )}
      <TagEditor info={info} />
    </div>
  );
}

function Running({ since }: { readonly since: string }) {
  const now = useNow();
  return (
    <span>
      <strong>running {formatElapsed(now - Date.parse(since))}</strong>
    </span>
  );
}
