/**
 * What MLflow's clients write, and with them Sightline's SDK. Values are typed or JSON text; both are read.
 */
import type { Convention } from "./convention.ts";
import { MLFLOW_USAGE_KEY } from "./usage.ts";

export const mlflow: Convention = {
  name: "mlflow",
  source: "MLflow 3.17 mlflow/tracing/constant.py, and spans recorded from its Python client",
  namespaces: ["mlflow"],
  spanType: [{ key: "mlflow.spanType", values: {}, others: "keep" }],
  inputs: ["mlflow.spanInputs"],
  outputs: ["mlflow.spanOutputs"],
  model: ["mlflow.llm.model"],
  provider: ["mlflow.llm.provider"],
  usage: [
    {
      json: MLFLOW_USAGE_KEY,
      input: ["input_tokens"],
      output: ["output_tokens"],
      total: ["total_tokens"],
      cacheRead: ["cache_read_input_tokens"],
      cacheCreation: ["cache_creation_input_tokens"],
      // For Anthropic, MLflow leaves the cache counts outside of input_tokens. MLflow's users know these numbers.
      counts: "verbatim",
    },
  ],
  costUsd: [{ json: "mlflow.llm.cost", member: "total_cost" }],
  sessionId: ["mlflow.trace.session"],
  userId: ["mlflow.trace.user"],
  traceTags: [{ prefix: "mlflow.traceTag." }],
  traceMetadata: [{ prefix: "mlflow.traceMetadata." }],
};
