/**
 * Span record → bytes that can be sent: masked, files taken out, encoded. The only way out of the process for what a span holds, and so
 * the one place where masking is done.
 *
 * The work is a generator that stops every fraction of a millisecond; whoever drives it decides whether the event loop gets a turn.
 */
import type { Utf8Text } from "@sightline/wire/otlp/utf8-text";
import { applyMask, type Mask, type MaskPlace } from "../capture/mask.ts";
import { type Snapshot, takeSnapshot } from "../capture/serialize.ts";
import { toRecordValue } from "../tracing/record-value.ts";
import { isSnapshot, type RecordValue, type SpanRecord } from "../tracing/span-record.ts";
import { type EncodedAttributes, type EncodedParts, type EncodedValue, encodeSpan } from "./encode.ts";
import { PIECE_CHARS, TextEncoding } from "./encode-bytes.ts";
import { JsonEncoder } from "./encode-json.ts";
import { FileLifter, type Pauses } from "./prepare-files.ts";
import type { PreparedSpan } from "./prepared-span.ts";
import type { Slicer } from "./slicer.ts";

export interface PrepareOptions {
  /** The program's own mask, given to `init`. */
  readonly mask?: Mask | undefined;
  /** Whether files are taken out of payloads to be uploaded; default true. */
  readonly attachments?: boolean | undefined;
}

/**
 * Prepares a span, with turns for the event loop.
 *
 * @throws what cannot be encoded; nothing of it is sent
 */
export async function prepareSpan(record: SpanRecord, options: PrepareOptions, slicer: Slicer): Promise<PreparedSpan> {
  const work = new Preparation(record, options).run();
  let answer: unknown;
  for (;;) {
    const { done, value } = work.next(answer);
    if (done) return value;
    answer = value === undefined ? undefined : await value;
    const turn = slicer.pause();
    if (turn !== undefined) await turn;
  }
}

/**
 * Prepares a span at once: where nothing asynchronous runs any more. Blobs, which can only be read asynchronously, are named.
 *
 * @throws what cannot be encoded; nothing of it is sent
 */
export function prepareSpanSync(record: SpanRecord, options: PrepareOptions): PreparedSpan {
  const work = new Preparation(record, options).run();
  for (;;) {
    const { done, value } = work.next(undefined);
    if (done) return value;
  }
}

/** A millisecond of encoding. */
const MAX_LIST_CHARS = 1024 * 1024;

const SPAN_TYPE = "mlflow.spanType";

/** Attributes that have a kind of their own. */
const kindsOfAttributes: Readonly<Record<string, MaskPlace["kind"]>> = {
  "mlflow.spanInputs": "inputs",
  "mlflow.spanOutputs": "outputs",
};

class Preparation {
  readonly #record: SpanRecord;
  readonly #mask: Mask | undefined;
  readonly #files: FileLifter;
  readonly #spanType: string;

  constructor(record: SpanRecord, options: PrepareOptions) {
    // One that runs may change between two steps.
    this.#record = record.endMs === undefined ? copyOf(record) : record;
    this.#mask = options.mask;
    const spanType = record.attributes.get(SPAN_TYPE);
    this.#spanType = typeof spanType === "string" ? spanType : "UNKNOWN";
    this.#files = new FileLifter(record.traceId, {
      isLifting: options.attachments ?? true,
      mask: (bytes, key) => this.#masked(bytes, key, "attachment"),
    });
  }

  *run(): Pauses<PreparedSpan> {
    const record = this.#record;
    const parts: EncodedParts = {
      name: this.#text(record.name, "name", "name"),
      statusMessage: record.statusMessage === "" ? "" : yield* this.#statusMessage(),
      attributes: yield* this.#attributes(record.attributes, "attribute"),
      events: yield* this.#events(),
      links: yield* this.#links(),
    };
    const { experiment } = record.route;
    return {
      bytes: encodeSpan(record, parts),
      sequence: record.sequence,
      experiment,
      isRunning: record.endMs === undefined,
      attachments: this.#files.lifted,
    };
  }

  *#statusMessage(): Pauses<string | Utf8Text> {
    const text = this.#text(this.#record.statusMessage, "message", "status");
    return text.length <= PIECE_CHARS ? text : yield* encodeText(text);
  }

  *#events(): Pauses<EncodedParts["events"]> {
    const events: EncodedParts["events"][number][] = [];
    for (const { name, attributes } of this.#record.events) {
      events.push({
        name: this.#text(name, "name", "event"),
        attributes: yield* this.#attributes(attributes, "event"),
      });
      yield;
    }
    return events;
  }

  *#links(): Pauses<EncodedAttributes[]> {
    const links: EncodedAttributes[] = [];
    for (const { attributes } of this.#record.links) links.push(yield* this.#attributes(attributes, "link"));
    return links;
  }

  *#attributes(attributes: ReadonlyMap<string, RecordValue>, kind: MaskPlace["kind"]): Pauses<EncodedAttributes> {
    const encoded: [string, EncodedValue][] = [];
    for (const [key, value] of attributes) {
      const own = kind === "attribute" ? (kindsOfAttributes[key] ?? kind) : kind;
      const result = yield* this.#value(value, key, own);
      if (result !== undefined) encoded.push([key, result]);
    }
    // Pairs, not assignments: a key "__proto__" must stay a key.
    return Object.fromEntries(encoded);
  }

  *#value(value: RecordValue, key: string, kind: MaskPlace["kind"]): Pauses<EncodedValue | undefined> {
    if (typeof value === "object" && isSnapshot(value)) {
      const json = yield* this.#json(value, key);
      if (this.#mask === undefined) return json;
      const masked = this.#masked(JSON.parse(Buffer.concat(json.chunks).toString("utf8")), key, kind);
      return masked === undefined ? undefined : yield* this.#json(takeSnapshot(masked), key);
    }
    const lifted = typeof value === "string" ? ((yield* this.#files.liftText(value, key)) ?? value) : value;
    const masked = this.#mask === undefined ? lifted : toPlainValue(this.#masked(lifted, key, kind));
    if (masked === undefined) return undefined;
    if (typeof masked === "object" && isSnapshot(masked)) return yield* this.#json(masked, key);
    if (typeof masked === "string") return masked.length > PIECE_CHARS ? yield* encodeText(masked) : masked;
    return isLongList(masked) ? yield* this.#json(takeSnapshot(masked), key) : masked;
  }

  *#json(snapshot: Snapshot, key: string): Pauses<Utf8Text> {
    const encoder = new JsonEncoder(snapshot.tape);
    for (let step = encoder.step(); step !== "done"; step = encoder.step()) {
      if (step === "more") yield;
      else encoder.replace(yield* this.#files.lift(step, key));
    }
    return encoder.text;
  }

  /** A text that must stay one. */
  #text(text: string, key: string, kind: MaskPlace["kind"]): string {
    const masked = this.#masked(text, key, kind);
    return typeof masked === "string" ? masked : masked === undefined ? "" : String(JSON.stringify(masked));
  }

  #masked(value: unknown, key: string, kind: MaskPlace["kind"]): unknown {
    if (this.#mask === undefined) return value;
    // The name is a text of the program's too; a mask that has not seen it yet need not learn it here.
    return applyMask(this.#mask, value, { key, kind, spanName: this.#record.name, spanType: this.#spanType });
  }
}

/** What a mask returned, as an attribute. Whole: the overhead guard cuts values when they are recorded, which this one was. */
function toPlainValue(masked: unknown): RecordValue | undefined {
  const value = toRecordValue(masked);
  return typeof value === "object" && isSnapshot(value) ? takeSnapshot(masked) : value;
}

/** A list is written at once; one that takes long becomes JSON text. */
function isLongList(value: Exclude<RecordValue, string | Snapshot>): boolean {
  if (typeof value !== "object") return false;
  let chars = 0;
  for (const item of value) if (typeof item === "string") chars += item.length;
  return chars > MAX_LIST_CHARS;
}

function* encodeText(text: string): Pauses<Utf8Text> {
  const encoding = new TextEncoding(text);
  while (!encoding.step()) yield;
  return encoding.text;
}

function copyOf(record: SpanRecord): SpanRecord {
  return {
    ...record,
    attributes: new Map(record.attributes),
    events: [...record.events],
    links: [...record.links],
  };
}
