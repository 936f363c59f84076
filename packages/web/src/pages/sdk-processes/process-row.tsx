/**
 * One SDK process as a row: who it is, whether it runs, how many of its spans came, and what is wrong if something is.
 */
import type { SdkProcess } from "@sightline/wire/model/sdk-process";
import { Link } from "@tanstack/react-router";
import { Activity, CircleCheck, CircleHelp, type LucideIcon, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { classNames } from "../../components/class-names.ts";
import { GridCell, GridRow } from "../../components/grid-parts.tsx";
import { formatDuration } from "../../format/duration.ts";
import { formatCount, UNKNOWN } from "../../format/number.ts";
import { formatFullTime, formatRelativeTime } from "../../format/time.ts";
import type { RawSearch } from "../../search-params.ts";
import styles from "./sdk-processes-page.module.css";

const STATES = {
  running: { icon: Activity, word: "Running", hint: "It sent something within the last five minutes." },
  ended: { icon: CircleCheck, word: "Ended", hint: "It said goodbye." },
  silent: {
    icon: CircleHelp,
    word: "Silent",
    hint: "Nothing came of it for five minutes, and it did not say goodbye: it is idle, or it was killed.",
  },
} as const satisfies Record<SdkProcess["state"], { icon: LucideIcon; word: string; hint: string }>;

const MODES = { full: "Full", previews: "Previews", sampling: "Sampling" } as const;
const MODE_HINTS = {
  full: "It keeps everything.",
  previews: "Tracing took more time than its budget: inputs and outputs are cut to previews.",
  sampling: "Tracing took more time than its budget: only some traces are kept.",
} as const;

/** Columns behind the name and the state; the row of heads and every row go by it. */
export const NUMBERS = [
  { key: "ended", head: "Ended", hint: "Spans that ended in the process" },
  { key: "received", head: "Received", hint: "How many of them came" },
  { key: "missing", head: "Missing", hint: "Never came; what may still come does not count" },
  { key: "dropped", head: "Dropped", hint: "What the process itself says it dropped" },
  { key: "cut", head: "Cut", hint: "Payloads that were larger than the limit" },
] as const;

export function ProcessRow({ process, now }: { readonly process: SdkProcess; readonly now: Date }) {
  const { missing, dropped, mode } = process;
  const lost = missing.dropped + missing.unexplained;
  const droppedInAll = dropped.queueFull + dropped.refused + dropped.unsentAtExit + dropped.broken;
  const values = {
    ended: process.spansEnded,
    received: process.spansReceived,
    missing: lost,
    dropped: droppedInAll,
    cut: process.truncations,
  };
  const lastSeen = new Date(process.lastSeenTime);
  return (
    <GridRow className={styles.row} data-testid="process-row" data-problem={process.hasProblem}>
      <GridCell role="cell" className={styles.name}>
        <ServiceName process={process} />
        <span className={styles.facts} title={`Instance ${process.instanceId}`}>
          {factsOf(process)}
        </span>
      </GridCell>
      <GridCell role="cell" className={styles.state}>
        <State state={process.state} />
      </GridCell>
      {NUMBERS.map(({ key, head }) => (
        <Figure
          key={key}
          label={head}
          isBad={key === "missing" && lost > 0}
          atLeast={key === "missing" && lost > 0 && !missing.isExact}
          value={values[key]}
        />
      ))}
      <GridCell
        role="cell"
        className={classNames(styles.mode, mode !== "full" && styles.reduced)}
        title={MODE_HINTS[mode]}
      >
        <Label>Mode</Label>
        {MODES[mode]}
      </GridCell>
      <GridCell role="cell" className={styles.number} title="Time that tracing took on the path of the program">
        <Label>Overhead</Label>
        {process.overheadMs === 0 ? UNKNOWN : formatDuration(process.overheadMs)}
      </GridCell>
      <GridCell role="cell" className={styles.time} title={formatFullTime(lastSeen)}>
        {formatRelativeTime(lastSeen, { now })}
      </GridCell>
      {(lost > 0 || missing.mayStillCome > 0) && (
        <GridCell role="cell" className={classNames(styles.summary, lost > 0 && styles.isLost)}>
          {lost > 0 && <TriangleAlert size={14} strokeWidth={1.5} aria-hidden />}
          <span data-testid="process-summary">{process.summary}</span>
        </GridCell>
      )}
    </GridRow>
  );
}

/** Leads to the processes of the same service. */
function ServiceName({ process: { service, instanceId } }: { readonly process: SdkProcess }) {
  if (service === "") return <span className={styles.service}>{instanceId.slice(0, 8)}</span>;
  return (
    <Link
      to="/settings/sdk-processes"
      search={(before: RawSearch) => ({ ...before, service })}
      className={styles.service}
      title={`Only processes of ${service}`}
    >
      {service}
    </Link>
  );
}

function factsOf({ host, pid, runtime, sdkVersion }: SdkProcess): string {
  const facts = [host, pid > 0 && `pid ${pid}`, runtime, sdkVersion !== "" && `SDK ${sdkVersion}`];
  return facts.filter((fact) => fact !== false && fact !== "").join(" · ");
}

function State({ state }: { readonly state: SdkProcess["state"] }) {
  const { icon: Icon, word, hint } = STATES[state];
  return (
    <span className={classNames(styles.stateWord, styles[state])} title={hint}>
      <Icon size={14} strokeWidth={1.5} aria-hidden />
      {word}
    </span>
  );
}

function Figure(props: {
  readonly label: string;
  readonly value: number;
  readonly isBad: boolean;
  readonly atLeast: boolean;
}) {
  const { label, value, isBad, atLeast } = props;
  return (
    <GridCell
      role="cell"
      className={classNames(styles.number, value === 0 && styles.zero, isBad && styles.bad)}
      {...(atLeast && { title: "At least: gaps were too many to be kept apart" })}
    >
      <Label>{label}</Label>
      {atLeast && "≥ "}
      {formatCount(value)}
    </GridCell>
  );
}

/** What stands before a value where there are no heads: on phones. */
function Label({ children }: { readonly children: ReactNode }) {
  return <span className={styles.label}>{children} </span>;
}
