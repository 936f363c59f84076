/**
 * Links between the files of the repository lead somewhere.
 */
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { anchors, type Link, links, markdownFiles, root } from "./markdown.ts";

/** Addresses elsewhere are not asked for: a test must not need the network. */
const ELSEWHERE = /^[a-z][a-z0-9+.-]*:/i;

/** What is wrong with a link; undefined if nothing is. */
function problemOf(file: string, { target, line }: Link): string | undefined {
  const [path = "", anchor] = target.split("#").map(decodeURIComponent);
  const aimed = path === "" ? file : normalize(join(dirname(file), path));
  if (!existsSync(join(root, aimed))) return `${file}:${line}: ${target} is not there`;
  if (anchor === undefined || !aimed.endsWith(".md") || anchors(aimed).has(anchor)) return undefined;
  return `${file}:${line}: ${target}: ${aimed} has no such heading`;
}

test("every link from one file of the repository to another finds its file and its heading", () => {
  const local = markdownFiles().flatMap((file) =>
    links(file)
      .filter(({ target }) => !ELSEWHERE.test(target))
      .map((link) => ({ file, link })),
  );
  expect(local.length).toBeGreaterThan(100);
  expect(local.map(({ file, link }) => problemOf(file, link)).filter((problem) => problem !== undefined)).toEqual([]);
});

test("every page of the guide is in its index", () => {
  const pages = markdownFiles().filter((file) => /^docs\/guide\/(?!README)/.test(file));
  const listed = links("docs/guide/README.md").map(({ target }) => `docs/guide/${target}`);
  expect(pages.filter((page) => !listed.includes(page))).toEqual([]);
});

test("a link to a file or heading that is not there is found out", () => {
  const problems = ["missing.md", "README.md#missing", "#trace-an-agent", "docs/filter-language.md#conditions"].map(
    (target) => problemOf("README.md", { target, line: 7 }),
  );
  expect(problems).toEqual([
    "README.md:7: missing.md is not there",
    "README.md:7: README.md#missing: README.md has no such heading",
    undefined,
    undefined,
  ]);
});
