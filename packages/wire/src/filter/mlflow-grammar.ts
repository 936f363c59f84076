/**
 * MLflow's search grammar of traces as a table: which keys each entity has, and what they may be compared with.
 *
 * @see mlflow 3.17, mlflow/utils/search_utils.py, SearchTraceUtils
 */
import type { FilterOperator } from "./ast.ts";

export interface MlflowKey {
  /** Canonical name of the field that is meant. */
  readonly field: string;
  readonly operators: readonly FilterOperator[];
  /** `assessment` takes a text in quotes, and a bare number behind `<`, `<=`, `>` and `>=`. */
  readonly value: "text" | "number" | "assessment";
}

export interface MlflowEntity {
  /** How the entity is written; "" is none at all. */
  readonly names: readonly string[];
  /** Keys that it has; absent = any, all of them as `anyKey` says. */
  readonly keys?: Readonly<Record<string, MlflowKey>>;
  readonly anyKey?: MlflowKey;
}

const TEXT = ["=", "!=", "IN", "NOT IN", "LIKE", "ILIKE", "RLIKE"] as const;
/** Of entries that may be missing. They know no IN. */
const ENTRY = ["=", "!=", "LIKE", "ILIKE", "RLIKE", "IS NULL", "IS NOT NULL"] as const;
const NUMBER = ["=", "!=", "<", "<=", ">", ">="] as const;
const ASSESSMENT = ["=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "RLIKE", "IS NULL", "IS NOT NULL"] as const;
const CONTENT = ["LIKE", "ILIKE"] as const;

const text = (field: string, operators: readonly FilterOperator[]): MlflowKey => ({ field, operators, value: "text" });
const number = (field: string): MlflowKey => ({ field, operators: NUMBER, value: "number" });

const attributes: Readonly<Record<string, MlflowKey>> = {
  status: text("status", TEXT),
  request_id: text("trace_id", TEXT),
  client_request_id: text("client_request_id", TEXT),
  timestamp: number("timestamp_ms"),
  timestamp_ms: number("timestamp_ms"),
  execution_time: number("execution_time_ms"),
  execution_time_ms: number("execution_time_ms"),
  end_time: number("end_time_ms"),
  end_time_ms: number("end_time_ms"),
  // The documentation has `name IN (…)`; the server refuses it.
  name: text("name", ENTRY),
  run_id: text("run", ENTRY),
  prompt: text("prompt", ["="]),
};

export const mlflowEntities: readonly MlflowEntity[] = [
  { names: ["", "attribute", "attributes"], keys: attributes },
  { names: ["trace"], keys: { ...attributes, text: text("text", CONTENT) } },
  { names: ["tag", "tags"], anyKey: text("tags", ENTRY) },
  { names: ["metadata", "request_metadata"], anyKey: text("metadata", ENTRY) },
  {
    names: ["span"],
    keys: {
      name: text("span.name", TEXT),
      type: text("span.type", TEXT),
      status: text("span.status", TEXT),
      content: text("span.content", CONTENT),
    },
  },
  { names: ["feedback"], anyKey: { field: "feedback", operators: ASSESSMENT, value: "assessment" } },
  { names: ["expectation"], anyKey: { field: "expectation", operators: ASSESSMENT, value: "assessment" } },
  { names: ["issue"], keys: { id: text("issue.id", ["="]) } },
];

/** `span.attributes.<key>`: two names before the key. */
export const mlflowSpanAttribute: MlflowKey = text("span.attributes", TEXT);

/** Metadata key of the run that a trace was made in; every operator but `=` looks at this entry alone. */
export const SOURCE_RUN_KEY = "mlflow.sourceRun";
