/**
 * Base64 for bytes inside JSON, in browsers and Node alike.
 *
 * @see https://www.rfc-editor.org/rfc/rfc4648#section-4
 */

const CHUNK = 0x8000; // String.fromCharCode takes its bytes as arguments; engines limit how many

/** Standard base64 with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let i = 0; i < bytes.length; i += CHUNK) binary += String.fromCharCode(...bytes.subarray(i, i + CHUNK));
  return btoa(binary);
}

/** Reads standard and URL-safe base64, with or without padding; undefined if `text` is neither. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) return undefined;
  const digits = text.replace(/=+$/, "").replace(/-/g, "+").replace(/_/g, "/");
  if (digits.length % 4 === 1) return undefined;
  const binary = atob(digits);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
