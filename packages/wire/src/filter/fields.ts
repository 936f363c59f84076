/**
 * The fields a filter may name, as a table: parser, completion, reference page, memory and SQL read the same rows.
 *
 * A new field is a row here, one in `matches.ts` and one in the store's `filter.ts`; types insist on all three.
 */
import type { ComparisonOperator } from "./ast.ts";

/**
 * What the values of a field are:
 * `text` any string; `state` one of {@link STATE_VALUES}, in any case; `number` a number;
 * `duration` milliseconds, or a number with a unit (`2s`); `time` milliseconds since the epoch, or an RFC 3339 text.
 */
export type FieldType = "text" | "state" | "number" | "duration" | "time";

export interface FilterField {
  /** Canonical name: what the tree holds and `printFilter` writes. */
  readonly name: string;
  /** Other spellings, among them those that MLflow clients send. */
  readonly aliases: readonly string[];
  /** What the field belongs to. */
  readonly entity: "trace";
  readonly type: FieldType;
  /** Whether a key follows: `tags.env`. */
  readonly keyed: boolean;
  readonly operators: readonly ComparisonOperator[];
  /** One sentence for completion and the reference page. */
  readonly help: string;
  readonly example: string;
}

const TEXT = ["=", "!=", "IN", "NOT IN", "LIKE", "ILIKE"] as const;
const ORDERED = ["=", "!=", "<", "<=", ">", ">=", "IN", "NOT IN"] as const;

/** Values of `status`, as `TraceInfo.state` has them. */
export const STATE_VALUES = ["OK", "ERROR", "IN_PROGRESS"] as const;

export const filterFields = [
  {
    name: "status",
    aliases: ["state"],
    entity: "trace",
    type: "state",
    keyed: false,
    operators: TEXT,
    help: "State of the trace: OK, ERROR or IN_PROGRESS.",
    example: "status = 'ERROR'",
  },
  {
    name: "name",
    aliases: ["trace_name"],
    entity: "trace",
    type: "text",
    keyed: false,
    operators: TEXT,
    help: "Name of the trace, that is of its root span.",
    example: "name LIKE 'chat%'",
  },
  {
    name: "execution_time_ms",
    aliases: ["duration", "execution_time", "duration_ms", "latency"],
    entity: "trace",
    type: "duration",
    keyed: false,
    operators: ORDERED,
    help: "From the first start to the last end; milliseconds, or with a unit: ms, s, m, h.",
    example: "duration > 2s",
  },
  {
    name: "timestamp_ms",
    aliases: ["timestamp", "start", "start_time", "request_time"],
    entity: "trace",
    type: "time",
    keyed: false,
    operators: ORDERED,
    help: "Start of the trace: milliseconds since 1970, or a quoted RFC 3339 time.",
    example: "start >= '2026-11-24T00:00:00Z'",
  },
  {
    name: "tags",
    aliases: ["tag"],
    entity: "trace",
    type: "text",
    keyed: true,
    operators: TEXT,
    help: "A tag of the trace, by its key.",
    example: "tags.env = 'prod'",
  },
  {
    name: "metadata",
    aliases: ["request_metadata", "trace_metadata"],
    entity: "trace",
    type: "text",
    keyed: true,
    operators: TEXT,
    help: "A metadata entry of the trace, by its key.",
    example: "metadata.`app.version` = '1.4'",
  },
  {
    name: "session",
    aliases: ["session_id"],
    entity: "trace",
    type: "text",
    keyed: false,
    operators: TEXT,
    help: "Id of the session (conversation) the trace belongs to.",
    example: "session = 's-42'",
  },
  {
    name: "user",
    aliases: ["user_id"],
    entity: "trace",
    type: "text",
    keyed: false,
    operators: TEXT,
    help: "Id of the user the agent worked for.",
    example: "user IN ('ada', 'alan')",
  },
  {
    name: "tokens.total",
    aliases: ["tokens", "total_tokens"],
    entity: "trace",
    type: "number",
    keyed: false,
    operators: ORDERED,
    help: "Tokens of all model calls together.",
    example: "tokens.total > 10k",
  },
  {
    name: "tokens.input",
    aliases: ["input_tokens"],
    entity: "trace",
    type: "number",
    keyed: false,
    operators: ORDERED,
    help: "Tokens given to the models.",
    example: "tokens.input > 1000",
  },
  {
    name: "tokens.output",
    aliases: ["output_tokens"],
    entity: "trace",
    type: "number",
    keyed: false,
    operators: ORDERED,
    help: "Tokens that the models answered.",
    example: "tokens.output > 1000",
  },
  {
    name: "cost",
    aliases: ["cost_usd", "total_cost"],
    entity: "trace",
    type: "number",
    keyed: false,
    operators: ORDERED,
    help: "Cost of all model calls together, in US dollars.",
    example: "cost > 0.05",
  },
  {
    name: "trace_id",
    aliases: ["id", "request_id"],
    entity: "trace",
    type: "text",
    keyed: false,
    operators: TEXT,
    help: "Id of the trace: tr- and 32 hex digits.",
    example: "trace_id = 'tr-0af7651916cd43dd8448eb211c80319c'",
  },
  {
    name: "input",
    aliases: ["request", "inputs"],
    entity: "trace",
    type: "text",
    keyed: false,
    operators: TEXT,
    help: "Preview of what the agent was asked (first 1,000 characters).",
    example: "input ILIKE '%refund%'",
  },
  {
    name: "output",
    aliases: ["response", "outputs"],
    entity: "trace",
    type: "text",
    keyed: false,
    operators: TEXT,
    help: "Preview of what the agent answered (first 1,000 characters).",
    example: "output ILIKE '%sorry%'",
  },
  {
    name: "error",
    aliases: ["error_message"],
    entity: "trace",
    type: "text",
    keyed: false,
    operators: TEXT,
    help: "Type and message of the failure at the bottom of a failed trace.",
    example: "error LIKE 'TimeoutError%'",
  },
] as const satisfies readonly FilterField[];

/** Canonical name of a field. */
export type FieldName = (typeof filterFields)[number]["name"];

/** Words that may stand in front of any field, because MLflow's grammar writes `attributes.status` and `trace.name`. */
const ENTITY_PREFIXES = new Set(["trace", "attribute", "attributes"]);

const bySpelling = new Map<string, (typeof filterFields)[number]>(
  filterFields.flatMap((field) => [field.name, ...field.aliases].map((spelling) => [spelling, field] as const)),
);

/** The row of a canonical name or alias, in any case; undefined if there is none. */
export function findField(spelling: string): (typeof filterFields)[number] | undefined {
  return bySpelling.get(spelling.toLowerCase());
}

/** A field path as it was written: `tags.env` is two parts. */
export interface PathPart {
  readonly text: string;
  /** Written in backticks or double quotes: never split, never a keyword. */
  readonly quoted: boolean;
}

export type ResolvedField =
  | { readonly kind: "field"; readonly field: FilterField; readonly key?: string }
  /** A keyed field without its key. */
  | { readonly kind: "key missing"; readonly field: FilterField }
  | { readonly kind: "unknown"; readonly nearest?: string };

/** Finds the field that a path names: `tags.env`, `Trace.Status`, ``attributes.`status` ``. */
export function resolveField(path: readonly PathPart[]): ResolvedField {
  const parts = path.length > 1 && ENTITY_PREFIXES.has(path[0]?.text.toLowerCase() ?? "") ? path.slice(1) : path;
  const keyed = findField(parts[0]?.text ?? "");
  if (keyed?.keyed) {
    const key = parts
      .slice(1)
      .map((part) => part.text)
      .join(".");
    return key === "" ? { kind: "key missing", field: keyed } : { kind: "field", field: keyed, key };
  }
  const spelling = parts.map((part) => part.text).join(".");
  const field = findField(spelling);
  if (field !== undefined) return { kind: "field", field };
  const nearest = nearestSpelling(spelling.toLowerCase());
  return nearest === undefined ? { kind: "unknown" } : { kind: "unknown", nearest };
}

/** Edits that a misspelling may be away from the word that was meant. */
const MAX_EDITS = 2;

function nearestSpelling(word: string): string | undefined {
  let best: { spelling: string; edits: number } | undefined;
  for (const spelling of bySpelling.keys()) {
    if (Math.abs(spelling.length - word.length) > MAX_EDITS) continue;
    const edits = editDistance(spelling, word);
    // Two edits turn any two-letter word into any other: short words must be closer.
    if (edits <= Math.min(MAX_EDITS, Math.floor(spelling.length / 2)) && (best === undefined || edits < best.edits)) {
      best = { spelling, edits };
    }
  }
  return best?.spelling;
}

/** Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours. */
function editDistance(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= right.length; j++) {
      const same = left[i - 1] === right[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[right.length] ?? 0;
}
