/**
 * The schema's history, in order. Add a file and a line; never change one that was released.
 */
import { spans } from "./0001-spans.ts";
import { traces } from "./0002-traces.ts";
import { traceTags } from "./0003-trace-tags.ts";
import { assessments } from "./0004-assessments.ts";
import { traceMetadata } from "./0005-trace-metadata.ts";
import { traceLinks } from "./0006-trace-links.ts";
import { traceFacts } from "./0007-trace-facts.ts";
import { clientInfos } from "./0008-client-infos.ts";
import { spanWords } from "./0009-span-words.ts";
import { compactParts } from "./0010-compact-parts.ts";
import { removals } from "./0012-removals.ts";
import type { SchemaStep } from "./dialect.ts";

export const schemaSteps: readonly SchemaStep[] = [
  spans,
  traces,
  traceTags,
  assessments,
  traceMetadata,
  traceLinks,
  traceFacts,
  clientInfos,
  spanWords,
  compactParts,
  removals,
];
