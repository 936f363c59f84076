/**
 * Bytes that strangers uploaded, served from the address of our pages: how a browser may treat them.
 *
 * A page, script or style that came from here would be taken for ours and could read every trace. So only types that no browser runs
 * are said, everything else is bytes; with `nosniff` a browser believes what is said. What it may show by itself is shown, the rest is
 * saved; and should something be run all the same, `sandbox` makes it a stranger.
 *
 * @see https://fetch.spec.whatwg.org/#x-content-type-options-header
 */
import type { AnswerHeaders } from "./reply.ts";

interface SafeType {
  /** The whole media type, lower case, without parameters. */
  readonly pattern: RegExp;
  /** A browser shows it by itself. */
  readonly isShown: boolean;
}

/** No type with a suffix (`+xml`) but SVG, whose scripts no image runs and which is never shown as a document of ours. */
const safeTypes: readonly SafeType[] = [
  { pattern: /^image\/svg\+xml$/, isShown: false },
  { pattern: /^image\/[\w.-]+$/, isShown: true },
  { pattern: /^(audio|video)\/[\w.-]+$/, isShown: true },
  { pattern: /^text\/(plain|csv|markdown)$/, isShown: true },
  { pattern: /^application\/pdf$/, isShown: true },
  { pattern: /^application\/(json|zip|gzip|x-ndjson|octet-stream|vnd\.[\w.-]+)$/, isShown: false },
];

/** Names end in what programs know the type by. */
const extensions: Readonly<Record<string, string>> = {
  "image/jpeg": "jpg",
  "image/svg+xml": "svg",
  "audio/mpeg": "mp3",
  "audio/x-wav": "wav",
  "text/plain": "txt",
  "text/markdown": "md",
  "text/html": "html",
  "application/octet-stream": "bin",
  "application/x-ndjson": "ndjson",
};

/**
 * Headers for bytes of a type that somebody else named.
 *
 * @param contentType  as it was uploaded, parameters included
 * @param name  of the file that they are saved as, without its end; letters, digits and `-`
 */
export function safeHeaders(contentType: string, name: string): AnswerHeaders {
  const [first = "", ...parameters] = contentType.split(";");
  const mediaType = first.trim().toLowerCase();
  const safe = safeTypes.find(({ pattern }) => pattern.test(mediaType));
  return {
    "content-type": safe === undefined ? "application/octet-stream" : withParameters(mediaType, parameters),
    "content-disposition": `${safe?.isShown ? "inline" : "attachment"}; filename="${name}.${endOf(mediaType)}"`,
    // Chromium does not open its viewer of PDF in a sandbox; a PDF cannot reach the page's origin.
    "content-security-policy": `default-src 'none'; ${mediaType === "application/pdf" ? "" : "sandbox; "}frame-ancestors 'none'`,
    "x-content-type-options": "nosniff",
  };
}

function withParameters(mediaType: string, parameters: readonly string[]): string {
  if (!mediaType.startsWith("text/")) return [mediaType, ...parameters.map((each) => each.trim())].join("; ");
  // UTF-7 and the like read harmless bytes as something else.
  return `${mediaType}; charset=utf-8`;
}

function endOf(mediaType: string): string {
  const known = Object.hasOwn(extensions, mediaType) ? extensions[mediaType] : undefined;
  const end = known ?? mediaType.split("/")[1] ?? "";
  return /^[a-z0-9]{1,10}$/.test(end) ? end : "bin";
}
