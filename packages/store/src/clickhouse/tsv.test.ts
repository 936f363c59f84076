import { expect, test } from "vitest";
import { count, text, textList, textMap } from "./columns.ts";
import { tsvWriter } from "./tsv.ts";

interface Row {
  readonly name: string;
  readonly size: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly models: readonly string[];
}

const writer = tsvWriter<Row, keyof Row>(
  { name: text("name"), size: count("size"), tags: textMap("tags"), models: textList("models") },
  ["name", "size", "tags", "models"],
  ["version"],
);

test("columns are named once, in the order of the cells", () => {
  expect(writer.head).toBe("(name, size, tags, models, version) FORMAT TabSeparated");
  expect(writer.write({ name: "a", size: 1, tags: {}, models: [] }, [7])).toBe("a\t1\t{}\t[]\t7");
  expect(writer.write({ name: "", size: 0, tags: { a: "b", c: "" }, models: ["x", "y"] }, [null])).toBe(
    "\t0\t{'a':'b','c':''}\t['x','y']\t\\N",
  );
});

test("what means something in the format is escaped, in texts, lists and maps", () => {
  const odd = "a\tb\nc\\d\re\0f'g\"h";
  const escaped = "a\\tb\\nc\\\\d\\re\\0f'g\"h";
  const inner = escaped.replace("'", "\\'");
  expect(writer.write({ name: odd, size: 0, tags: { [odd]: odd }, models: [odd] }, [1])).toBe(
    `${escaped}\t0\t{'${inner}':'${inner}'}\t['${inner}']\t1`,
  );
});
