/**
 * A value that fits a JSON schema: what a scripted model gives for structured output and tool arguments.
 */

type Schema = Readonly<Record<string, unknown>>;

/** Deeper schemas are recursive ones; they are cut off with a string. */
const MAX_DEPTH = 8;

export interface SampleOptions {
  /** Gives the text of a string property; default: its name. */
  readonly text?: (name: string, schema: Schema) => string | undefined;
  /** Gives the value of a number property; default 1. */
  readonly number?: (name: string) => number | undefined;
}

/**
 * A value for `schema`: constants, defaults and enumerations as they say, the rest made from the options.
 * `$ref` inside the document, `anyOf`, `oneOf` and `allOf` (first branch) are followed.
 *
 * @see https://json-schema.org/draft/2020-12/json-schema-validation
 */
export function sampleSchema(schema: unknown, options: SampleOptions = {}): unknown {
  return sample(schema, "value", { root: schema, options }, 0);
}

interface Walk {
  readonly root: unknown;
  readonly options: SampleOptions;
}

function sample(schema: unknown, name: string, walk: Walk, depth: number): unknown {
  if (!isRecord(schema) || depth > MAX_DEPTH) return name;
  if (typeof schema.$ref === "string") return sample(follow(walk.root, schema.$ref), name, walk, depth + 1);
  if ("const" in schema) return schema.const;
  if (schema.default !== undefined) return schema.default;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  for (const key of ["anyOf", "oneOf", "allOf"]) {
    const branches = schema[key];
    if (Array.isArray(branches)) return sample(branches[0], name, walk, depth + 1);
  }
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  const make = Object.hasOwn(byType, String(type)) ? byType[String(type)] : undefined;
  if (make) return make(schema, name, walk, depth);
  return isRecord(schema.properties) ? sampleObject(schema, name, walk, depth) : sampleString(schema, name, walk);
}

type Make = (schema: Schema, name: string, walk: Walk, depth: number) => unknown;

const byType: Readonly<Record<string, Make>> = {
  object: sampleObject,
  array: (schema, name, walk, depth) => [sample(schema.items, name, walk, depth + 1)],
  string: sampleString,
  integer: (_schema, name, walk) => Math.round(walk.options.number?.(name) ?? 1),
  number: (_schema, name, walk) => walk.options.number?.(name) ?? 1,
  boolean: () => true,
  null: () => null,
};

function sampleObject(schema: Schema, _name: string, walk: Walk, depth: number): unknown {
  const properties = isRecord(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? new Set(schema.required) : undefined;
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([key]) => required === undefined || required.has(key))
      .map(([key, property]) => [key, sample(property, key, walk, depth + 1)]),
  );
}

function sampleString(schema: Schema, name: string, walk: Walk): string {
  return walk.options.text?.(name, schema) ?? name;
}

function follow(root: unknown, reference: string): unknown {
  let node = root;
  for (const part of reference.replace(/^#\//, "").split("/")) node = isRecord(node) ? node[part] : undefined;
  return node;
}

function isRecord(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
