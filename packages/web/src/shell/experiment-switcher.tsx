/**
 * The first item of the rail: which experiment is shown, and the way to another one.
 */
import { useNavigate } from "@tanstack/react-router";
import { Check, ChevronsUpDown, FlaskConical, Search } from "lucide-react";
import { Popover } from "radix-ui";
import { type KeyboardEvent, useId, useState } from "react";
import { classNames } from "../components/class-names.ts";
import floating from "../components/floating.module.css";
import { formatTotal } from "../format/number.ts";
import styles from "./experiment-switcher.module.css";
import { experimentInUrl, type ListedExperiment, shownExperiments } from "./experiments.ts";

export function ExperimentSwitcher(props: {
  readonly experiments: readonly ListedExperiment[];
  readonly current: ListedExperiment | undefined;
  readonly collapsed: boolean;
}) {
  const [open, setOpen] = useState(false);
  const name = props.current?.name ?? "Experiments";
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger
        className={classNames(styles.trigger, props.collapsed && styles.collapsed)}
        aria-label={`Experiment: ${name}`}
        title={name}
        data-testid="experiment-switcher"
      >
        {props.collapsed ? (
          <span className={styles.initial}>{[...name][0]}</span>
        ) : (
          <>
            <FlaskConical size={16} strokeWidth={1.5} aria-hidden />
            <span className={styles.name}>{name}</span>
            <ChevronsUpDown size={14} strokeWidth={1.5} aria-hidden />
          </>
        )}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className={classNames(floating.panel, styles.panel)}
          align="start"
          sideOffset={4}
          collisionPadding={8}
          aria-label="Experiments"
        >
          <ExperimentPicker {...props} onChosen={() => setOpen(false)} />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

function ExperimentPicker(props: {
  readonly experiments: readonly ListedExperiment[];
  readonly current: ListedExperiment | undefined;
  readonly onChosen: () => void;
}) {
  const navigate = useNavigate();
  const listId = useId();
  const [text, setText] = useState("");
  const found = shownExperiments(props.experiments).filter((experiment) =>
    experiment.name.toLowerCase().includes(text.trim().toLowerCase()),
  );
  const [active, setActive] = useState(() => (props.current ? Math.max(found.indexOf(props.current), 0) : 0));
  const optionId = (experiment: ListedExperiment) => `${listId}-${experiment.experimentId}`;

  const choose = (experiment: ListedExperiment) => {
    props.onChosen();
    void navigate({ to: "/e/$exp/traces", params: { exp: experimentInUrl(experiment) }, search: {} });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const chosen = found[active];
    if (step !== undefined && found.length > 0) {
      event.preventDefault();
      setActive((active + step + found.length) % found.length);
    } else if (event.key === "Enter" && chosen) {
      event.preventDefault();
      choose(chosen);
    }
  };

  const activeExperiment = found[active];
  return (
    <>
      <div className={styles.search}>
        <Search size={14} strokeWidth={1.5} aria-hidden />
        <input
          // The popover was opened to search.
          ref={(input) => input?.focus()}
          role="combobox"
          aria-label="Find an experiment"
          aria-expanded="true"
          aria-controls={listId}
          aria-activedescendant={activeExperiment && optionId(activeExperiment)}
          placeholder="Find an experiment"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setActive(0);
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <div id={listId} role="listbox" aria-label="Experiments" className={styles.list}>
        {found.map((experiment, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the combobox has the focus and handles the keys
          <div
            key={experiment.experimentId}
            id={optionId(experiment)}
            role="option"
            tabIndex={-1}
            aria-selected={experiment === props.current}
            data-active={index === active}
            className={floating.item}
            onClick={() => choose(experiment)}
            onPointerMove={() => setActive(index)}
          >
            <span className={floating.grow}>{experiment.name}</span>
            {experiment === props.current && <Check size={14} strokeWidth={1.5} aria-hidden />}
            <span className={floating.aside}>{formatTotal(experiment.traces)}</span>
          </div>
        ))}
        {found.length === 0 && <p className={styles.empty}>No experiment is called “{text}”.</p>}
      </div>
    </>
  );
}
