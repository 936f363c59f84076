/**
 * The inspector: everything about the selected span. The head comes from the skeleton at once, the payload when it is there.
 */
import type { Span, SpanEvent } from "@sightline/wire/model/span";
import { Download, Link2 } from "lucide-react";
import { Tabs } from "radix-ui";
import { type RefObject, useMemo, useRef, useState } from "react";
import { TraceIdProvider } from "../../attachment/trace-id-context.ts";
import { Button } from "../../components/button.tsx";
import { CopyButton } from "../../components/copy-button.tsx";
import { ErrorPanel } from "../../components/error-panel.tsx";
import { Loading, SkeletonBar } from "../../components/loading.tsx";
import { StatusIcon } from "../../components/status.tsx";
import { useSpan } from "../../data/queries.ts";
import { displayText } from "../../format/display-text.ts";
import { formatDuration } from "../../format/duration.ts";
import { formatBytes, formatCost, formatCount } from "../../format/number.ts";
import { KindIcon, typeLabel } from "../span-kind.tsx";
import type { SpanTree } from "../tree.ts";
import { AttributeList } from "./attribute-list.tsx";
import { type DetailTab, detailTabs } from "./detail-tabs.ts";
import { ErrorBlock } from "./error-block.tsx";
import { InputOutput } from "./input-output.tsx";
import styles from "./span-detail.module.css";
import textStyles from "./text-block.module.css";

export interface SpanDetailProps {
  readonly traceId: string;
  readonly tree: SpanTree;
  /** Index of the span. */
  readonly span: number;
  readonly tab: DetailTab;
  readonly onTab: (tab: DetailTab) => void;
  /** Link to this span. */
  readonly link: () => string;
}

export function SpanDetail(props: SpanDetailProps) {
  const { traceId, tree, span } = props;
  const spanId = tree.spans.spanId[span] ?? "";
  const payload = useSpan(traceId, spanId);
  const body = useRef<HTMLDivElement>(null);
  const data = payload.data;
  const attributes = data ? Object.keys(data.attributes).length : undefined;
  return (
    <section className={styles.detail} aria-label="Span" data-testid="span-detail" data-span-id={spanId}>
      <DetailHead {...props} payload={data} />
      <Tabs.Root
        className={styles.detail}
        value={props.tab}
        onValueChange={(value) => {
          const tab = detailTabs.find((candidate) => candidate === value);
          if (tab) props.onTab(tab);
        }}
      >
        <Tabs.List className={styles.tabs} aria-label="About the span">
          <TabTrigger value="io" label="Input and output" />
          <TabTrigger value="attributes" label="Attributes" count={attributes} />
          <TabTrigger value="events" label="Events" count={data?.events.length} />
          <TabTrigger value="raw" label="Raw" />
        </Tabs.List>
        <Tabs.Content key={spanId} ref={body} value={props.tab} className={styles.body} tabIndex={0}>
          {payload.isError ? (
            <ErrorPanel
              title="The span could not be loaded"
              error={payload.error}
              onRetry={() => void payload.refetch()}
            />
          ) : data ? (
            <TraceIdProvider value={traceId}>
              <TabBody tab={props.tab} span={data} scroller={body} />
            </TraceIdProvider>
          ) : (
            <DetailSkeleton />
          )}
        </Tabs.Content>
      </Tabs.Root>
    </section>
  );
}

function TabTrigger(props: { readonly value: DetailTab; readonly label: string; readonly count?: number | undefined }) {
  return (
    <Tabs.Trigger value={props.value} className={styles.tab}>
      {props.label} {props.count !== undefined && <span>{props.count}</span>}
    </Tabs.Trigger>
  );
}

function DetailHead(props: SpanDetailProps & { readonly payload: Span | undefined }) {
  const { tree, span, payload } = props;
  const { spans } = tree;
  const name = displayText(spans.name[span] ?? "");
  const spanType = spans.spanType[span] ?? "";
  const durationUs = spans.durationUs[span] ?? 0;
  const costUsd = spans.costUsd[span] ?? 0;
  const status = durationUs < 0 ? "IN_PROGRESS" : spans.status[span] === "ERROR" ? "ERROR" : "OK";
  return (
    <div className={styles.head}>
      <div className={styles.title}>
        <KindIcon spanType={spanType} />
        <h2 title={name}>{name}</h2>
        <StatusIcon status={status} size={16} />
        <CopyButton small icon={Link2} label="Copy link to the span" text={props.link} />
      </div>
      <div className={styles.meta}>
        <span>{typeLabel(spanType)}</span>
        <span>
          <strong>{durationUs < 0 ? "running" : formatDuration(durationUs / 1000)}</strong>
          {` from +${formatDuration((spans.startUs[span] ?? 0) / 1000)}`}
        </span>
        {payload?.model !== undefined && (
          <span>
            <strong>{payload.model}</strong>
            {payload.provider !== undefined && ` ${payload.provider}`}
          </span>
        )}
        <Usage payload={payload} tokens={spans.tokens[span] ?? 0} />
        {costUsd > 0 && <strong>{formatCost(costUsd)}</strong>}
        {payload?.service !== undefined && <span>{payload.service}</span>}
      </div>
    </div>
  );
}

/** The total is in the skeleton; its parts come with the payload. */
function Usage({ payload, tokens }: { readonly payload: Span | undefined; readonly tokens: number }) {
  if (tokens === 0) return null;
  const usage = payload?.tokenUsage;
  const parts = usage && [
    `${formatCount(usage.inputTokens)} in`,
    ...(usage.cacheReadInputTokens ? [`${formatCount(usage.cacheReadInputTokens)} cached`] : []),
    `${formatCount(usage.outputTokens)} out`,
    ...(usage.reasoningTokens ? [`${formatCount(usage.reasoningTokens)} reasoning`] : []),
  ];
  return (
    <span>
      <strong>{formatCount(tokens)} tokens</strong>
      {parts && ` ${parts.join(", ")}`}
    </span>
  );
}

function TabBody(props: {
  readonly tab: DetailTab;
  readonly span: Span;
  readonly scroller: RefObject<HTMLElement | null>;
}) {
  const { span } = props;
  switch (props.tab) {
    case "io":
      return (
        <>
          <ErrorBlock span={span} />
          <InputOutput span={span} scroller={props.scroller} />
        </>
      );
    case "attributes":
      return <AttributeList attributes={span.attributes} />;
    case "events":
      return <EventList events={span.events} start={span.startTimeUnixNano} />;
    case "raw":
      return <RawSpan span={span} />;
  }
}

function EventList({ events, start }: { readonly events: readonly SpanEvent[]; readonly start: string }) {
  if (events.length === 0) return <p className={styles.none}>None.</p>;
  return events.map((event, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: events have no ids and never move
    <section key={index} className={styles.event} aria-label={event.name}>
      <div className={styles.eventHead}>
        {event.name}
        <span>+{formatDuration(Number(BigInt(event.timeUnixNano) - BigInt(start)) / 1e6)}</span>
      </div>
      <AttributeList attributes={event.attributes} />
    </section>
  ));
}

/** Characters of the JSON text that are drawn; the file has all. */
const RAW_CHARS = 256_000;

function RawSpan({ span }: { readonly span: Span }) {
  const text = useMemo(() => JSON.stringify(span, null, 2), [span]);
  const [showsAll, setShowsAll] = useState(false);
  const isCut = !showsAll && text.length > RAW_CHARS;
  return (
    <>
      <div className={styles.rawActions}>
        <Button look="outlined" icon={Download} onClick={() => download(text, `span-${span.spanId}.json`)}>
          Download JSON, {formatBytes(text.length)}
        </Button>
        <CopyButton withWords label="Copy JSON" text={text} />
      </div>
      <pre className={styles.raw}>{isCut ? text.slice(0, RAW_CHARS) : text}</pre>
      {isCut && (
        <button type="button" className={textStyles.more} onClick={() => setShowsAll(true)}>
          First {formatBytes(RAW_CHARS)}: load all
        </button>
      )}
    </>
  );
}

function download(text: string, name: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

function DetailSkeleton() {
  return (
    <Loading label="Loading the span">
      <div className={styles.skeleton}>
        {["64px", "90%", "76%", "84%", "40%"].map((width) => (
          <SkeletonBar key={width} width={width} />
        ))}
      </div>
    </Loading>
  );
}
