/**
 * Keeps credentials out of error texts: providers repeat the key they refuse.
 */

/** Keys of OpenAI, Anthropic, Groq, xAI, GitHub, AWS and Google, and bearer tokens. */
const SECRET =
  /\b(?:sk|pk|rk|gsk|xai|ghp|gho)[-_][\w-]{12,}|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|(?<=\bBearer )[\w.~+/-]{12,}=*/g;

/** `text` with everything that looks like a credential replaced by its first four characters and `[masked]`. */
export function maskSecrets(text: string): string {
  return text.replace(SECRET, (secret) => `${secret.slice(0, 4)}[masked]`);
}
