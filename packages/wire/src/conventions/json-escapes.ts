/**
 * One spelling for the strings of JSON, so that a word is found however its sender escaped it, and the way back.
 *
 * Python sends `\u5929\u6c23`, Go `\u003c`, PHP `\/`: the same text as `天氣`, `<` and `/`. Payloads are kept as `JSON.stringify`
 * would spell them; how they came is remembered in a few letters.
 */

/**
 * How a sender escapes: letters, `-`, and the ASCII characters that it writes as `\u00XX`, in hex. Each letter only if it holds:
 * `a` everything beyond ASCII is escaped, `u` hex digits are in upper case, `s` a slash is `\/`, `l` U+2028 and U+2029 are escaped.
 */
export type EscapeStyle = string;

export interface PlainJson {
  readonly json: string;
  /** Undefined: the spelling cannot be told from `json`, because the sender mixes several. */
  readonly style?: EscapeStyle;
}

/**
 * The same JSON with its strings spelled as `JSON.stringify` spells them; space and numbers stay as they are.
 *
 * @param json  JSON text that {@link hasForeignEscapes}
 */
export function plainEscapes(json: string): PlainJson {
  const asHex = new Set<string>();
  let letters = "";
  // A pair of surrogates is one match, since only halves that stand alone stay escaped.
  const plain = json.replace(ESCAPE, (text, pair: string | undefined, hex: string | undefined) => {
    if (pair !== undefined) return String.fromCharCode(unitAt(text, 2), unitAt(text, 8));
    if (hex === undefined) return text === "\\/" ? "/" : text;
    const char = String.fromCharCode(unitAt(text, 2));
    if (char < "\u0080") asHex.add(char);
    return JSON.stringify(char).slice(1, -1);
  });
  if (!/[\u0080-\uffff]/.test(json)) letters += "a";
  if (/\\u[\dA-Fa-f]{0,3}[A-F]/.test(json)) letters += "u";
  if (json.includes("\\/")) letters += "s";
  if (/\\u202[89]/.test(json) && !letters.includes("a")) letters += "l";
  const hex = [...asHex].map((char) => char.charCodeAt(0).toString(16).padStart(2, "0"));
  const style = `${letters}-${hex.join("")}`;
  return foreignEscapes(plain, style) === json ? { json: plain, style } : { json: plain };
}

/** Whether strings of this JSON may be spelled otherwise than `JSON.stringify` does. Cheap: most JSON has neither. */
export function hasForeignEscapes(json: string): boolean {
  return json.includes("\\u") || json.includes("\\/");
}

/**
 * JSON as its sender spelled it.
 *
 * @param json  what {@link plainEscapes} gave, with its style
 */
export function foreignEscapes(json: string, style: EscapeStyle): string {
  const [letters = "", hex = ""] = style.split("-");
  const asHex = new Set((hex.match(/../g) ?? []).map((code) => String.fromCharCode(Number.parseInt(code, 16))));
  const toHex = (unit: string) => {
    const digits = unit.charCodeAt(0).toString(16).padStart(4, "0");
    return `\\u${letters.includes("u") ? digits.toUpperCase() : digits}`;
  };
  return json.replace(CANDIDATE, (text) => {
    const char =
      text.length === 2 ? SHORT[text[1] ?? ""] : text.length === 6 ? String.fromCharCode(unitAt(text, 2)) : text;
    if (char === undefined) return text;
    if (char > "\u007f") {
      const isEscaped =
        text.length === 6 || letters.includes("a") || (letters.includes("l") && /[\u2028\u2029]/.test(char));
      return isEscaped ? toHex(char) : char;
    }
    if (text.length === 6 || asHex.has(char)) return toHex(char);
    return char === "/" && letters.includes("s") ? "\\/" : text;
  });
}

const ESCAPE = /\\(?:u([dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2})|u([\da-fA-F]{4})|.)/g;

/** All that a style may spell otherwise: escapes of `JSON.stringify`, what is beyond ASCII, and characters JSON itself does not use. */
const CANDIDATE = /\\u[\da-f]{4}|\\.|[\u007f-\uffff]|[!#-+/;-@^_`|~]/g;

const SHORT: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

function unitAt(text: string, index: number): number {
  return Number.parseInt(text.slice(index, index + 4), 16);
}
