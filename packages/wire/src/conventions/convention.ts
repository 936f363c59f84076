/**
 * The shape of a convention: how one family of emitters names the facts of a span. Data only; `normalize.ts` is the one reader.
 *
 * Every list is in order of preference: the first rule that finds something wins. Attribute names are matched exactly.
 */

export interface Convention {
  /** Also the name of its folder in tests/golden. */
  readonly name: string;
  /** Where the names were read. */
  readonly source: string;
  /**
   * First segments of attribute and event names that show that an emitter speaks this convention (`gen_ai` for `gen_ai.system`).
   * The rules are read only if one of them occurs; absent = always.
   */
  readonly namespaces?: readonly string[];
  readonly spanType?: readonly SpanTypeRule[];
  readonly inputs?: readonly PayloadRule[];
  readonly outputs?: readonly PayloadRule[];
  readonly model?: readonly string[];
  readonly provider?: readonly string[];
  readonly usage?: readonly UsageRule[];
  readonly costUsd?: readonly NumberRule[];
  readonly sessionId?: readonly string[];
  readonly userId?: readonly string[];
  readonly clientRequestId?: readonly string[];
  readonly traceState?: readonly string[];
  readonly requestPreview?: readonly string[];
  readonly responsePreview?: readonly string[];
  /** Unlike elsewhere all rules are read; of equal keys the first one stays. */
  readonly traceTags?: readonly EntriesRule[];
  readonly traceMetadata?: readonly EntriesRule[];
}

/**
 * `key` + `values`: the span type by the attribute's value; a value that is not listed says nothing, unless `others` keeps it.
 * `present`: the span type if the attribute is there at all.
 */
export type SpanTypeRule =
  | { readonly key: string; readonly values: Readonly<Record<string, string>>; readonly others?: "keep" }
  | { readonly present: string; readonly spanType: string };

/**
 * A string: the attribute, verbatim.
 * `object`: a JSON object put together from attributes, member → attribute; read only if all attributes of `when` are there.
 * `flattened`: attributes `<flattened>.0.role`, `<flattened>.1.content`, … put together again, without the segments in `unwrap`.
 * `events`: span events, each a message whose role is the event's value here unless it names one itself.
 * `event` + `key`: an attribute of the first event of that name.
 */
export type PayloadRule =
  | string
  | { readonly object: Readonly<Record<string, string>>; readonly when: readonly string[] }
  | { readonly flattened: string; readonly unwrap?: readonly string[] }
  | { readonly events: Readonly<Record<string, string>> }
  | { readonly event: string; readonly key: string };

/** An attribute that is a number, or a member of an attribute that is a JSON object. */
export type NumberRule = string | { readonly json: string; readonly member: string };

/** The names of the token counts. With `json` they are members of that attribute, with `.` for inner objects. */
export interface UsageRule {
  readonly json?: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly total?: readonly string[];
  readonly cacheRead?: readonly string[];
  readonly cacheCreation?: readonly string[];
  readonly reasoning?: readonly string[];
  /** Spans whose counts only repeat those of their children, by the value of an attribute: not read. */
  readonly except?: { readonly key: string; readonly values: readonly string[] };
  /**
   * What the counts include. `normal` (default): input has the cache counts in it and output the reasoning.
   * `buckets`: no count includes another. `provider`: as the provider's own API counts (`usage.ts` knows how).
   * `verbatim`: already summed up by the emitter; taken as they are.
   */
  readonly counts?: "normal" | "buckets" | "provider" | "verbatim";
}

/**
 * `prefix`: every attribute below it, the rest of its name is the key. `key` + `as`: one attribute under another name.
 * `list`: every item of the attribute is a key, with the value `true`. `json`: members of the attribute's JSON object.
 * `rootOnly`: the attribute describes the span it is on, so it speaks for the trace on the root alone.
 */
export type EntriesRule = (
  | { readonly prefix: string; readonly except?: readonly string[] }
  | { readonly key: string; readonly as: string }
  | { readonly list: string }
  | { readonly json: string }
) & { readonly rootOnly?: true };
