/**
 * The values that fields have, most frequent first.
 */
import type { FieldValues, ValueField } from "@sightline/store/trace-values";
import type { EndpointInput, EndpointOutput } from "@sightline/wire/api/endpoint";
import type { listFacets as facetsEndpoint, listValues as valuesEndpoint } from "@sightline/wire/api/values";
import { SightlineError } from "@sightline/wire/errors";
import { resolveField } from "@sightline/wire/filter/fields";
import { lexFilter } from "@sightline/wire/filter/lexer";
import type { Call, Stores } from "./stores.ts";
import { readSelection } from "./trace-selection.ts";

/** @throws BAD_FILTER, EXPERIMENT_NOT_FOUND, INVALID_PARAMETER for a field that is unknown or has no list of values */
export async function listValues(
  stores: Stores,
  input: EndpointInput<typeof valuesEndpoint>["body"],
  call?: Call,
): Promise<EndpointOutput<typeof valuesEndpoint>> {
  const { field, prefix, contains, limit } = input;
  const fields = [readField(field)];
  const selection = await readSelection(stores, input);
  const match = { ...(prefix !== undefined && { prefix }), ...(contains !== undefined && { contains }) };
  const [found = NOTHING] = hasNoExperiment(selection)
    ? []
    : await stores.telemetry.listValues({ ...selection, ...match, fields, limit }, call);
  return toAnswer(field, found);
}

/** @throws as {@link listValues} */
export async function listFacets(
  stores: Stores,
  input: EndpointInput<typeof facetsEndpoint>["body"],
  call?: Call,
): Promise<EndpointOutput<typeof facetsEndpoint>> {
  const fields = input.fields.map(readField);
  const selection = await readSelection(stores, input);
  const found = hasNoExperiment(selection)
    ? []
    : await stores.telemetry.listValues({ ...selection, fields, limit: input.limit }, call);
  return { facets: input.fields.map((field, index) => toAnswer(field, found[index] ?? NOTHING)) };
}

const NOTHING: FieldValues = { values: [], distinct: 0, approximate: false };

/** No experiment named at all is a question about nothing. */
function hasNoExperiment({ experimentIds }: { readonly experimentIds?: readonly string[] }): boolean {
  return experimentIds?.length === 0;
}

function toAnswer(
  field: string,
  { values, distinct, approximate }: FieldValues,
): EndpointOutput<typeof valuesEndpoint> {
  return { field, values: [...values], distinct, more: distinct > values.length, approximate };
}

/** The field that a text names as it would stand in a filter; a keyed one may stand alone. @throws INVALID_PARAMETER */
function readField(text: string): ValueField {
  const lexed = lexFilter(text);
  const [token, end] = lexed.ok ? lexed.tokens : [];
  if (token?.kind === "path" && end?.kind === "end") {
    const resolved = resolveField(token.parts, "trace");
    if (resolved.kind === "field") {
      return { field: resolved.field.name, ...(resolved.key !== undefined && { key: resolved.key }) };
    }
    if (resolved.kind === "key missing") return { field: resolved.field.name };
    // As filters may write `attributes.x`, the keys may be asked for as `attributes`.
    const ofSpan = resolveField(token.parts, "span");
    if (ofSpan.kind === "key missing") return { field: ofSpan.field.name };
    if (resolved.nearest !== undefined) throw unknownField(text, `did you mean "${resolved.nearest}"?`);
  }
  throw unknownField(text, 'write it as in a filter: "name", "tags.env", "span.model".');
}

function unknownField(text: string, advice: string): SightlineError {
  return new SightlineError("INVALID_PARAMETER", `"${text.slice(0, 50)}" is no field; ${advice}`);
}
