/**
 * A JSON value as the lines of a tree. Pure: which containers are open comes in, lines go out.
 */
import { isRecord, unfoldJson } from "./json-shape.ts";

export type JsonPath = readonly (string | number)[];

export interface JsonRow {
  /** Unique in the tree. */
  readonly id: string;
  readonly path: JsonPath;
  readonly depth: number;
  /** Key or index in the container above; undefined for the root. */
  readonly name: string | number | undefined;
  readonly value: unknown;
  readonly content:
    | { readonly kind: "leaf" }
    /** `fromText`: the value is a text that holds JSON, opened in place. */
    | {
        readonly kind: "container";
        readonly isArray: boolean;
        readonly size: number;
        readonly open: boolean;
        readonly fromText: boolean;
      }
    /** A text that takes more than its line. */
    | { readonly kind: "text"; readonly open: boolean }
    /** Members that are not shown yet. */
    | { readonly kind: "more"; readonly hidden: number };
}

export interface JsonState {
  /** Rows whose state is not the one they start with. */
  readonly toggled: ReadonlySet<string>;
  /** Members shown of large containers, by row id; default {@link MEMBERS}. */
  readonly shown: ReadonlyMap<string, number>;
}

export const INITIAL_STATE: JsonState = { toggled: new Set(), shown: new Map() };

/** Members shown of a container at first, and by each "more": a row costs 100 bytes, a list may have a million. */
export const MEMBERS = 1000;
/** Containers with more members than this start closed, the root aside. */
const OPEN_UP_TO = 24;
/** Levels that start open. */
const OPEN_DEPTH = 3;
/** Characters of a text that fit on its line, more or less; longer ones can be opened. */
export const LINE_CHARS = 120;

/** The lines of `value` from top to bottom. */
export function jsonRows(value: unknown, state: JsonState): JsonRow[] {
  const rows: JsonRow[] = [];
  /** Still to be shown, last first: depth first without recursion, for values that nest thousands of levels. */
  type Pending = Pick<JsonRow, "id" | "path" | "depth" | "name" | "value"> & { readonly hidden?: number };
  const stack: Pending[] = [{ id: "", path: [], depth: 0, name: undefined, value }];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { hidden, ...line } = next;
    if (hidden !== undefined) {
      rows.push({ ...line, content: { kind: "more", hidden } });
      continue;
    }
    const { id, depth } = line;
    const isToggled = state.toggled.has(id);
    if (typeof line.value === "string") {
      const opened = isToggled ? unfoldJson(line.value) : undefined;
      if (!isContainer(opened)) {
        const isLong = line.value.length > LINE_CHARS || line.value.includes("\n");
        rows.push({ ...line, content: isLong ? { kind: "text", open: isToggled } : { kind: "leaf" } });
        continue;
      }
      pushContainer(line, opened, true, true);
      continue;
    }
    if (!isContainer(line.value)) {
      rows.push({ ...line, content: { kind: "leaf" } });
      continue;
    }
    const size = sizeOf(line.value);
    const startsOpen = depth === 0 || (depth < OPEN_DEPTH && size <= OPEN_UP_TO);
    pushContainer(line, line.value, startsOpen !== isToggled, false);
  }
  return rows;

  function pushContainer(line: Pending, container: object, isOpen: boolean, fromText: boolean): void {
    const isArray = Array.isArray(container);
    const size = sizeOf(container);
    const open = isOpen && size > 0;
    rows.push({ ...line, content: { kind: "container", isArray, size, open, fromText } });
    if (!open) return;
    const shown = Math.min(state.shown.get(line.id) ?? MEMBERS, size);
    const names: readonly (string | number)[] = isArray
      ? [...Array(shown).keys()]
      : Object.keys(container).slice(0, shown);
    const depth = line.depth + 1;
    if (shown < size) {
      stack.push({ id: `${line.id}/…`, path: line.path, depth, name: undefined, value: line.id, hidden: size - shown });
    }
    for (let at = names.length - 1; at >= 0; at--) {
      const name = names[at] ?? at;
      // The container was just asked for its own names.
      const member = (container as Record<string | number, unknown>)[name];
      stack.push({ id: `${line.id}/${escapeName(name)}`, path: [...line.path, name], depth, name, value: member });
    }
  }
}

/** Whether a text looks like JSON that can be opened in place; it is parsed when someone does. */
export function isJsonText(text: string): boolean {
  return /^\s*[{[]/.test(text) && /[}\]]\s*$/.test(text.slice(-20));
}

function isContainer(value: unknown): value is object {
  return Array.isArray(value) || isRecord(value);
}

function sizeOf(container: object): number {
  return Array.isArray(container) ? container.length : Object.keys(container).length;
}

/** As in a JSON pointer, RFC 6901: a name with a slash must not look like two. */
function escapeName(name: string | number): string {
  return String(name).replaceAll("~", "~0").replaceAll("/", "~1");
}

/** A path as one writes it in JavaScript: `messages[0].content`, `headers["x-id"]`; the root is `$`. */
export function writePath(path: JsonPath): string {
  const text = path
    .map((name) => {
      if (typeof name === "number") return `[${name}]`;
      return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
    })
    .join("");
  return text === "" ? "$" : text.replace(/^\./, "");
}
