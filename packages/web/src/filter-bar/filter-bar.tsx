/**
 * The filter as text: exactly what the search API takes. Enter runs it, Escape clears it.
 */
import { CircleX, Search, X } from "lucide-react";
import { type ReactNode, useId, useLayoutEffect, useRef, useState } from "react";
import { Button, IconButton } from "../components/button.tsx";
import { classNames } from "../components/class-names.ts";
import { shownKey } from "../keys/key-map.ts";
import { useKeys } from "../keys/use-keys.ts";
import styles from "./filter-bar.module.css";
import { applySuggestion, type FilterProblem, markProblem } from "./filter-error.ts";

export function FilterBar(props: {
  /** The filter that runs. */
  readonly filter: string;
  readonly onRun: (filter: string) => void;
  /** Why the server refused it. */
  readonly problem: FilterProblem | undefined;
  /** How many match, at the right end. */
  readonly count: ReactNode;
}) {
  const { filter, onRun, problem } = props;
  const [draft, setDraft] = useState(filter);
  const [ran, setRan] = useState(filter);
  const input = useRef<HTMLInputElement>(null);
  const mirror = useRef<HTMLDivElement>(null);
  const problemId = useId();
  // The filter changed from outside (a quick view, Back): the text follows.
  if (ran !== filter) {
    setRan(filter);
    setDraft(filter);
  }
  const shownProblem = draft === filter ? problem : undefined;

  const run = (text: string) => {
    setDraft(text);
    onRun(text.trim());
  };
  useKeys({
    "focus filter": () => {
      input.current?.focus();
      input.current?.select();
    },
  });
  const followScroll = () => {
    if (mirror.current && input.current) mirror.current.scrollLeft = input.current.scrollLeft;
  };
  // A problem may appear while the text is scrolled.
  useLayoutEffect(followScroll);

  const corrected = shownProblem && applySuggestion(draft, shownProblem);
  return (
    <div>
      <search className={classNames(styles.bar, shownProblem && styles.refused)}>
        <Search size={14} strokeWidth={1.5} aria-hidden />
        <div className={styles.field}>
          {shownProblem && (
            <div ref={mirror} className={styles.mirror} aria-hidden>
              <Marked text={draft} problem={shownProblem} />
            </div>
          )}
          <input
            ref={input}
            className={styles.input}
            aria-label="Filter"
            aria-invalid={shownProblem !== undefined}
            aria-describedby={shownProblem && problemId}
            placeholder="status = 'ERROR' AND duration > 2s"
            spellCheck={false}
            autoCapitalize="off"
            autoComplete="off"
            enterKeyHint="search"
            value={draft}
            onChange={(event) => setDraft(event.target.value)}
            onScroll={followScroll}
            onKeyDown={(event) => {
              if (event.nativeEvent.isComposing) return;
              if (event.key === "Enter") run(draft);
              if (event.key === "Escape" && draft === "") input.current?.blur();
              else if (event.key === "Escape") run("");
            }}
          />
        </div>
        <span className={styles.count} role="status" data-testid="trace-count">
          {props.count}
        </span>
        {draft === "" ? (
          <kbd className={styles.hint} aria-hidden>
            {shownKey("focus filter")}
          </kbd>
        ) : (
          <IconButton small icon={X} label="Clear" shortcut="Esc" onClick={() => run("")} />
        )}
      </search>
      {shownProblem && (
        <p id={problemId} className={styles.problem} role="alert" data-testid="filter-error">
          <CircleX size={14} strokeWidth={1.5} aria-hidden />
          <span>{shownProblem.message}</span>
          {corrected !== undefined && <Button onClick={() => run(corrected)}>Use {shownProblem.suggestion}</Button>}
        </p>
      )}
    </div>
  );
}

function Marked({ text, problem }: { readonly text: string; readonly problem: FilterProblem }) {
  const [before, wrong, after] = markProblem(text, problem);
  return (
    <>
      {before}
      <span className={styles.wrong}>{wrong}</span>
      {after}
    </>
  );
}
