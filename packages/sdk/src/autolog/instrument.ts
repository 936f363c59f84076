/**
 * Applies an integration: to the program's own copy of the package, to a module that is handed in, or to one client.
 */
import { safely, warnOnce } from "../diagnostics.ts";
import { type AppModule, findAppModule } from "./app-modules.ts";
import type { Integration, MethodPatch } from "./integration.ts";

/** How a library is traced. */
export interface AutologOptions {
  /** `false` turns the integration off: calls go straight through again. Default true. */
  readonly logTraces?: boolean | undefined;
  /** The package's exports or its client class, for bundled programs and copies that cannot be found. */
  readonly module?: unknown;
}

/** The automatic tracing of one library, e.g. `sightline.openai`. */
export interface Autolog {
  /**
   * Traces every call of the library from now on; for already made clients too. Synchronous, to be called after the imports.
   *
   * @returns how many copies of the library are traced
   */
  autolog(options?: AutologOptions): number;
  /** Traces one client, whichever copy of the library it comes from, and returns it. */
  wrap<T extends object>(client: T): T;
}

/** On patched methods; the method as it was. Shared by all copies of the SDK in a process: none patches what another has. */
const ORIGINAL = Symbol.for("sightline.patched");

type Method = (...args: readonly unknown[]) => unknown;

/** Makes the handle that users see as `sightline.<name>`. */
export function createAutolog(integration: Integration): Autolog {
  return {
    autolog(options) {
      const { patched, problem } = applyIntegration(integration, options);
      if (problem !== undefined) warnUntraced(integration, problem);
      return patched;
    },
    wrap(client) {
      safely(`${integration.name}.wrap`, () => {
        for (const patch of integration.methods) {
          if (typeof Reflect.get(client, patch.method) === "function") patchOwner(client, patch, () => true);
        }
      });
      return client;
    },
  };
}

/** Whether an integration is on; its patches stay in place and ask. */
const isOn = new Map<Integration, boolean>();

/**
 * Turns an integration on or off.
 *
 * @returns how many copies of the library are traced, and what stands in the way when there is none
 */
export function applyIntegration(
  integration: Integration,
  { logTraces = true, module }: AutologOptions = {},
): { readonly patched: number; readonly problem?: string } {
  isOn.set(integration, logTraces);
  if (!logTraces) return { patched: 0 };
  const where = `${integration.name}.autolog`;
  const patchModule = (exported: unknown): boolean => safely(where, () => patchExports(integration, exported)) ?? false;
  const found: AppModule =
    module === undefined
      ? (safely(where, () => findAppModule(integration.module, patchModule)) ?? { loaded: [] })
      : { loaded: [module] };
  const patched = found.loaded.filter(patchModule).length;
  const isForeign = patched === 0 && found.loaded.length > 0;
  const problem =
    found.problem ??
    (isForeign ? `${module === undefined ? "the package" : "what was handed in"} has no client class` : undefined);
  return problem === undefined ? { patched } : { patched, problem };
}

function patchExports(integration: Integration, exported: unknown): boolean {
  let isPatched = false;
  for (const patch of integration.methods) {
    const owner = patch.findOwner(exported);
    if (owner === undefined) continue;
    patchOwner(owner, patch, () => isOn.get(integration) ?? false);
    isPatched = true;
  }
  return isPatched;
}

/** A program without any span would not know why. */
function warnUntraced({ name, module }: Integration, problem: string): void {
  warnOnce(
    `untraced:${name}`,
    `sightline.${name}.autolog() traces nothing: ${problem}. Hand it in: sightline.${name}.autolog({ module: … }) with the exports of "${module}".`,
  );
}

/** Puts a watched method in place of the one that `owner` has or inherits; once, whoever asks. */
function patchOwner(owner: object, { method, intercept }: MethodPatch, shouldWatch: () => boolean): void {
  const found = Reflect.get(owner, method) as Method & { readonly [ORIGINAL]?: Method };
  if (Object.hasOwn(owner, method) && found[ORIGINAL]) return;
  // A client whose class is patched inherits the patch; watching that one too would count its calls twice.
  const original = found[ORIGINAL] ?? found;
  const patched = function (this: object, ...args: readonly unknown[]): unknown {
    const proceed = (): unknown => Reflect.apply(original, this, args);
    return shouldWatch() ? intercept({ target: this, args, proceed }) : proceed();
  };
  Object.defineProperties(patched, {
    name: { value: original.name, configurable: true },
    length: { value: original.length, configurable: true },
    [ORIGINAL]: { value: original },
  });
  Object.defineProperty(owner, method, { value: patched, enumerable: false, writable: true, configurable: true });
}
