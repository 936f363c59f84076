/**
 * What can name an experiment.
 */
import { SightlineError } from "@sightline/wire/errors";

/** MLflow's limit. */
const MAX_NAME_CHARS = 500;

/** The name without blanks around it. @throws INVALID_PARAMETER */
export function checkExperimentName(name: string): string {
  const trimmed = name.trim();
  // A name stands in a URL, a list and a terminal: control characters belong in none of them.
  if (trimmed !== "" && trimmed.length <= MAX_NAME_CHARS && !/\p{Cc}/u.test(trimmed)) return trimmed;
  throw new SightlineError(
    "INVALID_PARAMETER",
    `"${trimmed.slice(0, 50)}" cannot name an experiment; use 1 to ${MAX_NAME_CHARS} printable characters.`,
  );
}
