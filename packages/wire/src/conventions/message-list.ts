/**
 * Messages that emitters spread over many attributes or over span events, put together again as JSON.
 */
import type { Attributes, AttributeValue, OtlpEvent } from "../otlp/span.ts";
import { valueToJson } from "./payload.ts";
import { asObject } from "./values.ts";

/** A value at a dotted name, or what lies below it. */
type Node = Map<string, Node | AttributeValue>;

/**
 * The list behind `<prefix>.0.role`, `<prefix>.0.content`, `<prefix>.1.role`, …: JSON text, undefined if there are none.
 *
 * Attributes may come in any order and with gaps: items keep the order of their numbers and close up.
 *
 * @param unwrap  name segments that only repeat what is listed (`message` in `….0.message.role`) and are left out
 */
export function readFlattened(
  attributes: Attributes,
  prefix: string,
  unwrap: readonly string[] = [],
): string | undefined {
  const start = `${prefix}.`;
  const root: Node = new Map();
  for (const key of Object.keys(attributes)) {
    if (!key.startsWith(start)) continue;
    const path = key.slice(start.length).split(".");
    if (!isIndex(path[0] ?? "")) continue;
    const kept = path.filter((step) => !unwrap.includes(step));
    place(root, kept, attributes[key] ?? null);
  }
  return root.size === 0 ? undefined : print(root);
}

function place(root: Node, path: readonly string[], value: AttributeValue): void {
  let node = root;
  for (const step of path.slice(0, -1)) {
    const next = node.get(step);
    if (next instanceof Map) {
      node = next;
    } else {
      // Where a name is both a value and a prefix, what lies below says more.
      const created: Node = new Map();
      node.set(step, created);
      node = created;
    }
  }
  const last = path.at(-1) ?? "";
  if (!(node.get(last) instanceof Map)) node.set(last, value);
}

function print(node: Node | AttributeValue): string {
  if (!(node instanceof Map)) return valueToJson(node);
  const keys = [...node.keys()];
  if (keys.every(isIndex)) {
    const items = keys.sort((a, b) => Number(a) - Number(b)).map((key) => print(node.get(key) ?? null));
    return `[${items.join(",")}]`;
  }
  return `{${keys.map((key) => `${JSON.stringify(key)}:${print(node.get(key) ?? null)}`).join(",")}}`;
}

function isIndex(step: string): boolean {
  return /^\d{1,9}$/.test(step);
}

/** Attributes of message events that are about the event, not part of the message. */
const NOT_MESSAGE = new Set(["gen_ai.system", "gen_ai.provider.name", "event.name", "gen_ai.event.content"]);

/**
 * The messages that span events hold: a JSON list, undefined if there is no such event.
 *
 * @param roles  event name → role of a message that names none
 * @see https://github.com/open-telemetry/semantic-conventions/blob/v1.36.0/docs/gen-ai/gen-ai-events.md
 */
export function readMessageEvents(
  events: readonly OtlpEvent[],
  roles: Readonly<Record<string, string>>,
): string | undefined {
  const messages: string[] = [];
  for (const event of events) {
    if (Object.hasOwn(roles, event.name)) messages.push(messageOf(event, roles[event.name] ?? ""));
  }
  return messages.length === 0 ? undefined : `[${messages.join(",")}]`;
}

function messageOf({ attributes }: OtlpEvent, role: string): string {
  // Azure's SDKs put the whole body into one attribute, as JSON text.
  const content = attributes["gen_ai.event.content"];
  const body = asObject(content) ?? (typeof content === "string" ? { content } : attributes);
  const members = new Map<string, unknown>([["role", role]]);
  // A choice wraps its message: { index, finish_reason, message: { role, content } }.
  const wrapped = asObject(body["message"] as AttributeValue | undefined);
  for (const part of wrapped ? [body, wrapped] : [body]) {
    for (const key of Object.keys(part)) {
      if (!NOT_MESSAGE.has(key) && !(wrapped && key === "message")) members.set(key, part[key]);
    }
  }
  // Attribute values and parsed JSON are both made of what valueToJson prints.
  const texts = [...members].map(([key, value]) => `${JSON.stringify(key)}:${valueToJson(value as AttributeValue)}`);
  return `{${texts.join(",")}}`;
}
