/**
 * `sightline schema`: prints the statements that make the telemetry schema.
 */
import { schemaText } from "@sightline/server/schema-text";
import type { Given } from "../command.ts";

/** @returns 0 */
export async function runSchema(given: Given): Promise<number> {
  process.stdout.write(schemaText(given.text("database") ?? "sightline", given.text("cluster")));
  return 0;
}
