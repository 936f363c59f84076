/**
 * The names under which a model may stand in a price list: `us.anthropic.claude-sonnet-4-20250514-v1:0` is priced as
 * `claude-sonnet-4`.
 */

interface Part {
  readonly match: RegExp;
  /** What stands there instead; absent = nothing. */
  readonly replace?: string;
  /** Whose way of naming it is. */
  readonly source: string;
}

/** What servers put around the name of a model, in the order in which it is taken off. */
const parts: readonly Part[] = [
  {
    match: /^.*\//,
    source: "paths: openai/gpt-4o (routers), models/gemini-2.0-flash (Google), accounts/…/models/… (Fireworks)",
  },
  { match: /^(?:us|eu|apac|jp|au|ca|sa|global|us-gov)\./, source: "inference profiles of Bedrock" },
  { match: /^(?:anthropic|amazon|meta|mistral|cohere|deepseek|ai21|openai|qwen)\./, source: "vendors on Bedrock" },
  { match: /^(claude-(?:\w+-)?\d)\.(\d)/, replace: "$1-$2", source: "OpenRouter: claude-3.5-sonnet" },
  { match: /[:@].*$/, source: "versions: …-v1:0 (Bedrock), …@20250514 (Vertex AI), …:free (OpenRouter)" },
  { match: /-v\d+$/, source: "versions on Bedrock" },
  {
    match: /-(?:\d{4}-\d{2}-\d{2}|\d{8}|\d{2}-\d{4}|\d{4}|\d{3})$/,
    source: "dates: OpenAI, Anthropic, Cohere, Mistral; 001 (Google)",
  },
  { match: /-latest$/, source: "aliases of OpenAI, Anthropic, Mistral" },
  { match: /-(?:preview|exp|experimental)(?:-\d{2}-\d{2})?$/, source: "previews of Google" },
];

/**
 * Names of a model, the most exact first.
 *
 * @param model  as the sender wrote it
 */
export function modelNames(model: string): readonly string[] {
  const names = [model.trim().toLowerCase()];
  for (const { match, replace = "" } of parts) {
    const last = names.at(-1) ?? "";
    const shorter = last.replace(match, replace);
    if (shorter !== last && shorter !== "") names.push(shorter);
  }
  return names;
}
