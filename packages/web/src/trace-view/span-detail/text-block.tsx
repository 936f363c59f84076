/**
 * A text that a person or a model wrote: Markdown while it is of a readable length, plain beyond, never all of a huge one at once.
 */
import { useMemo, useState } from "react";
import { displayText } from "../../format/display-text.ts";
import { formatBytes } from "../../format/number.ts";
import { scriptOf } from "../../format/preview.ts";
import { Markdown } from "../../markdown/markdown.tsx";
import styles from "./text-block.module.css";

/** Longer texts are logs and documents: drawn as they are. */
const MARKDOWN_CHARS = 20_000;
/** Drawn at first sight of a huge text. */
const FIRST_CHARS = 256_000;
const LINE_HEIGHT = 20;

export function TextBlock(props: { readonly text: string; readonly foldAfterLines?: number }) {
  const { foldAfterLines } = props;
  const text = useMemo(() => displayText(props.text), [props.text]);
  const [showsAll, setShowsAll] = useState(false);
  if (text.length > MARKDOWN_CHARS) {
    const isCut = !showsAll && text.length > FIRST_CHARS;
    return (
      <div>
        <div className={styles.plain} lang={scriptOf(text)}>
          {isCut ? text.slice(0, FIRST_CHARS) : text}
        </div>
        {isCut && (
          <button type="button" className={styles.more} onClick={() => setShowsAll(true)}>
            First {formatBytes(FIRST_CHARS)} of {formatBytes(text.length)}: load all
          </button>
        )}
      </div>
    );
  }
  const isLong = foldAfterLines !== undefined && countLines(text) > foldAfterLines;
  if (!isLong) return <Markdown text={text} />;
  return (
    <div>
      <div {...(!showsAll && { className: styles.folded, style: { maxHeight: foldAfterLines * LINE_HEIGHT } })}>
        <Markdown text={text} />
      </div>
      <button type="button" className={styles.more} aria-expanded={showsAll} onClick={() => setShowsAll(!showsAll)}>
        {showsAll ? "Show less" : `Show all ${countLines(text)} lines`}
      </button>
    </div>
  );
}

/** Lines as drawn, roughly: long ones wrap after about this many characters. */
const WRAP_CHARS = 90;

function countLines(text: string): number {
  return text.split("\n").reduce((lines, line) => lines + Math.max(Math.ceil(line.length / WRAP_CHARS), 1), 0);
}
