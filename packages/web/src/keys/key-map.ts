/**
 * Every key of the UI: what it does, where, and how it is written. The dialog behind `?` is this table.
 */

interface KeyRow {
  /** Presses as tinykeys reads them; any of them does it. */
  readonly press: readonly [string, ...string[]];
  /** As it is printed. */
  readonly shown: string;
  readonly label: string;
  readonly group: "Everywhere" | "Traces" | "Trace";
}

export const keyMap = {
  "go to traces": { press: ["g t"], shown: "g t", label: "Go to traces", group: "Everywhere" },
  "toggle rail": { press: ["["], shown: "[", label: "Collapse or expand the rail", group: "Everywhere" },
  "copy link": { press: ["o"], shown: "o", label: "Copy a link to this screen", group: "Everywhere" },
  "show keys": { press: ["Shift+?", "?"], shown: "?", label: "Keys of this page", group: "Everywhere" },

  "focus filter": { press: ["/"], shown: "/", label: "Write a filter", group: "Traces" },
  "open time range": { press: ["t"], shown: "t", label: "Time range", group: "Traces" },
  "toggle live": { press: ["l"], shown: "l", label: "Pause or resume live arrival", group: "Traces" },
  refresh: { press: ["r"], shown: "r", label: "Read again", group: "Traces" },
  "next row": { press: ["j", "ArrowDown"], shown: "j ↓", label: "Next row", group: "Traces" },
  "previous row": { press: ["k", "ArrowUp"], shown: "k ↑", label: "Previous row", group: "Traces" },
  "open row": { press: ["Enter"], shown: "↵", label: "Open the trace", group: "Traces" },
  peek: { press: ["Space"], shown: "Space", label: "Peek at the trace beside the list", group: "Traces" },
  "close peek": { press: ["Escape"], shown: "Esc", label: "Close the peek pane", group: "Traces" },

  "next span": { press: ["ArrowDown"], shown: "↓", label: "Next span", group: "Trace" },
  "previous span": { press: ["ArrowUp"], shown: "↑", label: "Previous span", group: "Trace" },
  "open span": { press: ["ArrowRight"], shown: "→", label: "Unfold, or go to the first child", group: "Trace" },
  "close span": { press: ["ArrowLeft"], shown: "←", label: "Fold, or go to the parent", group: "Trace" },
  "first span": { press: ["Home"], shown: "Home", label: "First span", group: "Trace" },
  "last span": { press: ["End"], shown: "End", label: "Last span", group: "Trace" },
  "next error": { press: ["e"], shown: "e", label: "Next error", group: "Trace" },
  "previous error": { press: ["Shift+E"], shown: "E", label: "Previous error", group: "Trace" },
  zoom: { press: ["z"], shown: "z", label: "Fit the time axis to the span, or to the whole trace", group: "Trace" },
  "parent span": { press: ["p"], shown: "p", label: "Parent of the span", group: "Trace" },
  "next trace": { press: ["j"], shown: "j", label: "Next trace of the list", group: "Trace" },
  "previous trace": { press: ["k"], shown: "k", label: "Previous trace of the list", group: "Trace" },
  "copy id": { press: ["y"], shown: "y", label: "Copy the trace id", group: "Trace" },
  "add tag": { press: ["#", "Shift+#"], shown: "#", label: "Add a tag", group: "Trace" },
  "back to list": { press: ["Escape"], shown: "Esc", label: "Back to the list", group: "Trace" },
} as const satisfies Record<string, KeyRow>;

export type KeyAction = keyof typeof keyMap;

/** How a key is written, for tooltips. */
export function shownKey(action: KeyAction): string {
  return keyMap[action].shown;
}
