/**
 * What must not leave the process: credentials in error texts, which providers repeat when they refuse them, and whatever the program's
 * own mask takes out.
 */
import { isPromise } from "node:util/types";
import { countFailure, warnOnce } from "../diagnostics.ts";

/** Where a value was found. */
export interface MaskPlace {
  /** Name of the attribute; `name`, `message` for the texts of a span or event. Of an attachment: the attribute that held it. */
  readonly key: string;
  readonly kind: "inputs" | "outputs" | "attribute" | "event" | "status" | "name" | "link" | "attachment";
  readonly spanName: string;
  readonly spanType: string;
}

/**
 * Replaces what must not be sent. Called once for each value of each span, away from the traced code, with JSON data: strings,
 * numbers, booleans, lists and objects; bytes (`Uint8Array`) for attachments.
 *
 * What it returns is sent in the value's place; `undefined` leaves the value out. It must not be asynchronous. When it throws, the
 * value becomes `[masking failed]`.
 *
 * ```ts
 * sightline.init({ mask: (value) => JSON.parse(JSON.stringify(value).replaceAll(/\d{16}/g, "[card]")) });
 * ```
 */
export type Mask = (value: unknown, place: MaskPlace) => unknown;

/** Stands for a value whose masking failed; the value itself is not sent. */
export const MASKING_FAILED = "[masking failed]";

/** Calls the program's mask. Never throws, never lets through what the mask did not return. */
export function applyMask(mask: Mask, value: unknown, place: MaskPlace): unknown {
  let masked: unknown;
  try {
    masked = mask(value, place);
    if (!isThenable(masked)) return masked;
  } catch (error) {
    countFailure("the mask", error);
    return MASKING_FAILED;
  }
  warnOnce(
    "async-mask",
    `The mask given to init() returns promises. It must return the masked value itself; until then values are sent as "${MASKING_FAILED}".`,
  );
  // Nobody else waits for it: its rejection would end the process.
  if (isPromise(masked)) masked.catch((error: unknown) => countFailure("the mask", error));
  return MASKING_FAILED;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** Keys of OpenAI, Anthropic, Groq, xAI, GitHub, AWS and Google, and bearer tokens. */
const SECRET =
  /\b(?:sk|pk|rk|gsk|xai|ghp|gho)[-_][\w-]{12,}|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|(?<=\bBearer )[\w.~+/-]{12,}=*/g;

/** `text` with everything that looks like a credential replaced by its first four characters and `[masked]`. */
export function maskSecrets(text: string): string {
  return text.replace(SECRET, (secret) => `${secret.slice(0, 4)}[masked]`);
}
