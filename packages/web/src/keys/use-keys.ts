/**
 * Keys of the page: bound while a component is there, silent while someone types or a layer is open.
 */
import { useEffect, useRef } from "react";
import { tinykeys } from "tinykeys";
import { rememberChoice } from "../remembered.ts";
import { type KeyAction, keyMap } from "./key-map.ts";

/** Single-key shortcuts can be turned off (WCAG 2.1.4): they get in the way of speech input. */
export const singleKeys = rememberChoice("single-keys", ["on", "off"]);

type Handlers = { readonly [Action in KeyAction]?: ((event: KeyboardEvent) => void) | undefined };

/** Binds actions of the key map. The handlers of the last render are called; which actions are bound is fixed at the first. */
export function useKeys(handlers: Handlers): void {
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });
  const actions = Object.keys(handlers).join("|");
  useEffect(() => {
    const bindings: Record<string, (event: KeyboardEvent) => void> = {};
    // `actions` was made of the keys of Handlers.
    for (const action of actions.split("|") as KeyAction[]) {
      for (const press of keyMap[action].press) {
        bindings[press] = (event) => {
          const handler = latest.current[action];
          if (!handler || isElsewhere(event) || (!press.includes(" ") && isAfterG())) return;
          event.preventDefault();
          handler(event);
        };
      }
    }
    return tinykeys(window, bindings);
  }, [actions]);
}

/** Sequences start with `g`; the key after it must not do what it does alone. As long as tinykeys waits for a sequence. */
const SEQUENCE_MS = 1000;
let pressed: { key: string; at: number } = { key: "", at: 0 };
let before = pressed;
window.addEventListener(
  "keydown",
  (event) => {
    before = pressed;
    pressed = { key: event.key, at: event.timeStamp };
  },
  { capture: true },
);

function isAfterG(): boolean {
  return before.key === "g" && pressed.at - before.at < SEQUENCE_MS;
}

/** Whether a key press is meant for something else: a field, an open layer, or the button that has the focus. */
function isElsewhere(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.isComposing) return true;
  // Escape closes one layer; a tooltip is one.
  if (event.key === "Escape" && document.querySelector("[role=tooltip]")) return true;
  const isPrintable = event.key.length === 1 && event.key !== " ";
  if (isPrintable && singleKeys.get() === "off") return true;
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest("input, textarea, select, [contenteditable=true], [role=dialog], [role=menu], [role=listbox]")) {
    return true;
  }
  // Enter and Space press the button or follow the link that has the focus; arrows move between tabs and radio buttons.
  const presses = event.key === "Enter" || event.key === " ";
  if (presses && target?.closest("button, a, summary, [role=tab], [role=radio]")) return true;
  const moves = event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End";
  return moves && target?.closest("[role=tab], [role=radio], [role=separator]") != null;
}
