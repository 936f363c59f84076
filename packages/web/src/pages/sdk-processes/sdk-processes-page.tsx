/**
 * Processes that Sightline's SDK sends from: which of their spans came and which never did, those with problems first.
 */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { RotateCw, TriangleAlert, X } from "lucide-react";
import { useMemo } from "react";
import { Button, IconButton } from "../../components/button.tsx";
import { ErrorPanel } from "../../components/error-panel.tsx";
import { GridHead, GridRow } from "../../components/grid-parts.tsx";
import { Loading, SkeletonBar } from "../../components/loading.tsx";
import { useNow } from "../../components/use-now.ts";
import { useTitle } from "../../components/use-title.ts";
import { useSdkProcesses } from "../../data/queries.ts";
import { formatCount } from "../../format/number.ts";
import type { RawSearch } from "../../search-params.ts";
import { PageHeader } from "../../shell/page-header.tsx";
import { NUMBERS, ProcessRow } from "./process-row.tsx";
import styles from "./sdk-processes-page.module.css";
import { readProcessesSearch } from "./search.ts";

export function SdkProcessesPage() {
  const raw: RawSearch = useSearch({ from: "/settings/sdk-processes" });
  const navigate = useNavigate();
  const { values: search, invalid } = useMemo(() => readProcessesSearch(raw), [raw]);
  const { service, experiment } = search;
  const onlyProblems = search.problems === "1";
  const list = useSdkProcesses({ service, experiment, onlyProblems });
  const now = new Date(useNow());
  useTitle("SDK processes");
  const setSearch = (change: RawSearch) =>
    void navigate({
      to: "/settings/sdk-processes",
      search: (before: RawSearch) => ({ ...before, ...change }),
    });

  const processes = list.data?.pages.flatMap((page) => page.processes) ?? [];
  const totals = list.data?.pages.at(-1)?.totals;
  const isFiltered = onlyProblems || service !== undefined || experiment !== undefined;
  return (
    <>
      <PageHeader crumb="Settings" title="SDK processes">
        <IconButton icon={RotateCw} label="Read again" onClick={() => void list.refetch()} />
      </PageHeader>
      {invalid.length > 0 && (
        <p className={styles.notice} role="status">
          <TriangleAlert size={14} strokeWidth={1.5} aria-hidden />
          The address holds a value that cannot be used for {invalid.map((name) => `“${name}”`).join(", ")}; it is
          ignored.
        </p>
      )}
      <div className={styles.toolbar}>
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms; these buttons act at once */}
        <div role="group" aria-label="Which processes" className={styles.chips}>
          <Button aria-pressed={!onlyProblems} onClick={() => setSearch({ problems: undefined })}>
            All
          </Button>
          <Button aria-pressed={onlyProblems} onClick={() => setSearch({ problems: "1" })}>
            With problems
            {totals && <span className={styles.count}>{formatCount(totals.problems)}</span>}
          </Button>
          {service !== undefined && <FilterChip text={service} onClear={() => setSearch({ service: undefined })} />}
          {experiment !== undefined && (
            <FilterChip text={`sent to ${experiment}`} onClear={() => setSearch({ experiment: undefined })} />
          )}
        </div>
        <p className={styles.totals} data-testid="process-totals" role="status">
          {totals && totalsSentence(totals)}
        </p>
      </div>
      {list.isError && !list.data ? (
        <ErrorPanel title="The processes could not be loaded" error={list.error} onRetry={() => void list.refetch()} />
      ) : list.isPending ? (
        <ProcessesSkeleton />
      ) : processes.length === 0 ? (
        <NoProcess
          isFiltered={isFiltered}
          onShowAll={() => setSearch({ problems: undefined, service: undefined, experiment: undefined })}
        />
      ) : (
        // biome-ignore lint/a11y/useSemanticElements: a row has a cell below the others, which a table row cannot have
        <div
          role="table"
          aria-label="SDK processes"
          className={styles.table}
          data-stale={list.isPlaceholderData || undefined}
        >
          <Heads />
          {processes.map((process) => (
            <ProcessRow key={process.instanceId} process={process} now={now} />
          ))}
          {list.hasNextPage && (
            <Button
              look="outlined"
              className={styles.more}
              disabled={list.isFetchingNextPage}
              onClick={() => void list.fetchNextPage()}
            >
              Show more
            </Button>
          )}
        </div>
      )}
    </>
  );
}

function Heads() {
  return (
    <GridRow className={styles.head}>
      <GridHead>Process</GridHead>
      <GridHead>State</GridHead>
      {NUMBERS.map(({ key, head, hint }) => (
        <GridHead key={key} className={styles.number} title={hint}>
          {head}
        </GridHead>
      ))}
      <GridHead className={styles.mode} title="What it keeps of its spans">
        Mode
      </GridHead>
      <GridHead className={styles.number} title="Time that tracing took on the path of the program">
        Overhead
      </GridHead>
      <GridHead className={styles.time}>Last seen</GridHead>
    </GridRow>
  );
}

/** `6 spans of 2 processes never came · 3 running` */
function totalsSentence({ problems, spansLost, running }: { problems: number; spansLost: number; running: number }) {
  const lost =
    spansLost === 0
      ? "No span is missing"
      : `${formatCount(spansLost)} ${spansLost === 1 ? "span" : "spans"} never came, of ${formatCount(problems)} ${problems === 1 ? "process" : "processes"} with problems`;
  return `${lost} · ${formatCount(running)} running`;
}

function FilterChip({ text, onClear }: { readonly text: string; readonly onClear: () => void }) {
  return (
    <Button look="outlined" icon={X} onClick={onClear} aria-label={`Take away the filter: ${text}`}>
      <span className={styles.chipText}>{text}</span>
    </Button>
  );
}

function NoProcess({ isFiltered, onShowAll }: { readonly isFiltered: boolean; readonly onShowAll: () => void }) {
  if (isFiltered) {
    return (
      <div className={styles.empty} data-testid="no-process">
        <h2>No process matches</h2>
        <Button look="outlined" onClick={onShowAll}>
          Show all processes
        </Button>
      </div>
    );
  }
  const code = `import * as sightline from "@sightline/sdk";
sightline.init({ url: "${window.location.origin}" });
await sightline.withSpan({ name: "hello" }, async () => "world");`;
  return (
    <div className={styles.empty} data-testid="no-process">
      <h2>No process has reported yet</h2>
      <p>
        A program with Sightline’s SDK says with its spans how many have ended in it. What never came is counted here.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region needs the focus to be scrolled by keys */}
      <pre className={styles.code} tabIndex={0}>
        <code>{code}</code>
      </pre>
    </div>
  );
}

function ProcessesSkeleton() {
  return (
    <Loading label="Loading processes">
      <div className={styles.head} />
      {["40%", "55%", "35%"].map((width) => (
        <div key={width} className={styles.row}>
          <SkeletonBar width={width} />
        </div>
      ))}
    </Loading>
  );
}
