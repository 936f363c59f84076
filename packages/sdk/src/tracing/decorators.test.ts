import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compile } from "../testing/compile.ts";
import { runProgram } from "../testing/program.ts";
import { jsonAttribute, type Receiver, startReceiver } from "../testing/receiver.ts";

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

/** Name, type and inputs of what came, by name. */
function facts(): unknown[] {
  return receiver.spans
    .map((span) => [span.name, span.attributes["mlflow.spanType"], jsonAttribute(span, "mlflow.spanInputs")])
    .sort(([one], [other]) => (String(one) < String(other) ? -1 : 1));
}

/** Members that both kinds of decorators can stand on. */
const METHODS = `
  @trace({ spanType: "AGENT" })
  async answer(question: string): Promise<string> {
    return this.name + ": " + [...this.words(question)].join("-") + this.pick(1) + this.pick("a");
  }
  @trace()
  *words(text: string): Generator<string> {
    yield* text.split(" ");
  }
  pick(value: number): number;
  pick(value: string): string;
  @trace({ name: "choose" })
  pick(value: number | string): number | string {
    return value;
  }
  @trace
  static ask(q: string, n = 2) {
    return this.prefix + q + n;
  }
  static prefix = "?";
`;
const USE = `
  const agent = new Agent("Ann");
  const answer: Promise<string> = agent.answer("why now");
  const picked: number = agent.pick(3);
  const text: string = agent.pick("b");
  // @ts-expect-error a method keeps its parameters
  const wrong: () => Promise<string> = agent.answer;
  console.log(await answer, picked, text, Agent.ask("x"), Agent.ask.length, agent.answer.name);
`;
const COMMON = [
  ["answer", "AGENT", { question: "why now" }],
  ["ask", "UNKNOWN", { q: "x" }],
  ["choose", "UNKNOWN", { value: 1 }],
  ["choose", "UNKNOWN", { value: "a" }],
  ["choose", "UNKNOWN", { value: 3 }],
  ["choose", "UNKNOWN", { value: "b" }],
  ["words", "UNKNOWN", { text: "why now" }],
];

test("standard decorators trace methods, static and private ones, and fields that hold functions; types stay", async () => {
  const { problems, code } = compile(`
    import { trace } from "@sightline/sdk";
    class Agent {
      constructor(readonly name: string) {}
      ${METHODS}
      @trace() #secret(text: string) { return text.toUpperCase() + this.name; }
      reveal() { return this.#secret("x"); }
      @trace({ spanType: "TOOL" }) shout = (text: string) => text + this.name;
      @trace static twice = function twice(n: number) { return 2 * n; };
      @trace() [Symbol.iterator]() { return [1][Symbol.iterator](); }
    }
    ${USE}
    const loud: string = agent.shout("hey ");
    // @ts-expect-error a field keeps its parameters
    const wrongField: (text: number) => string = agent.shout;
    console.log(loud, Agent.twice(4), agent.reveal(), [...agent].length);
  `);
  expect(problems).toEqual([]);
  const end = await runProgram(code, { env: { SIGHTLINE_URL: receiver.url } });
  expect(end).toMatchObject({
    stdout: "Ann: why-now1a 3 b ?x2 1 answer\nhey Ann 8 XAnn 1\n",
    stderr: "",
  });
  expect(facts()).toEqual(
    [
      ...COMMON,
      ["#secret", "UNKNOWN", { text: "x" }],
      ["Symbol(Symbol.iterator)", "UNKNOWN", {}],
      ["shout", "TOOL", { text: "hey " }],
      ["twice", "UNKNOWN", { n: 4 }],
    ].sort(([one], [other]) => (String(one) < String(other) ? -1 : 1)),
  );
});

test("TypeScript's experimental decorators trace methods and static ones; types stay", async () => {
  const source = `
    import { trace } from "@sightline/sdk";
    class Agent {
      constructor(readonly name: string) {}
      ${METHODS}
    }
    ${USE}
  `;
  const { problems, code } = compile(source, { experimentalDecorators: true });
  expect(problems).toEqual([]);
  const end = await runProgram(code, { env: { SIGHTLINE_URL: receiver.url } });
  expect(end).toMatchObject({ stdout: "Ann: why-now1a 3 b ?x2 1 answer\n", stderr: "" });
  expect(facts()).toEqual(COMMON);
});

describe("what cannot be traced is refused when the class is defined, by the compiler too", () => {
  const sentence = (what: string): string =>
    `@trace() cannot stand on ${what}; it traces methods, and fields that hold functions. Move the work into a method, or use withSpan() inside.`;

  test.each([
    ["a getter", "class Agent { @trace() get name() { return 1; } }", 'the getter "name"'],
    ["a setter", "class Agent { @trace() set name(value: number) {} }", 'the setter "name"'],
    ["an accessor", "class Agent { @trace() accessor name = 1; }", 'the accessor "name"'],
    ["a class", "@trace() class Agent {}", "the class Agent"],
  ])("%s", async (_, text, what) => {
    const { problems, code } = compile(`import { trace } from "@sightline/sdk";\n${text}`);
    expect(problems).not.toEqual([]);
    expect((await runProgram(code)).stderr).toContain(sentence(what));
  });

  test.each([
    ["a getter", "class Agent { @trace() get name() { return 1; } }", 'the accessor "name"'],
    ["a field", "class Agent { @trace() shout = () => 1; }", 'the field "shout" under experimentalDecorators'],
  ])("%s under experimentalDecorators", async (_, text, what) => {
    const { code } = compile(`import { trace } from "@sightline/sdk";\n${text}`, { experimentalDecorators: true });
    expect((await runProgram(code)).stderr).toContain(sentence(what));
  });

  test("a field that holds no function is said, and stays as it is", async () => {
    const { problems, code } = compile(`
      import { trace } from "@sightline/sdk";
      import { diag, DiagConsoleLogger, DiagLogLevel } from "@opentelemetry/api";
      diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);
      class Agent { @trace() size = 1; }
      console.log(new Agent().size);
    `);
    expect(problems).not.toEqual([]);
    const end = await runProgram(code);
    expect(end.stdout).toContain("1\n");
    expect(end.stdout + end.stderr).toContain('@trace() stands on the field "size", which holds no function');
  });
});
