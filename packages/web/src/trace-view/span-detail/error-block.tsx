/**
 * Why a span failed, first thing in its detail.
 */
import type { Span } from "@sightline/wire/model/span";
import { CircleX } from "lucide-react";
import { displayText } from "../../format/display-text.ts";
import { readSpanError } from "../span-error.ts";
import styles from "./span-detail.module.css";

export function ErrorBlock({ span }: { readonly span: Span }) {
  const error = readSpanError(span);
  if (!error) return null;
  const frames = error.stack?.split("\n").filter((line) => /^\s+at |^\s*File "/.test(line)).length ?? 0;
  return (
    <section className={styles.error} aria-label="Error" data-testid="span-error">
      <p className={styles.errorType}>
        <CircleX size={14} strokeWidth={1.75} aria-hidden />
        {error.type ?? "Error"}
      </p>
      <p className={styles.errorMessage}>{displayText(error.message)}</p>
      {error.stack !== undefined && (
        <details>
          <summary>Stack trace{frames > 0 && ` (${frames})`}</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region needs the focus to be scrolled by keys */}
          <pre className={styles.stack} tabIndex={0}>
            {displayText(error.stack)}
          </pre>
        </details>
      )}
    </section>
  );
}
