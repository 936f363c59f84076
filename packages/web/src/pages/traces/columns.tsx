/**
 * The columns of the list of traces, as a table.
 */
import type { TraceInfo } from "@sightline/wire/model/trace";
import { CircleX } from "lucide-react";
import type { ReactNode } from "react";
import { StatusIcon } from "../../components/status.tsx";
import { useNow } from "../../components/use-now.ts";
import { formatDuration, formatElapsed } from "../../format/duration.ts";
import { formatCost, formatCount, UNKNOWN } from "../../format/number.ts";
import { previewLine, scriptOf } from "../../format/preview.ts";
import { formatFullTime, formatListTime, formatRelativeTime } from "../../format/time.ts";
import { userTags } from "../../trace-view/user-tags.ts";
import styles from "./trace-table.module.css";

export interface Column {
  readonly id: string;
  readonly header: string;
  /** Class of head and cells: width and alignment. */
  readonly className: string | undefined;
  /** Sorting by this column, largest first and smallest first. */
  readonly sort?: { readonly down: "-time" | "-duration"; readonly up: "time" | "duration" };
  readonly cell: (trace: TraceInfo) => ReactNode;
}

export const columns: readonly Column[] = [
  {
    id: "status",
    header: "Status",
    className: styles.status,
    cell: (trace) => <StatusIcon status={trace.state} />,
  },
  {
    id: "time",
    header: "Time",
    className: styles.time,
    sort: { down: "-time", up: "time" },
    cell: (trace) => <ListTime time={trace.requestTime} />,
  },
  // The name is drawn by the row: it is the link.
  { id: "name", header: "Name", className: styles.name, cell: (trace) => trace.name },
  { id: "input", header: "Input", className: styles.input, cell: (trace) => <Preview text={trace.requestPreview} /> },
  { id: "output", header: "Output", className: styles.output, cell: (trace) => <Output trace={trace} /> },
  {
    id: "duration",
    header: "Duration",
    className: styles.duration,
    sort: { down: "-duration", up: "duration" },
    cell: (trace) => orUnknown(trace.state === "IN_PROGRESS" ? undefined : formatDuration(trace.durationMs)),
  },
  {
    id: "tokens",
    header: "Tokens",
    className: styles.tokens,
    cell: (trace) => orUnknown(trace.tokenUsage && formatCount(trace.tokenUsage.totalTokens)),
  },
  {
    id: "cost",
    header: "Cost",
    className: styles.cost,
    cell: (trace) => orUnknown(trace.costUsd === undefined ? undefined : formatCost(trace.costUsd)),
  },
  { id: "tags", header: "Tags", className: styles.tags, cell: (trace) => <Tags trace={trace} /> },
];

function orUnknown(text: string | undefined): ReactNode {
  return text ?? <span className={styles.unknown}>{UNKNOWN}</span>;
}

function ListTime({ time }: { readonly time: string }) {
  const date = new Date(time);
  return (
    <time dateTime={time} title={`${formatFullTime(date)}, ${formatRelativeTime(date)}`}>
      {formatListTime(date)}
    </time>
  );
}

function Preview({ text }: { readonly text: string | undefined }) {
  return text === undefined || text === "" ? (
    orUnknown(undefined)
  ) : (
    <span lang={scriptOf(text)}>{previewLine(text)}</span>
  );
}

/** The answer; of a failed trace the reason; of a running one for how long. */
function Output({ trace }: { readonly trace: TraceInfo }) {
  if (trace.state === "IN_PROGRESS") return <RunningFor since={trace.requestTime} />;
  if (trace.state === "OK") return <Preview text={trace.responsePreview} />;
  const reason = trace.errorPreview ?? trace.responsePreview ?? "Failed without a message";
  return (
    <span className={styles.error} lang={scriptOf(reason)}>
      <CircleX size={12} strokeWidth={1.75} aria-hidden />
      {previewLine(reason)}
    </span>
  );
}

function RunningFor({ since }: { readonly since: string }) {
  const now = useNow();
  return (
    <span className={styles.running}>
      Running <span>{formatElapsed(now - Date.parse(since))}</span>
    </span>
  );
}

function Tags({ trace }: { readonly trace: TraceInfo }) {
  const tags = userTags(trace.tags);
  if (tags.length === 0 && trace.sessionId === undefined) return orUnknown(undefined);
  return (
    <>
      {tags.map(([key, value]) => (
        <span key={key} className={styles.tag}>
          {key}
          <span>{value}</span>
        </span>
      ))}
      {trace.sessionId !== undefined && (
        <span className={styles.tag}>
          session<span>{trace.sessionId}</span>
        </span>
      )}
    </>
  );
}
