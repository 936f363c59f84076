/**
 * Attributes as they came: key and value, long values cut until one asks.
 */
import { stringifyJson } from "@sightline/wire/json";
import { useState } from "react";
import { CopyButton } from "../../components/copy-button.tsx";
import { formatBytes } from "../../format/number.ts";
import styles from "./span-detail.module.css";
import textStyles from "./text-block.module.css";

/** A value up to this length is shown whole: about six lines. */
const SHORT_CHARS = 400;
/** Drawn when one asks for a long value; all of it can be copied. */
const LONG_CHARS = 256_000;

export function AttributeList({ attributes }: { readonly attributes: Readonly<Record<string, unknown>> }) {
  const entries = Object.entries(attributes).sort(([a], [b]) => a.localeCompare(b));
  if (entries.length === 0) return <p className={styles.none}>None.</p>;
  return (
    <dl className={styles.pairs}>
      {entries.map(([key, value]) => (
        <Attribute key={key} name={key} value={value} />
      ))}
    </dl>
  );
}

function Attribute({ name, value }: { readonly name: string; readonly value: unknown }) {
  const [isOpen, setIsOpen] = useState(false);
  const text = typeof value === "string" ? value : stringifyJson(value);
  const isLong = text.length > SHORT_CHARS;
  return (
    <div className={styles.pair}>
      <dt>{name}</dt>
      <dd>
        <span className={textStyles.plain}>
          {isLong
            ? `${text.slice(0, isOpen ? LONG_CHARS : SHORT_CHARS)}${isOpen && text.length <= LONG_CHARS ? "" : "…"}`
            : text}
        </span>
        {isLong && (
          <button type="button" className={textStyles.more} aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
            {isOpen ? "Show less" : `Show all ${formatBytes(text.length)}`}
          </button>
        )}
        <CopyButton small className={styles.copy} label={`Copy ${name}`} text={text} />
      </dd>
    </div>
  );
}
