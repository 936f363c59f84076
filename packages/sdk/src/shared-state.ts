/**
 * What all copies of the SDK in a process share: two of them (a duplicated package, a bundle beside it, ESM and CommonJS) trace as
 * one, send once, and see each other's spans as parents.
 *
 * Each file keeps its own part here, and alone knows its type: `grep sharedPart` lists them.
 */

/**
 * The number is the version of the parts' shapes, of spans and of exporters as the copies use each other's; copies that differ in
 * it do not know of each other.
 */
const KEY = Symbol.for("sightline.sdk.1");

/**
 * A part of the one state of the process (of the thread and realm, to be exact).
 *
 * @param name  the same in every copy
 * @param create  makes the part; called by the copy that is loaded first
 */
export function sharedPart<T extends object>(name: string, create: () => T): T {
  const holder = globalThis as { [KEY]?: Map<string, object> };
  holder[KEY] ??= new Map();
  const existing = holder[KEY].get(name);
  // Whatever is there was made by the same file of a copy of the same version.
  if (existing !== undefined) return existing as T;
  const part = create();
  holder[KEY].set(name, part);
  return part;
}
