/**
 * The reference page of the filter language: its tables are those of the parser, and every filter in it is one.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { bareName, type FilterField, filterFields } from "./fields.ts";
import { parseFilter } from "./parser.ts";

const page = readFileSync(new URL("../../../../docs/filter-language.md", import.meta.url), "utf8");

/** Backticks around a text that may hold some itself. */
function code(text: string): string {
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/** Operators that all fields have, and families of the others, so that the table stays readable. */
function operatorsOf({ operators }: FilterField): string {
  const has = (...some: FilterField["operators"]) => some.every((operator) => operators.includes(operator));
  return [
    ...(has("=", "!=") ? ["`= !=`"] : []),
    ...(has("<", ">=") ? ["`< <= > >=`"] : []),
    ...(has("IN", "NOT IN") ? ["`IN`"] : []),
    ...(has("LIKE", "ILIKE") ? ["`LIKE`"] : []),
    ...(has("RLIKE") ? ["`RLIKE`"] : []),
  ].join(" ");
}

function tableOf(fields: readonly FilterField[]): string {
  const rows = fields.map((field) => {
    const key = field.keyed ? ".<name>" : "";
    const names = [bareName(field), ...field.aliases].map((name) => code(name + key));
    return `| ${names.join(", ")} | ${operatorsOf(field)} | ${field.help} | ${code(field.example)} |`;
  });
  return ["| field | compared by | what it is | example |", "|---|---|---|---|", ...rows].join("\n");
}

test("the page has the table of the fields of traces", () => {
  expect(page).toContain(tableOf(filterFields.filter((field) => field.entity !== "span")));
});

test("the page has the table of the fields of spans", () => {
  expect(page).toContain(tableOf(filterFields.filter((field) => field.entity === "span")));
});

test("the filters in the page are read", () => {
  const [, block = ""] = /```\n([^`]+)```/.exec(page) ?? [];
  const filters = block.trim().split("\n");
  expect(filters).toHaveLength(5);
  for (const filter of filters) expect(parseFilter(filter), filter).toMatchObject({ ok: true });
});
