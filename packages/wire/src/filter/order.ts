/**
 * `order_by` of MLflow's API, and `orderBy` of ours: one grammar, `key [ASC|DESC]`.
 */
import type { FieldReference } from "./ast.ts";
import { lexFilter, type Token } from "./lexer.ts";
import { nearestWord } from "./nearest.ts";
import { type FilterError, listed, Refusal, TokenReader, wordOf } from "./token-reader.ts";

/**
 * What traces can be ordered by, with the spellings that requests may use. `tags` and `metadata` take a key.
 *
 * MLflow's own are `timestamp_ms` to `metadata`; the others are ours.
 */
export const ORDER_KEYS = {
  timestamp_ms: ["timestamp"],
  execution_time_ms: ["execution_time"],
  end_time_ms: ["end_time"],
  status: [],
  trace_id: ["request_id"],
  experiment: ["experiment_id"],
  name: [],
  run: ["run_id"],
  tags: ["tag"],
  metadata: ["request_metadata"],
  session: [],
  user: [],
  "tokens.total": [],
  cost: [],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type OrderKey = keyof typeof ORDER_KEYS;

/** Keys that are the name of a whole family. */
const KEYED: readonly OrderKey[] = ["tags", "metadata"];
/** Those of MLflow's API; `session` and so on are unknown there. */
const MLFLOW_KEYS: readonly OrderKey[] = [
  ...(["timestamp_ms", "execution_time_ms", "end_time_ms", "status", "trace_id"] as const),
  ...(["experiment", "name", "run", "tags", "metadata"] as const),
];

/** One key of an order. Traces that have nothing under it come last, in both directions. */
export interface FilterOrder {
  /** The canonical name of a field of the filter language; `key` for tags and metadata. */
  readonly by: FieldReference & { readonly field: OrderKey };
  readonly direction: "ASC" | "DESC";
}

/** The order when none is asked for, and between traces that are equal otherwise; then by id, ascending. */
export const DEFAULT_ORDER: FilterOrder = { by: { field: "timestamp_ms" }, direction: "DESC" };

export type OrderResult =
  | { readonly ok: true; readonly order: FilterOrder }
  | { readonly ok: false; readonly error: FilterError };

/** Longest text that is read. */
const MAX_ORDER_LENGTH = 1000;

/**
 * Reads one `key [ASC|DESC]`; without a direction it is ASC.
 *
 * @param text  e.g. `timestamp_ms DESC`, ``tags.`my key` ``, `attributes.execution_time`
 * @param options  in mode `mlflow` keys of our own are unknown, and names are case-sensitive
 * @returns the order with canonical names, or where it is wrong; never throws
 */
export function parseOrder(text: string, { mode = "open" }: { mode?: "open" | "mlflow" } = {}): OrderResult {
  if (text.length > MAX_ORDER_LENGTH) {
    const message = `The order has ${text.length} characters; at most ${MAX_ORDER_LENGTH} are read.`;
    return { ok: false, error: { message, position: MAX_ORDER_LENGTH, length: text.length - MAX_ORDER_LENGTH } };
  }
  const lexed = lexFilter(text);
  if (!lexed.ok) return { ok: false, error: lexed.error };
  try {
    return { ok: true, order: readOrder(new TokenReader(lexed.tokens, text), mode) };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, error: error.error };
    throw error;
  }
}

function readOrder(reader: TokenReader, mode: "open" | "mlflow"): FilterOrder {
  const by = readKey(reader, mode);
  const token = reader.next();
  const word = wordOf(token);
  const direction = token.kind === "end" ? "ASC" : word === "ASC" || word === "DESC" ? word : undefined;
  const rest = token.kind === "end" ? token : reader.next();
  if (direction === undefined) {
    throw reader.refusal(token, `After the key comes ASC or DESC, not ${reader.show(token)}.`, {
      expected: ["ASC", "DESC"],
    });
  }
  if (rest.kind !== "end") throw reader.refusal(rest, `The order ends before ${reader.show(rest)}.`);
  return { by, direction };
}

function readKey(reader: TokenReader, mode: "open" | "mlflow"): FilterOrder["by"] {
  const token = reader.next();
  const parts = partsOf(token, mode);
  const [head = "", ...rest] = parts ?? [];
  const allowed = mode === "mlflow" ? MLFLOW_KEYS : (Object.keys(ORDER_KEYS) as OrderKey[]);
  const isCalled = (key: OrderKey, spelling: string) =>
    key === spelling || (ORDER_KEYS[key] as readonly string[]).includes(spelling);
  const keyed = allowed.find((key) => KEYED.includes(key) && isCalled(key, head));
  const key = rest.join(".");
  if (keyed !== undefined && key !== "") return { field: keyed, key };
  const spelling = [head, ...rest].join(".");
  const plain = allowed.find((candidate) => !KEYED.includes(candidate) && isCalled(candidate, spelling));
  if (plain !== undefined) return { field: plain };
  const spellings = allowed.flatMap((candidate) => [candidate, ...ORDER_KEYS[candidate]]);
  const nearest = nearestWord(
    spelling,
    spellings.filter((candidate) => candidate !== spelling),
  );
  const hint = nearest === undefined ? "" : ` Did you mean ${nearest}?`;
  const names = allowed.map((candidate) => (KEYED.includes(candidate) ? `${candidate}.<key>` : candidate));
  throw reader.refusal(
    token,
    `Traces cannot be ordered by ${reader.show(token)}.${hint} The keys are ${listed(names)}.`,
    {
      expected: names,
      ...(nearest !== undefined && { suggestion: nearest }),
    },
  );
}

/** The parts of a key without the entity that MLflow lets stand in front; undefined if the token is none. */
function partsOf(token: Token, mode: "open" | "mlflow"): readonly string[] | undefined {
  if (token.kind !== "path") return undefined;
  const parts = token.parts.map((part) => part.text);
  if (mode === "open") parts[0] = (parts[0] ?? "").toLowerCase();
  const isEntity = ["trace", "attribute", "attributes"].includes(parts[0] ?? "");
  return parts.length > 1 && isEntity ? parts.slice(1) : parts;
}
