/**
 * A tape as JSON data: for what has to look at a value as a whole, e.g. a program's own masking.
 */
import { blobToText, bytesToData } from "./binary.ts";
import { CLOSE, type Shape, type Tape, TapeReader } from "./tape.ts";

/** Builds the objects and arrays of a tape. Members that were undefined are not there; `undefined` itself stays. */
export function tapeToTree(tape: Tape): unknown {
  return toValue(new TapeReader(tape));
}

function toValue(reader: TapeReader): unknown {
  const token = reader.next();
  if (typeof token !== "object" || token === null) return token;
  switch (token.token) {
    case "array":
      return arrayOf(reader);
    case "shape":
      return objectOf(reader, token, false);
    case "open":
      return objectOf(reader, token.shape, true);
    case "bytes":
      return bytesToData(token);
    case "blob":
      return blobToText(token);
    case "close":
      throw new Error("A snapshot closes an object that is not open.");
  }
}

function arrayOf(reader: TapeReader): unknown[] {
  const length = Number(reader.next());
  const items: unknown[] = [];
  for (let index = 0; index < length; index++) items.push(toValue(reader));
  return items;
}

function objectOf(reader: TapeReader, shape: Shape, isOpen: boolean): Record<string, unknown> {
  // Pairs, not assignments: a key "__proto__" must stay a member.
  const members: [string, unknown][] = [];
  for (const { key } of shape.members) members.push([key, toValue(reader)]);
  if (isOpen) {
    for (let key = reader.next(); key !== CLOSE; key = reader.next()) members.push([String(key), toValue(reader)]);
  }
  return Object.fromEntries(members);
}
