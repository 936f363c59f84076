/**
 * What every convention is turned into: the normal form of the facts in a span's attributes.
 */
import type { TokenUsage } from "../model/span.ts";
import type { EscapeStyle } from "./json-escapes.ts";

/**
 * JSON text of a payload and where it came from.
 *
 * `source` names the attribute whose value this text is, so that the store keeps a large payload once and can still give back
 * the attributes as they came. `form` says how to rebuild that attribute from `json`:
 * `text` the attribute was a string and `json` is that very string (it was valid JSON);
 * `string` the attribute was a string that is not JSON, and `json` is its JSON string literal;
 * `value` the attribute was a structured value and `json` is its JSON.
 * Absent `source`: the payload was put together from several attributes, or cannot be turned back; they are all kept.
 *
 * Strings inside `json` are spelled as `JSON.stringify` spells them, so that text search finds them.
 */
export interface Payload {
  readonly json: string;
  readonly source?: {
    readonly key: string;
    readonly form: "text" | "string" | "value";
    /** With `text`: the string spelled its escapes in this way (`json-escapes.ts`), `json` in the usual one. */
    readonly escapes?: EscapeStyle;
  };
}

export interface NormalizedSpan {
  /** One of `SpanType`, or any other string that the emitter sent. `UNKNOWN` when nothing says. */
  readonly spanType: string;
  readonly inputs?: Payload;
  readonly outputs?: Payload;
  readonly model?: string;
  readonly provider?: string;
  readonly usage?: TokenUsage;
  /** US dollars, when the emitter counted the cost itself. */
  readonly costUsd?: number;
  readonly sessionId?: string;
  readonly userId?: string;
  /** The caller's own id of the request that the trace belongs to. */
  readonly clientRequestId?: string;
  /** State that the emitter gave the trace, in place of the root's: OK or ERROR, if it is well formed. */
  readonly traceState?: string;
  /** Texts for the trace list that the emitter chose itself, in place of those made from the root's inputs and outputs. */
  readonly requestPreview?: string;
  readonly responsePreview?: string;
  /** Tags for the whole trace, e.g. from `mlflow.traceTag.<key>` on a root span. */
  readonly traceTags: Readonly<Record<string, string>>;
  /** Metadata for the whole trace. */
  readonly traceMetadata: Readonly<Record<string, string>>;
}
