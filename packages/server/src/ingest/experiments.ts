/**
 * Which experiment the spans of a request go to: named by a header, remembered between requests.
 */
import type { EntityStore } from "@sightline/store/entity-store";
import { SightlineError } from "@sightline/wire/errors";
import { DEFAULT_EXPERIMENT } from "@sightline/wire/model/experiment";

/** Header with the id of an experiment that exists; MLflow's clients send it. */
export const EXPERIMENT_ID_HEADER = "x-mlflow-experiment-id";
/** Header with the name of an experiment, made on first use. Percent-encoded or UTF-8 when it is not ASCII. */
export const EXPERIMENT_NAME_HEADER = "x-sightline-experiment";

/** MLflow's limit for names of experiments. */
const MAX_NAME_LENGTH = 500;
/** What another server did to an experiment is noticed after this time at the latest; of this one `forget` tells at once. */
const REMEMBER_MS = 30_000;
const MAX_REMEMBERED = 10_000;

type Experiments = Pick<EntityStore, "ensureExperiment" | "getExperiment">;

export interface ExperimentResolver {
  /**
   * The experiment that the headers of a request name.
   *
   * @throws EXPERIMENT_NOT_FOUND for an unknown id, EXPERIMENT_DELETED, INVALID_PARAMETER for a name that cannot be one
   */
  resolve(headers: Headers): Promise<string>;
  /** To be called after any change of an experiment. */
  forget(): void;
}

/** Makes the one resolver of a server. */
export function createExperimentResolver(experiments: Experiments): ExperimentResolver {
  // Promises are kept, so that many first requests at the same moment ask the store once.
  const remembered = new Map<string, { readonly id: Promise<string>; readonly until: number }>();
  const remember = (key: string, find: () => Promise<string>): Promise<string> => {
    const known = remembered.get(key);
    if (known && known.until > Date.now()) return known.id;
    const id = find();
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    const entry = { id, until: Date.now() + REMEMBER_MS };
    remembered.set(key, entry);
    id.catch(() => {
      // A later question may have been answered better.
      if (remembered.get(key) === entry) remembered.delete(key);
    });
    return id;
  };
  return {
    async resolve(headers) {
      const id = headers.get(EXPERIMENT_ID_HEADER);
      if (id !== null) return remember(`id:${id}`, () => findById(experiments, id));
      const name = headers.get(EXPERIMENT_NAME_HEADER);
      if (name === null) return DEFAULT_EXPERIMENT.experimentId;
      return remember(`name:${name}`, async () => {
        const experiment = await experiments.ensureExperiment(checkName(decodeHeader(name)));
        return experiment.experimentId;
      });
    },
    forget: () => remembered.clear(),
  };
}

async function findById(experiments: Experiments, id: string): Promise<string> {
  const experiment = /^\d{1,19}$/.test(id) ? await experiments.getExperiment(id) : undefined;
  if (experiment?.deleteTime !== undefined) {
    throw new SightlineError(
      "EXPERIMENT_DELETED",
      `The experiment "${experiment.name}" (id ${experiment.experimentId}) is deleted and takes no spans. Restore it, or name another.`,
    );
  }
  if (experiment) return experiment.experimentId;
  throw new SightlineError(
    "EXPERIMENT_NOT_FOUND",
    `No experiment has the id "${id.slice(0, 50)}" of the header ${EXPERIMENT_ID_HEADER}. Name it with ${EXPERIMENT_NAME_HEADER} to have it made.`,
  );
}

function checkName(name: string): string {
  const trimmed = name.trim();
  // A name stands in a URL, a list and a terminal: control characters belong in none of them.
  const isBad = trimmed === "" || trimmed.length > MAX_NAME_LENGTH || /\p{Cc}/u.test(trimmed);
  if (!isBad) return trimmed;
  throw new SightlineError(
    "INVALID_PARAMETER",
    `"${trimmed.slice(0, 50)}" in the header ${EXPERIMENT_NAME_HEADER} cannot name an experiment; use 1 to ${MAX_NAME_LENGTH} printable characters.`,
  );
}

/**
 * The text of a header value. HTTP gives bytes, shown as Latin-1: UTF-8 is recognised, percent-encoding undone.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-5.5
 */
function decodeHeader(value: string): string {
  const bytes = Buffer.from(value, "latin1");
  let text = value;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // not UTF-8: it is Latin-1 as it stands
  }
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (!(error instanceof URIError)) throw error; // a "%" that begins no code, as in "50% off"
    return text;
  }
}
