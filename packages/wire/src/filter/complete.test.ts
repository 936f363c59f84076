import { describe, expect, test } from "vitest";
import { completeFilter } from "./complete.ts";
import { parseFilter } from "./parser.ts";

/** The completion where the bar stands in the text. */
function at(marked: string) {
  const cursor = marked.indexOf("|");
  const text = marked.replace("|", "");
  const { from, to, items, values } = completeFilter(text, cursor);
  return {
    replaced: text.slice(from, to),
    items: items.map((item) => item.text),
    kinds: items.map((item) => item.kind),
    values,
  };
}

describe("completeFilter", () => {
  test("offers fields where a condition begins", () => {
    for (const text of [
      "|",
      "status = 'OK' AND |",
      "(|",
      "NOT |",
      "status = 'OK' OR (name = 'x' AND |",
      "refund AND |",
    ]) {
      const { items, replaced } = at(text);
      expect(replaced).toBe("");
      expect(items).toEqual(expect.arrayContaining(["status", "duration", "tags.", "feedback.", "span(", "NOT"]));
    }
    expect(at("dur|")).toMatchObject({ replaced: "dur", items: ["duration"] });
    expect(at("status = 'OK' AND to| AND name = 'x'").items.slice(0, 2)).toEqual(["tokens.total", "tokens.input"]);
  });

  test("offers fields of spans inside of span(…) and behind span.", () => {
    const inside = at("span(|").items;
    expect(inside).toEqual(expect.arrayContaining(["name", "type", "attributes.", "duration"]));
    expect(inside).not.toContain("tags.");
    expect(inside).not.toContain("span(");
    expect(at("span(name = 'x' AND mo|").items).toEqual(["model"]);
    expect(at("span.mo|").items).toEqual(["span.model"]);
    expect(at("span(name = 'x') AND |").items).toContain("tags.");
  });

  test("offers operators of the field behind it", () => {
    expect(at("duration |").items).toEqual(["=", "!=", "<", "<=", ">", ">=", "IN", "NOT IN", "IS NULL", "IS NOT NULL"]);
    expect(at("duration >|")).toMatchObject({ replaced: ">", items: [">="] });
    expect(at("name l|").items).toEqual(["LIKE", "ILIKE", "RLIKE", "IS NULL", "IS NOT NULL"]);
    expect(at("prompt |").items).not.toContain("LIKE");
    expect(at("name !|").items).toEqual(["!="]);
    expect(at("name IS |").items).toEqual(["NULL", "NOT NULL"]);
    expect(at("name IN |").items).toEqual(["("]);
  });

  test("offers the words of a state and units of a number", () => {
    expect(at("status = |").items).toEqual(["'OK'", "'ERROR'", "'IN_PROGRESS'"]);
    expect(at("status = 'e|")).toMatchObject({ replaced: "'e", items: ["'ERROR'"] });
    expect(at("span(status IN ('OK', |").items).toEqual(["'OK'", "'ERROR'", "'UNSET'", ",", ")"]);
    expect(at("duration > 2|").items).toEqual(["2ms", "2s", "2m", "2h"]);
    expect(at("tokens > 10|").items).toEqual(["10k"]);
  });

  test("says which values and keys the server should be asked for", () => {
    expect(at("tags.env = |").values).toEqual({ field: "tags", key: "env", prefix: "" });
    expect(at("tags.env IN ('a', 'pr|")).toMatchObject({
      replaced: "'pr",
      values: { field: "tags", key: "env", prefix: "pr" },
    });
    expect(at("user = ad|").values).toEqual({ field: "user", prefix: "ad" });
    expect(at("span(model LIKE 'gpt|").values).toEqual({ field: "span.model", prefix: "gpt" });
    expect(at("tags.en|")).toMatchObject({ replaced: "en", values: { field: "tags", prefix: "en" } });
    expect(at("attributes.http.|").values).toEqual({ field: "span.attributes", prefix: "http." });
    expect(at("span.attributes.a|").values).toEqual({ field: "span.attributes", prefix: "a" });
    expect(at("status = |").values).toBeUndefined();
    expect(at("duration > |").values).toBeUndefined();
  });

  test("offers AND and OR behind a condition", () => {
    expect(at("status = 'OK' |").items).toEqual(["AND", "OR"]);
    expect(at("(status = 'OK'|").items).toEqual(["AND", "OR", ")"]);
    expect(at("status = 'OK' an|").items).toEqual(["AND"]);
    expect(at("name IS NULL |").items).toEqual(["AND", "OR"]);
    expect(at("name IN ('a') |").items).toEqual(["AND", "OR"]);
    expect(at("EXISTS cost |").items).toContain("AND");
  });

  test("works in texts that are wrong or not finished", () => {
    expect(at("statsu = 'x' AND |").items).toContain("status");
    expect(at(") ) = AND |").items).toContain("status");
    expect(at("status = 'OK' AND du| 'never closed").items).toEqual(["duration"]);
    expect(at("nonsense = |").items).toEqual([]);
  });

  test("every field it offers is read by the parser", () => {
    for (const [open, close] of [
      ["", ""],
      ["span(", ")"],
    ] as const) {
      const fields = completeFilter(open, open.length).items.filter((item) => item.kind === "field");
      expect(fields.length).toBeGreaterThan(10);
      for (const { text } of fields) {
        const name = text.endsWith(".") ? `${text}x` : text;
        if (name === "text" || name === "content") continue;
        expect(parseFilter(`${open}${name} IS NULL${close}`), name).toMatchObject({ ok: true });
      }
    }
  });
});
