/**
 * Copies a text and says so.
 */
import { Check, Copy, type LucideIcon } from "lucide-react";
import { useEffect, useState } from "react";
import { Button, IconButton } from "./button.tsx";

/** How long "Copied" stands. */
const SHOWN_MS = 1500;

interface CopyProps {
  /** The text, or how to get it when it is asked for. */
  readonly text: string | (() => string);
  /** Accessible name, e.g. "Copy link". */
  readonly label: string;
  readonly shortcut?: string;
  readonly icon?: LucideIcon;
  readonly small?: boolean;
  /** Shows the name beside the icon. */
  readonly withWords?: boolean;
  readonly className?: string | undefined;
  readonly tabIndex?: number;
}

export function CopyButton({ text, label, shortcut, icon, small = false, withWords = false, ...rest }: CopyProps) {
  const { state, copy } = useCopy();
  const shown = state === "copied" ? "Copied" : state === "failed" ? "The browser refused to copy" : label;
  const props = {
    icon: state === "copied" ? Check : (icon ?? Copy),
    ...rest,
    onClick: () => copy(typeof text === "string" ? text : text()),
  };
  return (
    <>
      {withWords ? (
        <Button {...props}>{shown}</Button>
      ) : (
        <IconButton {...props} small={small} label={shown} shortcut={shortcut} />
      )}
      <span role="status" className="visually-hidden">
        {state === "idle" ? "" : shown}
      </span>
    </>
  );
}

/** Copies to the clipboard; `state` says for a moment how it went. */
export function useCopy() {
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = (text: string) => {
    void writeClipboard(text).then((done) => setState(done ? "copied" : "failed"));
  };
  return { state, copy };
}

/** The clipboard API exists on secure origins only (https, localhost); elsewhere the old command still works. */
async function writeClipboard(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch (error) {
      console.warn("Sightline: the clipboard refused, trying the old way.", error);
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
