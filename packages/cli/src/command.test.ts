import { expect, test } from "vitest";
import { type Command, commandHelp, readArguments } from "./command.ts";

const copy: Command = {
  summary: "copy a file",
  args: "FROM TO…",
  options: {
    name: { value: "NAME", sentence: "what it is called" },
    tag: { value: "TAG", many: true, sentence: "words about it" },
    force: { sentence: "replace what is there" },
  },
  notes: ["Slow."],
  load: async () => ({ run: async () => 0 }),
};

function read(...argv: string[]) {
  return readArguments("copy", copy, argv);
}

test("arguments and options come in any order, values behind = or a space", () => {
  const given = read("a", "--tag", "x", "b", "--name=n", "--force", "--tag=y", "--", "--c");
  expect(given.args).toEqual(["a", "b", "--c"]);
  expect(given.text("name")).toBe("n");
  expect(given.texts("tag")).toEqual(["x", "y"]);
  expect([given.has("force"), given.has("tag"), read("a", "b").has("force")]).toEqual([true, true, false]);
});

test("what does not fit is a sentence that names it", () => {
  const sentences = [
    ["a"],
    ["a", "b", "--nam", "n"],
    ["a", "b", "--name"],
    ["a", "b", "--force=yes"],
    ["a", "b", "--name=1", "--name=2"],
  ].map((argv) => {
    try {
      return read(...argv).args.join();
    } catch (error) {
      return String((error as Error).message);
    }
  });
  expect(sentences).toMatchInlineSnapshot(`
    [
      "sightline copy needs TO…; see sightline copy --help.",
      "sightline copy takes no "--nam"; see sightline copy --help.",
      "--name needs a value: --name NAME; see sightline copy --help.",
      "--force takes no value; see sightline copy --help.",
      "--name is given twice; see sightline copy --help.",
    ]
  `);
  expect(() => readArguments("stop", { ...copy, args: "" }, ["now"])).toThrow('sightline stop takes no "now"');
});

test("help is made from the row", () => {
  expect(commandHelp("copy", copy)).toMatchInlineSnapshot(`
    "Usage: sightline copy FROM TO… [options]

    Copy a file.

      --name NAME           what it is called
      --tag TAG …           words about it
      --force               replace what is there

    Slow."
  `);
});
