/**
 * The conventions, in order of precedence: for each fact of a span the first one that has it wins.
 */
import type { Convention } from "./convention.ts";
import { generic } from "./generic.ts";
import { langfuse } from "./langfuse.ts";
import { logfire } from "./logfire.ts";
import { mlflow } from "./mlflow.ts";
import { openinference } from "./openinference.ts";
import { openllmetry } from "./openllmetry.ts";
import { otelGenai } from "./otel-genai.ts";
import { sightline } from "./sightline.ts";
import { vercelAi } from "./vercel-ai.ts";

export const conventions: readonly Convention[] = [
  mlflow,
  sightline,
  otelGenai,
  openinference,
  vercelAi,
  openllmetry,
  langfuse,
  logfire,
  generic,
];
