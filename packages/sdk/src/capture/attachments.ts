/**
 * Files among inputs and outputs: what users mark as one, and what can be recognised as one.
 *
 * A file inside a payload makes its JSON unreadable and is sent with every turn of a conversation. It is uploaded once instead, and the
 * span holds a reference, in MLflow's form: `mlflow-attachment://<id>?content_type=…&trace_id=…&size=…`.
 */

const BRAND = Symbol.for("sightline.attachment");

/**
 * A file that belongs to a span: use it anywhere in inputs, outputs or attributes.
 *
 * ```ts
 * span.setOutputs({ chart: new sightline.Attachment(png, "image/png") });
 * ```
 */
export class Attachment {
  readonly content: Uint8Array | Blob;
  /** Media type, e.g. `image/png`. */
  readonly contentType: string;

  /**
   * @param content  bytes (a snapshot copies them when the span takes them), a Blob, or text
   * @param contentType  default: the Blob's own, else `application/octet-stream`; for text `text/plain`
   */
  constructor(content: Uint8Array | ArrayBuffer | Blob | string, contentType?: string) {
    this.content =
      typeof content === "string"
        ? new TextEncoder().encode(content)
        : content instanceof ArrayBuffer
          ? new Uint8Array(content)
          : content;
    const own = typeof content === "string" ? "text/plain" : content instanceof Blob ? content.type : "";
    this.contentType = contentType ?? (own || "application/octet-stream");
  }

  /** Recognises attachments of another copy of the SDK in this process. */
  get [BRAND](): true {
    return true;
  }
}

/** Whether a value is an {@link Attachment}, of this copy of the SDK or another. */
export function isAttachment(value: object): value is Attachment {
  return (value as { [BRAND]?: unknown })[BRAND] === true;
}

/** A file found in a text: its content in base64 without the prefix, and its media type. */
export interface FoundFile {
  readonly base64: string;
  readonly contentType: string;
}

/** Shorter texts stay where they are: a reference takes about as much. */
export const MIN_ATTACHMENT_BYTES = 256;
/** Shorter texts need not be looked at. */
export const MIN_FILE_CHARS = Math.ceil((MIN_ATTACHMENT_BYTES * 4) / 3);

/** @see https://www.rfc-editor.org/rfc/rfc2397 */
const DATA_URL = /^data:([\w.+-]+\/[\w.+-]+)?((?:;[\w.+-]+=[^;,"]*)*);base64,/i;
/** The beginning is looked at; what follows shows when it is decoded. */
const BASE64_START = /^[A-Za-z0-9+/_-]{64}/;

/**
 * The file that a text of a payload is: a data URL, or base64 in the place where a message format keeps files.
 *
 * @param text  the text
 * @param key  the member that holds it
 * @param siblings  gives the texts beside it in the same object; asked only when `key` is one that may hold files
 */
export function findFile(
  text: string,
  key: string | undefined,
  siblings: () => ReadonlyMap<string, unknown>,
): FoundFile | undefined {
  if (text.length < MIN_FILE_CHARS) return undefined;
  if (text.startsWith("data:")) {
    const match = DATA_URL.exec(text.slice(0, 256));
    return match ? { base64: text.slice(match[0].length), contentType: match[1] ?? "text/plain" } : undefined;
  }
  const places = key === undefined ? undefined : base64Places.get(key);
  if (places === undefined || !BASE64_START.test(text)) return undefined;
  const beside = siblings();
  for (const place of places) {
    const contentType = place(beside);
    if (contentType !== undefined) return { base64: text, contentType };
  }
  return undefined;
}

/** Says the media type if the object is one that keeps a file under the key. */
type Place = (siblings: ReadonlyMap<string, unknown>) => string | undefined;

/** Where message formats keep files as bare base64, by the key that holds it. */
const base64Places: ReadonlyMap<string, readonly Place[]> = new Map([
  [
    "data",
    [
      mediaTypeAt("media_type"), // Anthropic: { type: "base64", media_type, data }
      mediaTypeAt("mimeType"), // Gemini: inlineData { mimeType, data }; MCP: { type: "image", mimeType, data }
      mediaTypeAt("mime_type"), // Gemini in snake case, LangChain's content blocks
      mediaTypeAt("mediaType"), // Vercel AI: { type: "file", mediaType, data }
      audioFormat, // OpenAI: input_audio { format, data }
      transcript, // OpenAI: audio { id, data, transcript } of an answer; the format is in the request only
    ],
  ],
  // Vercel AI: { type: "image", image, mediaType }
  ["image", [mediaTypeAt("mediaType"), mediaTypeAt("mimeType")]],
  // Vercel AI: generated files
  ["base64", [mediaTypeAt("mediaType"), mediaTypeAt("mimeType")]],
  // OpenAI: images of the images API
  ["b64_json", [() => "image/png"]],
  // OpenAI: image_generation_call { type, result } of the Responses API
  ["result", [(siblings) => (siblings.get("type") === "image_generation_call" ? imageType(siblings) : undefined)]],
  // OpenAI: file { filename, file_data }, input_file { filename, file_data }
  ["file_data", [(siblings) => typeOfName(siblings.get("filename"))]],
]);

const MEDIA_TYPE = /^[\w.+-]+\/[\w.+-]+/;

function mediaTypeAt(key: string): Place {
  return (siblings) => MEDIA_TYPE.exec(String(siblings.get(key) ?? ""))?.[0];
}

function audioFormat(siblings: ReadonlyMap<string, unknown>): string | undefined {
  const format = siblings.get("format");
  if (typeof format !== "string" || !/^[a-z0-9]{2,10}$/.test(format)) return undefined;
  return format === "mp3" ? "audio/mpeg" : `audio/${format}`;
}

function transcript(siblings: ReadonlyMap<string, unknown>): string | undefined {
  return siblings.has("transcript") ? "audio/wav" : undefined;
}

function imageType(siblings: ReadonlyMap<string, unknown>): string {
  const format = siblings.get("output_format");
  return typeof format === "string" && /^[a-z0-9]{2,10}$/.test(format) ? `image/${format}` : "image/png";
}

/** Files that models take, by the ending of their names. */
const typesOfNames: Readonly<Record<string, string>> = {
  pdf: "application/pdf",
  txt: "text/plain",
  md: "text/markdown",
  csv: "text/csv",
  json: "application/json",
  html: "text/html",
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
};

function typeOfName(name: unknown): string {
  const ending = typeof name === "string" ? name.slice(name.lastIndexOf(".") + 1).toLowerCase() : "";
  return typesOfNames[ending] ?? "application/octet-stream";
}
