import { describe, expect, test } from "vitest";
import { type Block, type Inline, parseMarkdown, safeHref } from "./parse.ts";

/** The tree as short text: `p(Hello *world*)`. */
function short(blocks: readonly Block[]): string {
  return blocks.map(shortBlock).join(" ");
}
function shortBlock(block: Block): string {
  switch (block.kind) {
    case "paragraph":
      return `p(${inline(block.children)})`;
    case "heading":
      return `h${block.level}(${inline(block.children)})`;
    case "code":
      return `code:${block.language}(${block.text.replaceAll("\n", "⏎")})`;
    case "quote":
      return `quote(${short(block.children)})`;
    case "list":
      return `${block.ordered ? `ol${block.start}` : "ul"}(${block.items.map((item) => `[${short(item)}]`).join("")})`;
    case "table":
      return `table(${[block.head, ...block.rows].map((row) => row.map(inline).join("|")).join(" / ")})`;
    case "rule":
      return "hr";
  }
}
function inline(pieces: readonly Inline[]): string {
  return pieces
    .map((piece) => {
      switch (piece.kind) {
        case "text":
          return piece.text;
        case "break":
          return "⏎";
        case "code":
          return `{${piece.text}}`;
        case "link":
          return `<${inline(piece.children)}→${piece.href}>`;
        default:
          return `${{ strong: "B", emphasis: "I", deleted: "D" }[piece.kind]}(${inline(piece.children)})`;
      }
    })
    .join("");
}
const read = (text: string) => short(parseMarkdown(text));

describe("blocks", () => {
  test.each([
    ["one\ntwo\n\nthree", "p(one⏎two) p(three)"],
    ["## Refund *policy* ##", "h2(Refund I(policy))"],
    ["```ts\nconst a = '*b*';\n\n```\nafter", "code:ts(const a = '*b*';⏎) p(after)"],
    ["```\nnever closed", "code:(never closed)"],
    ["- a\n- b\n  more\n\n  * deep\n- c", "ul([p(a)][p(b⏎more) ul([p(deep)])][p(c)])"],
    ["3. x\n4. y", "ol3([p(x)][p(y)])"],
    ["> said\n> twice\nafter", "quote(p(said⏎twice)) p(after)"],
    ["| a | b |\n|---|:-:|\n| 1 \\| 2 | **x** |", "table(a|b / 1 | 2|B(x))"],
    ["above\n\n---\n\nbelow", "p(above) hr p(below)"],
    ["-not a list\n#not a heading", "p(-not a list⏎#not a heading)"],
    ["", ""],
  ])("%j", (text, tree) => {
    expect(read(text)).toBe(tree);
  });
});

describe("inline", () => {
  test.each([
    ["**bold** and *soft* and `co*d*e` and ~~gone~~", "p(B(bold) and I(soft) and {co*d*e} and D(gone))"],
    ["**bold with *soft* inside**", "p(B(bold with I(soft) inside))"],
    ["snake_case_name and _soft_", "p(snake_case_name and I(soft))"],
    ["2 * 3 * 4", "p(2 * 3 * 4)"],
    [
      "[docs](https://a.example/x) https://b.example/y.",
      "p(<docs→https://a.example/x> <https://b.example/y→https://b.example/y>.)",
    ],
    ["![pixel](https://evil.example/p.png)", "p(<pixel→https://evil.example/p.png>)"],
    ["\\*not soft\\*", "p(*not soft*)"],
    ["我的訂單 **HE-157995** 還沒有送到", "p(我的訂單 B(HE-157995) 還沒有送到)"],
  ])("%s", (text, tree) => {
    expect(read(text)).toBe(tree);
  });
});

describe("hostile text stays text", () => {
  test.each([
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "[click](javascript:alert(1))",
    "[click](data:text/html,x)",
    "[click](/api/v1/traces)",
  ])("%s", (text) => {
    expect(read(text)).toBe(`p(${text})`);
  });

  test("long runs of marks are read in linear time", () => {
    for (const text of [
      "*".repeat(50_000),
      "[".repeat(50_000),
      "`".repeat(50_000),
      "**a".repeat(20_000),
      "> ".repeat(5000),
    ]) {
      expect(read(text).length).toBeGreaterThan(0);
    }
  });
});

test("only absolute web and mail addresses are links", () => {
  expect(
    ["https://a.example", "mailto:a@b.example", " javascript:1", "//a.example", "vbscript:1"].map(safeHref),
  ).toEqual(["https://a.example", "mailto:a@b.example", undefined, undefined, undefined]);
});
