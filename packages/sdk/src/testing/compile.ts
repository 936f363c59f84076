/**
 * Programs through the TypeScript compiler, as users' are: what it says of their types, and what it emits.
 */
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import ts from "typescript";

// Inside the repository, so that packages are found. The file is never written.
const folder = fileURLToPath(new URL("../../.cache/programs", import.meta.url));

/** The library's and the SDK's own sources, parsed once for all programs of a test file. */
const parsed = new Map<string, ts.SourceFile>();

export interface Compiled {
  /** `line: message`, in order. */
  readonly problems: readonly string[];
  /** ES2022, decorators in the form that engines of today run. */
  readonly code: string;
}

/** Compiles one module. */
export function compile(text: string, options: { readonly experimentalDecorators?: boolean } = {}): Compiled {
  const file = `${folder}/${randomUUID()}.mts`;
  const settings: ts.CompilerOptions = {
    ...options,
    strict: true,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts", "lib.esnext.decorators.d.ts"],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    customConditions: ["@sightline/source"],
    allowImportingTsExtensions: true,
    rewriteRelativeImportExtensions: true,
    skipLibCheck: true,
    types: ["node"],
  };
  const host = ts.createCompilerHost(settings);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.readFile = (name) => (name === file ? text : readFile(name));
  host.getSourceFile = (name, language, ...rest) => {
    if (name === file) return ts.createSourceFile(name, text, language);
    const source = parsed.get(name) ?? getSourceFile(name, language, ...rest);
    if (source !== undefined) parsed.set(name, source);
    return source;
  };
  let code = "";
  host.writeFile = (name, output) => {
    if (name === file.replace(/\.mts$/, ".mjs")) code = output;
  };
  const program = ts.createProgram([file], settings, host);
  const source = program.getSourceFile(file);
  const problems = ts.getPreEmitDiagnostics(program, source).map(({ start = 0, messageText }) => {
    const line = source === undefined ? 0 : source.getLineAndCharacterOfPosition(start).line + 1;
    return `${line}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
  program.emit(source);
  return { problems, code };
}
