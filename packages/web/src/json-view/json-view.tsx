/**
 * A JSON value as a tree: only the lines in view are drawn, texts that hold JSON open in place.
 */
import { stringifyJson } from "@sightline/wire/json";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ChevronRight, Copy, Route } from "lucide-react";
import { type KeyboardEvent, type RefObject, useId, useLayoutEffect, useMemo, useRef, useState } from "react";
import { referenceIn } from "../attachment/attachment-facts.ts";
import { AttachmentView } from "../attachment/attachment-view.tsx";
import { classNames } from "../components/class-names.ts";
import { CopyButton, useCopy } from "../components/copy-button.tsx";
import { formatBytes, formatCount } from "../format/number.ts";
import styles from "./json-view.module.css";
import { INITIAL_STATE, isJsonText, type JsonRow, jsonRows, LINE_CHARS, MEMBERS, writePath } from "./rows.ts";

const ROW_HEIGHT = 20;
const INDENT = 14;
/** Indentation stops here, so that deep values stay readable. */
const MAX_INDENT_LEVELS = 20;
/** Characters of an opened text that are drawn before one asks for all: 256 kB, the brief's limit for first sight. */
const TEXT_CHARS = 256_000;

/** @param scroller  the element that scrolls; the tree is a part of what it holds */
export function JsonView(props: {
  readonly value: unknown;
  readonly label: string;
  readonly scroller: RefObject<HTMLElement | null>;
}) {
  const [state, setState] = useState(INITIAL_STATE);
  const rows = useMemo(() => jsonRows(props.value, state), [props.value, state]);
  const list = useRef<HTMLDivElement>(null);
  const [offset, setOffset] = useState(0);
  // What stands above in the same scroller may grow or shrink at any time: measured after every draw.
  useLayoutEffect(() => {
    if (!list.current || !props.scroller.current) return;
    const top = list.current.getBoundingClientRect().top - props.scroller.current.getBoundingClientRect().top;
    setOffset(Math.round(top + props.scroller.current.scrollTop));
  });
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => props.scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => rows[index]?.id ?? index,
    scrollMargin: offset,
    overscan: 10,
  });

  // One stop for the Tab key, arrows inside: the tree pattern of the ARIA practices.
  const treeId = useId();
  const [activeId, setActiveId] = useState<string>();
  const active = rows.findIndex((row) => row.id === activeId);
  const copied = useCopy();
  const moveTo = (index: number) => {
    const next = Math.min(Math.max(index, 0), rows.length - 1);
    setActiveId(rows[next]?.id);
    virtualizer.scrollToIndex(next, { align: "auto" });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const row = rows[active] ?? rows[0];
    if (!row) return;
    const isOpen = "open" in row.content && row.content.open;
    switch (event.key) {
      case "ArrowDown":
        moveTo(active + 1);
        break;
      case "ArrowUp":
        moveTo(active - 1);
        break;
      case "Home":
        moveTo(0);
        break;
      case "End":
        moveTo(rows.length - 1);
        break;
      case "ArrowRight":
        if (isOpen) moveTo(active + 1);
        else if (canOpen(row)) toggle(row);
        break;
      case "ArrowLeft":
        if (isOpen) toggle(row);
        else moveTo(parentIndex(rows, active));
        break;
      case "Enter":
        if (row.content.kind === "more") showMore(row);
        else if (canOpen(row)) toggle(row);
        break;
      case "c":
        copied.copy(textOf(row));
        break;
      case "C":
        copied.copy(writePath(row.path));
        break;
      default:
        return;
    }
    event.preventDefault();
  };

  const toggle = (row: JsonRow) => {
    const toggled = new Set(state.toggled);
    if (!toggled.delete(row.id)) toggled.add(row.id);
    setState({ ...state, toggled });
  };
  const showMore = (row: JsonRow) => {
    // A "more" row carries the id of its container.
    const id = String(row.value);
    setState({ ...state, shown: new Map(state.shown).set(id, (state.shown.get(id) ?? MEMBERS) + 10 * MEMBERS) });
  };

  return (
    <>
      <span role="status" className="visually-hidden">
        {copied.state === "copied" && "Copied"}
      </span>
      <div
        ref={list}
        role="tree"
        aria-label={props.label}
        aria-activedescendant={active === -1 ? undefined : `${treeId}-${active}`}
        tabIndex={0}
        className={styles.view}
        style={{ height: virtualizer.getTotalSize() }}
        onKeyDown={onKeyDown}
        onFocus={() => {
          if (active === -1) setActiveId(rows[0]?.id);
        }}
      >
        {virtualizer.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          return (
            <div
              key={item.key}
              ref={virtualizer.measureElement}
              data-index={item.index}
              id={`${treeId}-${item.index}`}
              role="treeitem"
              tabIndex={-1}
              aria-level={row.depth + 1}
              aria-selected={item.index === active}
              aria-expanded={"open" in row.content ? row.content.open : undefined}
              className={classNames(styles.row, item.index === active && styles.active)}
              style={{
                transform: `translateY(${item.start - offset}px)`,
                paddingLeft: Math.min(row.depth, MAX_INDENT_LEVELS) * INDENT,
              }}
            >
              <JsonLine row={row} onToggle={() => toggle(row)} onMore={() => showMore(row)} />
            </div>
          );
        })}
      </div>
    </>
  );
}

/** Whether a row has something below it, or more than its line. */
function canOpen({ content, value }: JsonRow): boolean {
  if (content.kind === "text") return true;
  if (content.kind === "container") return content.size > 0 || content.fromText;
  return typeof value === "string" && isJsonText(value);
}

/** Index of the container that a row stands in. */
function parentIndex(rows: readonly JsonRow[], index: number): number {
  const depth = rows[index]?.depth ?? 0;
  return depth === 0 ? index : rows.findLastIndex((row, at) => at < index && row.depth < depth);
}

function textOf({ value }: JsonRow): string {
  return typeof value === "string" ? value : stringifyJson(value);
}

function JsonLine(props: { readonly row: JsonRow; readonly onToggle: () => void; readonly onMore: () => void }) {
  const { row } = props;
  const { content } = row;
  if (content.kind === "more") {
    return (
      <button type="button" tabIndex={-1} className={styles.more} onClick={props.onMore}>
        {formatCount(content.hidden)} more
      </button>
    );
  }
  const isOpen = "open" in content && content.open;
  const name = row.name ?? "value";
  return (
    <>
      {canOpen(row) ? (
        <button
          type="button"
          tabIndex={-1}
          className={styles.toggle}
          aria-expanded={isOpen}
          aria-label={`${isOpen ? "Fold" : "Unfold"} ${name}`}
          onClick={props.onToggle}
        >
          <ChevronRight size={12} strokeWidth={2} aria-hidden />
        </button>
      ) : (
        <span className={styles.gap} />
      )}
      {row.name !== undefined && <span className={styles.name}>{row.name}</span>}
      <JsonValue row={row} />
      <span className={styles.actions}>
        <CopyButton small icon={Route} className={styles.action} label="Copy path" text={() => writePath(row.path)} />
        <CopyButton
          small
          icon={Copy}
          className={styles.action}
          label="Copy value"
          shortcut="c"
          tabIndex={-1}
          text={() => textOf(row)}
        />
      </span>
    </>
  );
}

function JsonValue({ row: { content, value } }: { readonly row: JsonRow }) {
  if (content.kind === "container") {
    const [open, close] = content.isArray ? "[]" : "{}";
    const members = content.isArray ? "items" : "keys";
    return (
      <span className={classNames(styles.value, styles.size)}>
        {content.fromText && "JSON text "}
        {content.open ? open : `${open}${content.size === 0 ? "" : "…"}${close}`}
        {content.size > 0 && ` ${formatCount(content.size)} ${content.size === 1 ? members.slice(0, -1) : members}`}
      </span>
    );
  }
  const reference = referenceIn(value);
  const isOpenText = content.kind === "text" && content.open;
  if (reference !== undefined && !isOpenText) return <AttachmentView reference={reference} small />;
  if (typeof value === "string") return <JsonText text={value} open={isOpenText} />;
  const type = value === null ? "null" : typeof value;
  return <span className={classNames(styles.value, styles[type])}>{String(value)}</span>;
}

function JsonText({ text, open }: { readonly text: string; readonly open: boolean }) {
  const [showsAll, setShowsAll] = useState(false);
  if (!open) {
    const isCut = text.length > LINE_CHARS * 4;
    const line = JSON.stringify(isCut ? text.slice(0, LINE_CHARS * 4) : text);
    return (
      <>
        <span className={classNames(styles.value, styles.string)}>{isCut ? `${line.slice(0, -1)}…` : line}</span>
        {text.length > 2000 && <span className={styles.size}>&nbsp;{formatBytes(text.length)}</span>}
      </>
    );
  }
  const isCut = !showsAll && text.length > TEXT_CHARS;
  return (
    <span className={classNames(styles.value, styles.open, styles.string)}>
      {isCut ? text.slice(0, TEXT_CHARS) : text}
      {isCut && (
        <button type="button" className={styles.more} onClick={() => setShowsAll(true)}>
          … load all {formatBytes(text.length)}
        </button>
      )}
    </span>
  );
}
