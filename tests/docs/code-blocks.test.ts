/**
 * The TypeScript of the guide and the READMEs compiles; blocks that say `run` print what stands below them.
 */
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../../packages/sdk/src/testing/program.ts";
import { type Receiver, startReceiver } from "../../packages/sdk/src/testing/receiver.ts";
import { type CodeBlock, codeBlocks, markdownFiles, root } from "./markdown.ts";

const HAS_CODE = /^(?:README\.md|packages\/[^/]+\/README\.md|examples\/[^/]+\/README\.md|docs\/guide\/.*\.md)$/;
const blocks = markdownFiles()
  .filter((file) => HAS_CODE.test(file))
  .flatMap(codeBlocks)
  .filter(({ info }) => info[0] === "ts");

/** What readers have by then: the first block of every page says it. */
const IMPORT = 'import * as sightline from "@sightline/sdk";\n';

/** The block as a module of its own, and how many lines stand before it. */
function toModule({ code, given }: CodeBlock): { readonly text: string; readonly linesBefore: number } {
  const isImported = /from "@sightline\/sdk"/.test(code + given);
  const before = `${isImported ? "" : IMPORT}${given}`;
  return { text: `${before}${code}\nexport {};\n`, linesBefore: before.split("\n").length - 1 };
}

/** `file:line: message` for everything that the compiler has against the blocks. */
function problemsOf(checked: readonly CodeBlock[]): string[] {
  // Inside the repository, so that packages are found; never written.
  const modules = new Map(
    checked.map((block, index) => [join(root, ".cache/docs", `${index}.mts`), { block, ...toModule(block) }]),
  );
  const settings: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts", "lib.esnext.decorators.d.ts"],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    customConditions: ["@sightline/source"],
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    types: ["node"],
  };
  const host = ts.createCompilerHost(settings);
  const { fileExists, readFile } = host;
  host.fileExists = (name) => modules.has(name) || fileExists(name);
  host.readFile = (name) => modules.get(name)?.text ?? readFile(name);
  const program = ts.createProgram([...modules.keys()], settings, host);
  return [...modules].flatMap(([name, { block, linesBefore }]) => {
    const source = program.getSourceFile(name);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ file, start = 0, messageText }) => {
        const line = (file?.getLineAndCharacterOfPosition(start).line ?? 0) - linesBefore + block.line;
        return `${block.file}:${line}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
      },
    );
  });
}

test("every TypeScript block of the guide and the READMEs compiles under strict", () => {
  expect(blocks.length).toBeGreaterThan(30);
  const wrong: CodeBlock = {
    file: "docs/wrong.md",
    line: 10,
    info: ["ts"],
    code: "const ok = 1;\nsightline.trace(1);\n",
    given: "declare const before: string;\n",
    output: undefined,
  };
  // One program for all, with one block that is wrong: a check that finds nothing in it has not looked.
  expect(problemsOf([...blocks, wrong])).toEqual([expect.stringMatching(/^docs\/wrong\.md:11: No overload matches/)]);
});

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.close());

const runnable = blocks.filter(({ info }) => info.includes("run"));

test.concurrent.for(runnable.map((block) => [`${block.file}:${block.line}`, block] as const))(
  "the program at %s prints what the page says",
  async ([, block]) => {
    const text = toModule(block).text.replaceAll("http://127.0.0.1:5500", receiver.url);
    const env = { SIGHTLINE_URL: receiver.url };
    expect(await runProgram(text, { extension: "mts", env })).toEqual({
      code: 0,
      signal: null,
      stdout: block.output ?? "",
      stderr: "",
    });
  },
);
