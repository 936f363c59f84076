/**
 * Facts of random traces for the filters. Few values, so that filters hit; among them some that LIKE, RLIKE and quoting could
 * stumble over.
 */
import type { TraceLink } from "@sightline/wire/model/trace-link";
import fc from "fast-check";
import { SAMPLE_START } from "./samples.ts";

export const WORDS = [
  "",
  "chat",
  "Chat",
  "answer_1",
  "answerX1",
  "50%",
  "a\\b",
  "naïve ÄÖ",
  "naÏve äö",
  "日本",
  "it's",
  '"q"',
  "💡 x",
  "line\nbreak",
  "İstanbul ΣΑΣ ẞſK",
];
export const KEYS = ["env", "a b", "x.y", "none"];
export const SESSIONS = ["s1", "s2", "s3"];
export const RUNS = ["run-1", "run-2", "run-3"];
export const PROMPTS = ["greet/1", "greet/2", "bye/1"];
export const NAMES = ["score", "style", "none"];
export const ISSUES = ["iss-1", "iss-2"];
export const MODELS = ["gpt-4", "gpt-4-mini", "claude"];
export const ATTRIBUTES = ["http.status_code", "a b", "mlflow.spanInputs", "output.value", "none"];
/** Values of attributes and assessments. */
const VALUES: readonly unknown[] = [
  ...WORDS,
  0,
  1,
  2.5,
  -1,
  500,
  true,
  false,
  null,
  "1",
  "true",
  ["chat", 1],
  { a: "Chat" },
];
const HOUR_MICROS = 3_600_000_000n;

export type TraceFacts = (ReturnType<typeof traceFacts> extends fc.Arbitrary<infer T> ? T : never) & {
  readonly experimentId: string;
  readonly traceId: string;
};
export type FactsOfSpan = TraceFacts["spans"][number];
export type Judgement = TraceFacts["judgements"][number];

const word = fc.constantFrom(...WORDS);
const payload = fc.constantFrom(
  undefined,
  ...VALUES.filter((value) => value !== null).map((value) => JSON.stringify(value)),
  JSON.stringify({ question: 'say "chat"\\now\n\t日本', n: [1, 2] }),
  JSON.stringify([{ role: "user", content: "Where is my refund? 50% İ 💡" }]),
);

/** What a trace is made of, before it has an id. */
export function traceFacts() {
  const map = fc.dictionary(fc.constantFrom(...KEYS.slice(0, 3)), word);
  const edits = fc.dictionary(fc.constantFrom(...KEYS.slice(0, 3)), fc.option(word, { freq: 3 }));
  const tokens = fc.option(
    fc.record({ inputTokens: fc.constantFrom(0, 1, 10), outputTokens: fc.constantFrom(0, 1, 10) }),
  );
  const span = fc.record({
    name: word,
    spanType: fc.constantFrom("LLM", "TOOL", ""),
    service: fc.constantFrom("shop", ""),
    statusCode: fc.constantFrom("OK" as const, "ERROR" as const, "UNSET" as const),
    startMicros: fc.constantFrom(0n, 1n, 1500n, 2_000_000n, 2n * HOUR_MICROS),
    lengthNanos: fc.constantFrom(undefined, 0n, 1n, 999_999n, 290_000_000n, 2_500_000_000n),
    model: fc.constantFrom("", ...MODELS),
    provider: fc.constantFrom("", "openai"),
    sessionId: fc.constantFrom("", ...SESSIONS),
    userId: word,
    tokens,
    cost: fc.constantFrom(undefined, 0, 0.1, 2.5),
    inputs: payload,
    inputsForm: fc.constantFrom("" as const, "text" as const, "string" as const, "value" as const),
    outputs: payload,
    failure: word,
    attributes: fc.dictionary(fc.constantFrom(...ATTRIBUTES.slice(0, 4)), fc.constantFrom(...VALUES)),
    isStale: fc.boolean(),
  });
  return fc.record({
    name: word,
    state: fc.constantFrom("OK" as const, "ERROR" as const, "IN_PROGRESS" as const),
    startMicros: fc.nat({ max: 5000 }).map((micros) => BigInt(micros)),
    durationUs: fc.constantFrom(0, 100, 290_000, 2_500_000, 3 * Number(HOUR_MICROS)),
    session: fc.constantFrom("", ...SESSIONS),
    user: word,
    requestId: word,
    version: word,
    source: word,
    models: fc.uniqueArray(fc.constantFrom(...MODELS)),
    tokens: fc.option(
      fc.record({
        inputTokens: fc.constantFrom(0, 1, 10),
        outputTokens: fc.constantFrom(0, 1, 10),
        totalTokens: fc.constantFrom(0, 1, 10, 20),
        reasoningTokens: fc.constantFrom(0, 10),
      }),
    ),
    cost: fc.constantFrom(undefined, 0, 0.1, 2.5),
    input: word,
    output: word,
    error: word,
    tags: map,
    tagEdits: edits,
    metadata: map,
    run: fc.constantFrom(undefined, ...RUNS),
    metadataEdits: edits,
    runEdit: fc.constantFrom(undefined, undefined, null, ...RUNS),
    links: fc.uniqueArray(
      fc.constantFrom<TraceLink>(
        ...RUNS.map((target) => ({ kind: "run" as const, target })),
        ...PROMPTS.map((target) => ({ kind: "prompt" as const, target })),
      ),
      { maxLength: 3 },
    ),
    judgements: fc.array(
      fc.record({
        kind: fc.constantFrom("feedback" as const, "expectation" as const, "issue" as const),
        name: fc.constantFrom(...NAMES.slice(0, 2)),
        issue: fc.constantFrom(...ISSUES),
        value: fc.constantFrom(...VALUES),
        valid: fc.boolean(),
        ofSession: fc.boolean(),
        sessionId: fc.constantFrom(...SESSIONS),
      }),
      { maxLength: 3 },
    ),
    spans: fc.array(span, { maxLength: 4 }),
  });
}

/** Start of a trace in microseconds since the epoch. */
export function startOf(trace: TraceFacts): bigint {
  return SAMPLE_START / 1000n + trace.startMicros;
}

/** Metadata that the spans carry. */
export function carriedMetadata({ metadata, run }: TraceFacts): Record<string, string> {
  return { ...metadata, ...(run !== undefined && { "mlflow.sourceRun": run }) };
}

/** What people set and removed (null). */
export function editsOfMetadata({ metadataEdits, runEdit }: TraceFacts): Record<string, string | null> {
  return { ...metadataEdits, ...(runEdit !== undefined && { "mlflow.sourceRun": runEdit }) };
}

/** The attribute that the inputs of a span were taken from. */
export const INPUTS_KEY = "mlflow.spanInputs";

/** `form key`, when the inputs of a span are the value of one of its attributes. */
export function sourceOf({ inputs, inputsForm, attributes }: FactsOfSpan): string {
  if (inputs === undefined || inputsForm === "" || Object.hasOwn(attributes, INPUTS_KEY)) return "";
  // Only a string is kept in the form `string`, and what `value` holds is no string.
  if ((inputsForm === "string") !== inputs.startsWith('"') && inputsForm !== "text") return "";
  return `${inputsForm} ${INPUTS_KEY}`;
}
