/**
 * A text that a person or a model wrote: Markdown while it is of a readable length, plain beyond, never all of a huge one at once. A text
 * that stands for an attachment is the attachment.
 */
import { useMemo, useState } from "react";
import { referenceIn } from "../../attachment/attachment-facts.ts";
import { AttachmentView } from "../../attachment/attachment-view.tsx";
import { classNames } from "../../components/class-names.ts";
import { displayText } from "../../format/display-text.ts";
import { formatBytes } from "../../format/number.ts";
import { scriptOf } from "../../format/preview.ts";
import { Markdown } from "../../markdown/markdown.tsx";
import styles from "./text-block.module.css";

/** Longer texts are logs and documents: drawn as they are. */
const MARKDOWN_CHARS = 20_000;
/** What is drawn of them, step by step: a screen, then as much as a browser lays out without a pause, then all. */
const STEPS = [4000, 256_000, Number.POSITIVE_INFINITY] as const;
const LINE_HEIGHT = 20;

export function TextBlock(props: { readonly text: string; readonly foldAfterLines?: number }) {
  const { foldAfterLines } = props;
  const text = useMemo(() => displayText(props.text), [props.text]);
  const [showsAll, setShowsAll] = useState(false);
  const [step, setStep] = useState(0);
  const reference = referenceIn(props.text);
  if (reference !== undefined) return <AttachmentView reference={reference} />;
  if (text.length > MARKDOWN_CHARS) {
    const chars = STEPS[step] ?? Number.POSITIVE_INFINITY;
    const next = Math.min(STEPS[step + 1] ?? 0, text.length);
    return (
      <div>
        <div
          className={classNames(styles.plain, chars < text.length && step === 0 && styles.cut)}
          lang={scriptOf(text)}
        >
          {text.slice(0, chars)}
        </div>
        {chars < text.length && (
          <button type="button" className={styles.more} onClick={() => setStep(step + 1)}>
            {`${formatBytes(chars)} of ${formatBytes(text.length)}: load ${next === text.length ? "all" : formatBytes(next)}`}
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
