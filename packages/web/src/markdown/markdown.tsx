/**
 * Markdown that a model wrote, drawn with React elements: there is no way from its text to HTML.
 */
import { Fragment, type ReactNode, useMemo } from "react";
import { scriptOf } from "../format/preview.ts";
import styles from "./markdown.module.css";
import { type Block, type Inline, parseMarkdown } from "./parse.ts";

export function Markdown({ text }: { readonly text: string }) {
  const blocks = useMemo(() => parseMarkdown(text), [text]);
  return (
    <div className={styles.markdown} lang={scriptOf(text)}>
      {drawBlocks(blocks)}
    </div>
  );
}

function drawBlocks(blocks: readonly Block[]): ReactNode {
  // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a text never move
  return blocks.map((block, index) => <Fragment key={index}>{drawBlock(block)}</Fragment>);
}

function drawBlock(block: Block): ReactNode {
  switch (block.kind) {
    case "paragraph":
      return <p>{drawInline(block.children)}</p>;
    case "heading":
      // The page has its own h1 and h2.
      return block.level <= 2 ? <h3>{drawInline(block.children)}</h3> : <h4>{drawInline(block.children)}</h4>;
    case "code":
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region needs the focus to be scrolled by keys
        <pre tabIndex={0}>
          <code>{block.text}</code>
        </pre>
      );
    case "quote":
      return <blockquote>{drawBlocks(block.children)}</blockquote>;
    case "list": {
      const items = block.items.map((item, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a text never move
        <li key={index}>{drawBlocks(item)}</li>
      ));
      return block.ordered ? <ol start={block.start}>{items}</ol> : <ul>{items}</ul>;
    }
    case "table":
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region needs the focus to be scrolled by keys
        <div className={styles.table} tabIndex={0}>
          <table>
            <thead>
              <tr>{block.head.map((cell, index) => drawCell("th", cell, index))}</tr>
            </thead>
            <tbody>
              {block.rows.map((row, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a text never move
                <tr key={index}>{row.map((cell, column) => drawCell("td", cell, column))}</tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    case "rule":
      return <hr />;
  }
}

function drawCell(Cell: "th" | "td", children: readonly Inline[], index: number): ReactNode {
  return <Cell key={index}>{drawInline(children)}</Cell>;
}

function drawInline(pieces: readonly Inline[]): ReactNode {
  // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a text never move
  return pieces.map((piece, index) => <Fragment key={index}>{drawPiece(piece)}</Fragment>);
}

function drawPiece(piece: Inline): ReactNode {
  switch (piece.kind) {
    case "text":
      return piece.text;
    case "code":
      return <code>{piece.text}</code>;
    case "strong":
      return <strong>{drawInline(piece.children)}</strong>;
    case "emphasis":
      return <em>{drawInline(piece.children)}</em>;
    case "deleted":
      return <del>{drawInline(piece.children)}</del>;
    case "break":
      return <br />;
    case "link":
      return <HostileLink link={piece} />;
  }
}

/** A link that someone else wrote: it says where it goes and tells that place nothing. */
function HostileLink({ link: { href, children } }: { readonly link: Extract<Inline, { kind: "link" }> }) {
  const { host } = new URL(href);
  const [first] = children;
  const saysItself = first?.kind === "text" && first.text === href;
  return (
    <>
      <a href={href} target="_blank" rel="noopener noreferrer nofollow">
        {drawInline(children)}
      </a>
      {!saysItself && host !== "" && <span className={styles.host}>{host}</span>}
    </>
  );
}
