/**
 * Text that someone else wrote, made safe to look at: characters that draw nothing or turn others around become visible or go.
 *
 * Terminal colours are taken out. Controls that reverse the reading direction could make a text say something else than it holds
 * (https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing): they are written out. What is copied or shown as raw JSON
 * keeps everything.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
const ODD = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
/** Control sequences of terminals, ECMA-48: colours, cursor moves. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
const TERMINAL = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
const DIRECTION = /[\u202a-\u202e\u2066-\u2069]/g;

/** The text as it may be drawn; the same value when there is nothing odd in it. */
export function displayText(text: string): string {
  if (!ODD.test(text)) return text;
  return text
    .replace(TERMINAL, "")
    .replace(/\r\n?/g, "\n")
    .replace(CONTROL, "\ufffd")
    .replace(DIRECTION, (char) => `[U+${char.charCodeAt(0).toString(16).toUpperCase()}]`);
}
