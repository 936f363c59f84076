/**
 * Attributes whose values are kept as the inputs or outputs of a span instead of among its attributes.
 */
import { conventions } from "@sightline/wire/conventions/registry";

/** Attribute key → column of `spans` that may hold its value. Which keys those are, the table of conventions says. */
export const payloadKeys: ReadonlyMap<string, "inputs" | "outputs"> = new Map(
  (["inputs", "outputs"] as const).flatMap((column) =>
    conventions.flatMap((convention) =>
      (convention[column] ?? []).filter((rule) => typeof rule === "string").map((key) => [key, column] as const),
    ),
  ),
);
