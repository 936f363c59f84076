/**
 * Tokens one after the other, and the errors about them.
 */
import { preview } from "../json.ts";
import type { Token } from "./lexer.ts";

export interface FilterError {
  /** A sentence for people. */
  readonly message: string;
  /** Where it is wrong: first UTF-16 unit and number of units (0 at the end of the text). */
  readonly position: number;
  readonly length: number;
  /** What may stand there, when that is a short list. */
  readonly expected?: readonly string[];
  /** What was probably meant in place of the marked text: a field, an operator or a value. */
  readonly suggestion?: string;
}

/** Carries a FilterError out of the recursive descent; `parseFilter` turns it into a result. */
export class Refusal extends Error {
  readonly error: FilterError;
  constructor(error: FilterError) {
    super(error.message);
    this.error = error;
  }
}

export class TokenReader {
  readonly #tokens: readonly Token[];
  readonly #text: string;
  #index = 0;

  constructor(tokens: readonly Token[], text: string) {
    this.#tokens = tokens;
    this.#text = text;
  }

  /** The next token, or one further on, which stays. */
  peek(ahead = 0): Token {
    return this.#tokens[this.#index + ahead] ?? END;
  }

  next(): Token {
    const token = this.peek();
    this.#index += 1;
    return token;
  }

  skip(count = 1): void {
    this.#index += count;
  }

  /** Whether a keyword stands there, in any case. */
  isKeyword(word: string, ahead = 0): boolean {
    return isKeyword(this.peek(ahead), word);
  }

  isSymbol(symbol: string, ahead = 0): boolean {
    return isSymbol(this.peek(ahead), symbol);
  }

  /** A token exactly as it stands in the text. */
  source(token: Token): string {
    return this.#text.slice(token.position, token.position + token.length);
  }

  /** A token as messages show it. */
  show(token: Token): string {
    return token.kind === "end" ? "the end" : preview(this.source(token), 60);
  }

  refusal(at: Token, message: string, more: { expected?: readonly string[]; suggestion?: string } = {}): Refusal {
    return new Refusal({ message, position: at.position, length: at.length, ...more });
  }
}

/** Never shown: the lexer ends every list with its own end token, and nothing reads past it without failing. */
const END: Token = { kind: "end", position: 0, length: 0 };

/** The word of a token that could be a keyword, in capitals; "" of all others. */
export function wordOf(token: Token): string {
  const part = token.kind === "path" && token.parts.length === 1 ? token.parts[0] : undefined;
  return part !== undefined && !part.quoted && part.text.length <= 10 ? part.text.toUpperCase() : "";
}

export function isKeyword(token: Token, word: string): boolean {
  return wordOf(token) === word;
}

export function isSymbol(token: Token, symbol: string): boolean {
  return token.kind === "symbol" && token.symbol === symbol;
}

/** `a, b or c` */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
