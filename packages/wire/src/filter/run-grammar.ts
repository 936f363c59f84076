/**
 * MLflow's search grammar of runs as a table: which keys each entity has, and what they may be compared with.
 *
 * @see mlflow 3.17, mlflow/utils/search_utils.py, SearchUtils
 */
import type { FilterOperator } from "./ast.ts";

const NUMBER = ["=", "!=", "<", "<=", ">", ">="] as const;
/** Of entries that may be missing. */
const ENTRY = ["=", "!=", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL"] as const;
const TEXT = ["=", "!=", "IN", "NOT IN", "LIKE", "ILIKE"] as const;

/** Fields of a run itself. */
export const RUN_ATTRIBUTES = [
  "run_id",
  "run_name",
  "status",
  "user_id",
  "experiment_id",
  "start_time",
  "end_time",
] as const;
export type RunAttribute = (typeof RUN_ATTRIBUTES)[number];

/** What a condition or an order is about. */
export type RunField =
  | { readonly entity: "metric" | "param" | "tag"; readonly key: string }
  | { readonly entity: "attribute"; readonly key: RunAttribute };

export interface RunEntity {
  readonly entity: RunField["entity"];
  /** How the entity is written; "" is none at all. */
  readonly names: readonly string[];
}

export const runEntities: readonly RunEntity[] = [
  { entity: "metric", names: ["metrics", "metric"] },
  { entity: "param", names: ["params", "param", "parameters", "parameter"] },
  { entity: "tag", names: ["tags", "tag"] },
  { entity: "attribute", names: ["", "attributes", "attribute", "attr", "run"] },
];

/** Other spellings of attributes, MLflow's. */
export const RUN_ATTRIBUTE_ALIASES: Readonly<Record<string, RunAttribute>> = {
  id: "run_id",
  created: "start_time",
  Created: "start_time",
  "run name": "run_name",
  "Run name": "run_name",
  "Run Name": "run_name",
};

/** What a field may be compared by, and with what. `time` takes milliseconds or an RFC 3339 text. */
export function typeOfRunField(field: RunField): {
  readonly type: "text" | "number" | "time";
  readonly operators: readonly FilterOperator[];
} {
  if (field.entity === "metric") return { type: "number", operators: NUMBER };
  if (field.entity !== "attribute") return { type: "text", operators: ENTRY };
  const isTime = field.key === "start_time" || field.key === "end_time";
  return isTime ? { type: "time", operators: NUMBER } : { type: "text", operators: TEXT };
}
