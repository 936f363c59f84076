/**
 * The one reader of conventions: a span's attributes and events → its facts in normal form.
 *
 * On the ingest path, once for each span: conventions whose names do not occur are not looked at.
 */

import type { TokenUsage } from "../model/span.ts";
import { setKey } from "../otlp/attributes.ts";
import type { Attributes, AttributeValue, OtlpSpan } from "../otlp/span.ts";
import type { Convention, EntriesRule, NumberRule, PayloadRule, SpanTypeRule } from "./convention.ts";
import { hasForeignEscapes, plainEscapes } from "./json-escapes.ts";
import { readFlattened, readMessageEvents } from "./message-list.ts";
import type { NormalizedSpan, Payload } from "./normalized-span.ts";
import { payloadFromAttribute, valueToJson } from "./payload.ts";
import { conventions } from "./registry.ts";
import { readUsage } from "./usage.ts";
import { asAmount, asList, asObject, asText } from "./values.ts";

type RawSpan = Pick<OtlpSpan, "name" | "attributes" | "events" | "parentSpanId">;

/**
 * Reads the facts of a span from whatever conventions its attributes follow.
 *
 * Field by field: each fact comes from the first convention of the registry that has it; token counts from the one that tells
 * most. Attributes are not changed.
 */
export function normalizeSpan(span: RawSpan): NormalizedSpan {
  const plan = planFor(span);
  const { attributes } = span;
  const model = textAt(attributes, plan.model);
  const provider = textAt(attributes, plan.provider);
  const inputs = payloadOf(plan.inputs, span);
  const outputs = payloadOf(plan.outputs, span);
  const usage = plan.usage.length === 0 ? undefined : usageOf(plan, attributes, `${provider ?? ""} ${model ?? ""}`);
  const costUsd = costOf(plan.costUsd, attributes);
  return {
    spanType: spanTypeOf(plan.spanType, attributes) ?? "UNKNOWN",
    ...(inputs && { inputs }),
    ...(outputs && { outputs }),
    ...(model !== undefined && { model }),
    ...(provider !== undefined && { provider }),
    ...(usage && { usage }),
    ...(costUsd !== undefined && { costUsd }),
    ...textFacts(plan, attributes),
    traceTags: entriesOf(plan.traceTags, span),
    traceMetadata: entriesOf(plan.traceMetadata, span),
  };
}

/**
 * The token counts of the convention that tells most of the parts, the first of equals: emitters that write two conventions
 * often leave the parts out of the second. Counts that are `verbatim` are final.
 */
function usageOf(plan: Plan, attributes: Attributes, maker: string): TokenUsage | undefined {
  let best: TokenUsage | undefined;
  for (const rule of plan.usage) {
    const usage = readUsage(rule, attributes, maker);
    if (usage && (best === undefined || countParts(usage) > countParts(best))) best = usage;
    if (best && rule.counts === "verbatim") return best;
  }
  return best;
}

function countParts(usage: TokenUsage): number {
  return Object.keys(usage).length;
}

const TEXT_FACTS = [
  "sessionId",
  "userId",
  "clientRequestId",
  "traceState",
  "requestPreview",
  "responsePreview",
] as const;

function textFacts(plan: Plan, attributes: Attributes) {
  const facts: { -readonly [K in (typeof TEXT_FACTS)[number]]?: string } = {};
  for (const fact of TEXT_FACTS) {
    const text = textAt(attributes, plan[fact]);
    if (text !== undefined) facts[fact] = text;
  }
  return facts;
}

/** The rules of some conventions, joined for each fact in the order of the registry. */
type Plan = {
  readonly [K in Exclude<keyof Convention, "name" | "source" | "namespaces">]-?: NonNullable<Convention[K]>;
};

/** Namespace → the conventions that use it, as bits in order of the registry. */
const speakers = new Map<string, number>();
/** The conventions that are always read. */
let always = 0;
for (const [index, { namespaces }] of conventions.entries()) {
  if (!namespaces) always |= 1 << index;
  for (const namespace of namespaces ?? []) speakers.set(namespace, (speakers.get(namespace) ?? 0) | (1 << index));
}

/** Made once for each mixture of conventions that occurs: real emitters speak a handful. */
const plans = new Map<number, Plan>();

function planFor({ attributes, events }: RawSpan): Plan {
  let bits = always;
  for (const key in attributes) bits |= speakers.get(namespaceOf(key)) ?? 0;
  for (const { name } of events) bits |= speakers.get(namespaceOf(name)) ?? 0;
  const known = plans.get(bits);
  if (known) return known;
  const plan = joinRules(conventions.filter((_, index) => bits & (1 << index)));
  plans.set(bits, plan);
  return plan;
}

function joinRules(spoken: readonly Convention[]): Plan {
  const join = <K extends keyof Plan>(fact: K) => spoken.flatMap((row): readonly unknown[] => row[fact] ?? []);
  const facts: (keyof Plan)[] = [
    "spanType",
    "inputs",
    "outputs",
    "model",
    "provider",
    "usage",
    "costUsd",
    ...TEXT_FACTS,
    "traceTags",
    "traceMetadata",
  ];
  // Each list is joined from lists of the same fact.
  return Object.fromEntries(facts.map((fact) => [fact, join(fact)])) as unknown as Plan;
}

function namespaceOf(name: string): string {
  const dot = name.indexOf(".");
  return dot < 0 ? name : name.slice(0, dot);
}

function textAt(attributes: Attributes, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const text = asText(attributes[key]);
    if (text !== undefined) return text;
  }
  return undefined;
}

function spanTypeOf(rules: readonly SpanTypeRule[], attributes: Attributes): string | undefined {
  for (const rule of rules) {
    const type = spanTypeBy(rule, attributes);
    if (type !== undefined) return type;
  }
  return undefined;
}

function payloadOf(rules: readonly PayloadRule[], span: RawSpan): Payload | undefined {
  for (const rule of rules) {
    const payload = payloadBy(rule, span);
    if (payload !== undefined) return payload;
  }
  return undefined;
}

function costOf(rules: readonly NumberRule[], attributes: Attributes): number | undefined {
  for (const rule of rules) {
    const amount = amountBy(rule, attributes);
    if (amount !== undefined) return amount;
  }
  return undefined;
}

function spanTypeBy(rule: SpanTypeRule, attributes: Attributes): string | undefined {
  if ("present" in rule) return rule.present in attributes ? rule.spanType : undefined;
  const value = asText(attributes[rule.key]);
  if (value === undefined) return undefined;
  if (Object.hasOwn(rule.values, value)) return rule.values[value];
  // UNKNOWN is what MLflow's client writes when nobody said anything: another convention may know more.
  return rule.others === "keep" && value !== "UNKNOWN" ? value : undefined;
}

function payloadBy(rule: PayloadRule, { attributes, events }: RawSpan): Payload | undefined {
  if (typeof rule === "string") {
    const value = attributes[rule];
    return isEmpty(value) ? undefined : payloadFromAttribute(rule, value);
  }
  if ("object" in rule) {
    if (rule.when.some((key) => isEmpty(attributes[key]))) return undefined;
    const members = Object.entries(rule.object).flatMap(([member, key]) => {
      const value = attributes[key];
      return isEmpty(value) ? [] : `${JSON.stringify(member)}:${payloadFromAttribute(key, value).json}`;
    });
    return { json: `{${members.join(",")}}` };
  }
  if ("flattened" in rule) return withoutSource(readFlattened(attributes, rule.flattened, rule.unwrap));
  if (events.length === 0) return undefined;
  if ("events" in rule) return withoutSource(readMessageEvents(events, rule.events));
  const value = events.find(({ name }) => name === rule.event)?.attributes[rule.key];
  return isEmpty(value) ? undefined : { json: payloadFromAttribute(rule.key, value).json };
}

function withoutSource(json: string | undefined): Payload | undefined {
  if (json === undefined) return undefined;
  return { json: hasForeignEscapes(json) ? plainEscapes(json).json : json };
}

/** An empty string is what emitters write who have nothing; a list or an object without members is an answer. */
function isEmpty(value: AttributeValue | undefined): value is undefined | null | "" {
  return value === undefined || value === null || value === "";
}

function amountBy(rule: NumberRule, attributes: Attributes): number | undefined {
  return typeof rule === "string"
    ? asAmount(attributes[rule])
    : asAmount(asObject(attributes[rule.json])?.[rule.member]);
}

const NO_ENTRIES: Readonly<Record<string, string>> = Object.freeze({});

function entriesOf(rules: readonly EntriesRule[], span: RawSpan): Readonly<Record<string, string>> {
  let entries: Record<string, string> | undefined;
  for (const rule of rules) {
    if (rule.rootOnly && span.parentSpanId !== "") continue;
    for (const [key, value] of entriesBy(rule, span.attributes)) {
      entries ??= {};
      if (!Object.hasOwn(entries, key)) setKey(entries, key, value);
    }
  }
  return entries ?? NO_ENTRIES;
}

function entriesBy(rule: EntriesRule, attributes: Attributes): [string, string][] {
  if ("list" in rule) return (asList(attributes[rule.list]) ?? []).map((item) => [textOf(item), "true"]);
  if ("json" in rule) {
    return Object.entries(asObject(attributes[rule.json]) ?? {}).map(([key, value]) => [key, textOf(value)]);
  }
  if ("key" in rule) {
    const text = asText(attributes[rule.key]);
    return text === undefined ? [] : [[rule.as, text]];
  }
  const entries: [string, string][] = [];
  for (const key in attributes) {
    if (!key.startsWith(rule.prefix)) continue;
    const name = key.slice(rule.prefix.length);
    if (name !== "" && !rule.except?.includes(name)) entries.push([name, textOf(attributes[key])]);
  }
  return entries;
}

/** Tags are texts; whatever else is given is shown as JSON. */
function textOf(value: unknown): string {
  // From attributes and from JSON.parse alike: only what valueToJson prints.
  const known = value as AttributeValue | undefined;
  return asText(known) ?? (known === "" ? "" : valueToJson(known ?? null));
}
