/**
 * The integrations, one line each.
 */
import { type AutologOptions, applyIntegration, createAutolog } from "./instrument.ts";
import type { Integration } from "./integration.ts";
import { openaiIntegration } from "./integrations/openai.ts";

/** Every integration there is; a test holds the folder and this list together. */
export const integrations: readonly Integration[] = [openaiIntegration];

/** `sightline.openai`: traces the openai package. */
export const openai = createAutolog(openaiIntegration);

/**
 * Traces every supported library that the program has installed. To be called after the imports.
 *
 * @returns the names of the libraries that are traced
 */
export function autolog(options: Pick<AutologOptions, "logTraces"> = {}): string[] {
  return integrations
    .filter((integration) => applyIntegration(integration, options).patched > 0)
    .map(({ name }) => name);
}
