/**
 * `@trace()` on members of classes: standard decorators, and TypeScript's `experimentalDecorators`.
 *
 * What cannot be traced is refused when the class is defined, with a sentence: a decorator that silently does nothing would be
 * found when the trace is missing.
 */
import { SightlineError } from "@sightline/wire/errors";
import { sayOnce } from "../diagnostics.ts";
import { type AnyFunction, type TraceOptions, tracedFunction } from "./traced-function.ts";

/** What a standard decorator is told; the part that is common to all kinds. */
export type DecoratorContext = Pick<DecoratorContextOf, "kind" | "name">;
type DecoratorContextOf = ClassMemberDecoratorContext | ClassDecoratorContext;

/** Whether the second argument of a call is what a standard decorator gets. */
export function isDecoratorContext(value: unknown): value is DecoratorContext {
  return typeof value === "object" && value !== null && "kind" in value && "addInitializer" in value;
}

/**
 * A member under a standard decorator: the traced method, or for a field what traces the function that it is set to.
 *
 * @throws BAD_DECORATOR for classes, getters, setters and accessors
 */
export function decorateMember(value: unknown, { kind, name }: DecoratorContext, options: TraceOptions): unknown {
  const member = String(name ?? "");
  const named = { name: member, ...withoutName(options) };
  if (kind === "method") return tracedFunction(value as AnyFunction, named);
  if (kind === "field") return (initial: unknown) => tracedField(initial, member, named);
  throw refused(kind === "class" ? `the class ${member}` : `the ${kind} "${member}"`);
}

/**
 * A method under `experimentalDecorators`: its descriptor is changed.
 *
 * @throws BAD_DECORATOR for fields, getters and setters
 */
export function decorateLegacy(
  key: string | symbol,
  descriptor: PropertyDescriptor | undefined,
  options: TraceOptions,
): void {
  const member = String(key);
  if (descriptor === undefined) throw refused(`the field "${member}" under experimentalDecorators`);
  if (typeof descriptor.value !== "function") throw refused(`the accessor "${member}"`);
  descriptor.value = tracedFunction(descriptor.value as AnyFunction, { name: member, ...withoutName(options) });
}

function tracedField(initial: unknown, member: string, options: TraceOptions): unknown {
  if (typeof initial === "function") return tracedFunction(initial as AnyFunction, options);
  sayOnce(
    `field:${member}`,
    "warn",
    `@trace() stands on the field "${member}", which holds no function; it is not traced.`,
  );
  return initial;
}

/** A name that is undefined must not replace the member's. */
function withoutName({ name, ...rest }: TraceOptions): TraceOptions {
  return name === undefined ? rest : { name, ...rest };
}

function refused(what: string): SightlineError {
  return new SightlineError(
    "BAD_DECORATOR",
    `@trace() cannot stand on ${what}; it traces methods, and fields that hold functions. Move the work into a method, or use withSpan() inside.`,
  );
}
