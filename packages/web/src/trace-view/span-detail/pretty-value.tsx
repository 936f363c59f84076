/**
 * Any value in words: texts as text, objects as pairs, lists as lists; what lies deep is a click away in the JSON form.
 */
import { useState } from "react";
import { referenceIn } from "../../attachment/attachment-facts.ts";
import { formatCount } from "../../format/number.ts";
import { isRecord, unfoldJson } from "../../json-view/json-shape.ts";
import styles from "./pretty-value.module.css";
import { TextBlock } from "./text-block.tsx";

/** Levels of pairs inside pairs. */
const MAX_DEPTH = 5;
/** Members drawn at first. */
const FIRST_MEMBERS = 50;

export function PrettyValue({ value, depth = 0 }: { readonly value: unknown; readonly depth?: number }) {
  const shown = typeof value === "string" && value.length < 100_000 ? unfoldJson(value) : value;
  if (typeof shown === "string") {
    return shown === "" ? <span className={styles.none}>empty text</span> : <TextBlock text={shown} />;
  }
  if (shown === null || shown === undefined) return <span className={styles.none}>none</span>;
  if (typeof shown !== "object") return <span className={styles.scalar}>{String(shown)}</span>;
  // Blocks of a chat lie deep, and what they show should be seen.
  const holdsAttachment = Object.values(shown).some((member) => referenceIn(member) !== undefined);
  if (depth >= MAX_DEPTH && !holdsAttachment) return <span className={styles.none}>{inShort(shown)}, see JSON</span>;
  if (Array.isArray(shown)) return <PrettyList items={shown} depth={depth} />;
  return isRecord(shown) ? <PrettyPairs entries={Object.entries(shown)} depth={depth} /> : null;
}

function PrettyPairs(props: { readonly entries: readonly [string, unknown][]; readonly depth: number }) {
  const { shown, more } = useMembers(props.entries);
  if (props.entries.length === 0) return <span className={styles.none}>no keys</span>;
  return (
    <dl className={styles.pairs}>
      {shown.map(([key, value]) => (
        <PrettyPair key={key} name={key} value={value} depth={props.depth} />
      ))}
      {more}
    </dl>
  );
}

function PrettyPair(props: { readonly name: string; readonly value: unknown; readonly depth: number }) {
  const isNested = typeof props.value === "object" && props.value !== null && Object.keys(props.value).length > 0;
  return (
    <>
      <dt>{props.name}</dt>
      <dd className={isNested ? styles.nested : undefined}>
        <PrettyValue value={props.value} depth={props.depth + 1} />
      </dd>
    </>
  );
}

function PrettyList({ items, depth }: { readonly items: readonly unknown[]; readonly depth: number }) {
  const { shown, more } = useMembers(items);
  if (items.length === 0) return <span className={styles.none}>empty list</span>;
  if (items.every((item) => typeof item === "number" || typeof item === "boolean")) {
    return <span className={styles.scalar}>{`${shown.join(", ")}${shown.length < items.length ? ", …" : ""}`}</span>;
  }
  return (
    <ol className={styles.list}>
      {shown.map((item, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: items of a payload have no ids and never move
        <li key={index}>
          <span className={styles.index}>{index + 1}</span>
          <div>
            <PrettyValue value={item} depth={depth + 1} />
          </div>
        </li>
      ))}
      {more}
    </ol>
  );
}

function useMembers<Member>(members: readonly Member[]) {
  const [count, setCount] = useState(FIRST_MEMBERS);
  const hidden = members.length - count;
  return {
    shown: members.slice(0, count),
    more: hidden > 0 && (
      <button type="button" className={styles.more} onClick={() => setCount(count + 10 * FIRST_MEMBERS)}>
        {formatCount(hidden)} more
      </button>
    ),
  };
}

function inShort(value: object): string {
  return Array.isArray(value)
    ? `list of ${formatCount(value.length)}`
    : `${formatCount(Object.keys(value).length)} keys`;
}
