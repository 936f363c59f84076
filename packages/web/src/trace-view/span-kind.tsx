/**
 * Kinds of spans: icon, colour and word for each span type.
 */
import {
  ArrowUpDown,
  AudioWaveform,
  Circle,
  CircleDot,
  Diamond,
  Dot,
  Hammer,
  type LucideIcon,
  Rows3,
  Scale,
  Shield,
} from "lucide-react";
import { classNames } from "../components/class-names.ts";
import styles from "./span-kind.module.css";

export interface SpanKind {
  /** Name of the colour token: `--kind-<name>`. */
  readonly name: string;
  readonly label: string;
  readonly icon: LucideIcon;
  /** The icon is a filled shape. */
  readonly filled?: true;
}

const kinds = {
  agent: { name: "agent", label: "Agent", icon: Diamond, filled: true },
  llm: { name: "llm", label: "Model", icon: CircleDot },
  tool: { name: "tool", label: "Tool", icon: Hammer },
  retriever: { name: "retriever", label: "Retriever", icon: Rows3 },
  embedding: { name: "embedding", label: "Embedding", icon: AudioWaveform },
  reranker: { name: "reranker", label: "Reranker", icon: ArrowUpDown },
  guardrail: { name: "guardrail", label: "Guardrail", icon: Shield },
  evaluator: { name: "evaluator", label: "Evaluator", icon: Scale },
  chain: { name: "chain", label: "Chain", icon: Circle },
  other: { name: "other", label: "Other", icon: Dot },
} as const satisfies Record<string, SpanKind>;
export type KindName = keyof typeof kinds;

/** Span types that are a kind of their own name aside. */
const kindOfType: ReadonlyMap<string, KindName> = new Map([
  ["AGENT", "agent"],
  ["LLM", "llm"],
  ["CHAT_MODEL", "llm"],
  ["TOOL", "tool"],
  ["RETRIEVER", "retriever"],
  ["EMBEDDING", "embedding"],
  ["RERANKER", "reranker"],
  ["GUARDRAIL", "guardrail"],
  ["EVALUATOR", "evaluator"],
  ["CHAIN", "chain"],
  ["WORKFLOW", "chain"],
  ["TASK", "chain"],
]);

/** Kind of a span type; `other` for those that have none. */
export function kindOf(spanType: string): KindName {
  return kindOfType.get(spanType) ?? "other";
}

/** What a kind is called: `Model`. */
export function kindLabel(kind: KindName): string {
  return kinds[kind].label;
}

/** The type as a word: that of its kind, or of the type itself where the kind says less. */
export function typeLabel(spanType: string): string {
  const kind = kindOf(spanType);
  if (kind !== "other") return kinds[kind].label;
  return spanType === "" || spanType === "UNKNOWN" ? "Span" : sentenceCase(spanType);
}

function sentenceCase(text: string): string {
  const words = text.toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The CSS colour of a kind. */
export function kindColour(kind: KindName): string {
  return `var(--kind-${kind})`;
}

/** Icon of a span type; its name stands beside it or is told to screen readers. */
export function KindIcon({ spanType, named = false }: { readonly spanType: string; readonly named?: boolean }) {
  const kind: SpanKind = kinds[kindOf(spanType)];
  const Icon = kind.icon;
  return (
    <span className={classNames(styles.icon, styles[kind.name])}>
      <Icon size={14} strokeWidth={1.75} fill={kind.filled ? "currentColor" : "none"} aria-hidden />
      {named && <span className="visually-hidden">{typeLabel(spanType)}</span>}
    </span>
  );
}
