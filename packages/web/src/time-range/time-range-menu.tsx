/**
 * The time range of a page: presets, or two bounds in words.
 */
import { Check, ChevronDown, Clock } from "lucide-react";
import { Popover } from "radix-ui";
import { type FormEvent, useId, useState } from "react";
import { Button } from "../components/button.tsx";
import { classNames } from "../components/class-names.ts";
import floating from "../components/floating.module.css";
import { useKeys } from "../keys/use-keys.ts";
import { parseBound, presetRanges, rangeLabel, type TimeRange } from "./time-range.ts";
import styles from "./time-range-menu.module.css";

export function TimeRangeMenu(props: { readonly range: TimeRange; readonly onChange: (range: TimeRange) => void }) {
  const [open, setOpen] = useState(false);
  useKeys({ "open time range": () => setOpen(true) });
  const label = rangeLabel(props.range);
  const change = (range: TimeRange) => {
    setOpen(false);
    props.onChange(range);
  };
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <Button icon={Clock} aria-label={`Time range: ${label}`} data-testid="time-range">
          {label}
          <ChevronDown size={14} strokeWidth={1.5} aria-hidden />
        </Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className={classNames(floating.panel, styles.panel)}
          align="end"
          sideOffset={4}
          collisionPadding={8}
          aria-label="Time range"
        >
          {presetRanges.map((preset) => {
            const isCurrent = preset.from === props.range.from && props.range.to === undefined;
            return (
              <button
                key={preset.label}
                type="button"
                className={floating.item}
                aria-current={isCurrent}
                onClick={() => change({ from: preset.from })}
              >
                <span className={floating.grow}>{preset.label}</span>
                {isCurrent && <Check size={14} strokeWidth={1.5} aria-hidden />}
              </button>
            );
          })}
          <CustomRange range={props.range} onChange={change} />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

function CustomRange(props: { readonly range: TimeRange; readonly onChange: (range: TimeRange) => void }) {
  const [from, setFrom] = useState(() => inWords(props.range.from));
  const [to, setTo] = useState(() => inWords(props.range.to));
  const [wrong, setWrong] = useState<"from" | "to">();
  const hintId = useId();
  const apply = (event: FormEvent) => {
    event.preventDefault();
    const now = new Date();
    const [start, end] = [parseBound(from, now), parseBound(to, now)];
    if (start === undefined || end === undefined) {
      setWrong(start === undefined ? "from" : "to");
      return;
    }
    props.onChange({ from: start === "" ? undefined : start, to: end === "" ? undefined : end });
  };
  const field = (name: "from" | "to", text: string, change: (text: string) => void, placeholder: string) => (
    <label className={styles.field}>
      {name === "from" ? "From" : "To"}
      <input
        value={text}
        placeholder={placeholder}
        aria-invalid={wrong === name}
        aria-describedby={hintId}
        onChange={(event) => {
          setWrong(undefined);
          change(event.target.value);
        }}
      />
    </label>
  );
  return (
    <form className={styles.custom} onSubmit={apply}>
      {field("from", from, setFrom, "yesterday 14:00")}
      {field("to", to, setTo, "now")}
      <p id={hintId} className={classNames(styles.hint, wrong && styles.problem)} role={wrong && "alert"}>
        {wrong
          ? `“${wrong === "from" ? from : to}” is no time. Write 3h, 14:00, nov 3 14:00 or 2026-11-03 14:00.`
          : "3h, yesterday, nov 3 14:00, 2026-11-03 14:00; local time"}
      </p>
      <Button type="submit" look="outlined">
        Apply
      </Button>
    </form>
  );
}

/** A bound as one would type it: relative ones as they are, absolute ones in local time. */
function inWords(bound: string | undefined): string {
  if (bound === undefined || !bound.includes("T")) return bound ?? "";
  const date = new Date(bound);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
